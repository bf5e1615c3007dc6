// Package postgrestest starts a real PostgreSQL for a test, on a loopback port
// and in a directory of its own. The test is skipped where none is installed.
package postgrestest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const (
	superuser = "postgres"
	password  = "postgres" // of the superuser

	startTimeout = time.Minute // far more than it takes: machines that run tests are busy
)

// Server is a PostgreSQL server.
type Server struct {
	t    testing.TB
	bin  string // directory of PostgreSQL's programs
	dir  string // of this server
	port string

	process *exec.Cmd
	stdin   io.Closer
	log     bytes.Buffer
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := programs()
	if bin == "" {
		t.Skip("PostgreSQL is not installed: no initdb in PATH nor in /usr/lib/postgresql (apt-get install postgresql)")
	}
	// Not t.TempDir: only its owner may go into that.
	dir, err := os.MkdirTemp("", "postgrestest")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{t: t, bin: bin, dir: dir, port: freePort(t)}
	s.initialize()
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// programs returns the directory of PostgreSQL's programs, or nothing.
func programs() string {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian puts them
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// initialize makes the files of a server with one user and password logins only.
func (s *Server) initialize() {
	s.t.Helper()
	secret := filepath.Join(s.dir, "password")
	require.NoError(s.t, os.WriteFile(secret, []byte(password), 0o600))
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.bin, "initdb"), "--pgdata="+s.data(), "--username="+superuser,
		"--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	s.unprivileged(cmd, secret)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Start starts a server that was stopped, on its old port, and waits until it
// answers.
func (s *Server) Start() {
	s.t.Helper()
	// The shell ends PostgreSQL when its input does: also when the test dies.
	cmd := exec.Command("sh", "-c", `"$@" & read -r _; kill -INT $!; wait`, "sh", filepath.Join(s.bin, "postgres"),
		"-D", s.data(), "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB")
	s.log.Reset()
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	stdin, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	s.unprivileged(cmd)
	require.NoError(s.t, cmd.Start())
	s.process, s.stdin = cmd, stdin

	deadline := time.Now().Add(startTimeout)
	for {
		conn, err := pgx.Connect(context.Background(), s.URL())
		if err == nil {
			require.NoError(s.t, conn.Close(context.Background()))
			return
		}
		if time.Now().After(deadline) {
			s.Stop()
			require.NoError(s.t, err, "PostgreSQL does not start: %s", &s.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Stop ends the server and its connections, and keeps its files. A server that
// was stopped stays so.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.stdin.Close()
	_ = s.process.Wait() // the exit code of the shell says nothing
	s.process = nil
}

// Restart stops and starts the server.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// URL is that of the superuser and its database.
func (s *Server) URL() string { return s.UserURL(superuser, password, superuser) }

// UserURL is that of a user and a database; without the password when that is
// empty.
func (s *Server) UserURL(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: net.JoinHostPort("127.0.0.1", s.port), Path: "/" + database, RawQuery: "sslmode=disable"}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// NewDatabase makes an empty database and returns its URL for the superuser.
func (s *Server) NewDatabase(name string) string {
	s.t.Helper()
	s.Exec("CREATE DATABASE " + pgx.Identifier{name}.Sanitize())
	return s.UserURL(superuser, password, name)
}

// SetPassword gives a user a new password. Connections that are open stay so.
func (s *Server) SetPassword(user, password string) {
	s.t.Helper()
	s.Exec(fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", pgx.Identifier{user}.Sanitize(), strings.ReplaceAll(password, "'", "''")))
}

// Exec runs a statement as the superuser.
func (s *Server) Exec(sql string, args ...any) {
	s.t.Helper()
	conn, err := pgx.Connect(context.Background(), s.URL())
	require.NoError(s.t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql, args...)
	require.NoError(s.t, err, "%s", sql)
}
