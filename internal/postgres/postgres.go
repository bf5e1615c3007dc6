// Package postgres starts and stops a real PostgreSQL on a loopback address, for
// tests and for the sandbox. It loses data when the machine dies, and only then:
// nothing is synced to disk. Its programs come from npm, pinned: see [Programs].
//
// Start at [Start], or at [Instance] for what RDS makes. [Server.Stop] and
// [Server.Start] are an outage. [Server.Backup] and an archive are what a later
// server can be restored from: see [Origin].
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Options of a server.
type Options struct {
	// Dir is the directory of the server and of nothing else; it is made when it
	// is missing. PostgreSQL refuses root: what root starts runs as the user
	// postgres or nobody, to whom Dir is given, and who must be able to pass the
	// directories above it. Required.
	Dir string
	// Address is a loopback address and port. Port 0 is one that is free, and
	// stays the same as long as the [Server] does. Default "127.0.0.1:0".
	Address string
	// Version is the major version, one of [Versions]; a server that is there, or is
	// restored, keeps its own. Default [DefaultVersion].
	Version string
	// Superuser of the server. Default "postgres".
	Superuser string
	// Password of the superuser, from when the files are made: it is kept in Dir,
	// and later ones are ignored. Default: a random one.
	Password string
	// Archive is a folder that gets the server's WAL, a file per segment, for
	// others to restore from; it is made when it is missing. Default: nothing is
	// archived.
	Archive string
	// Origin is what the files are made from when they are missing. Default: the
	// server begins empty.
	Origin *Origin
}

// Server is a PostgreSQL server. Its methods may be used at the same time.
type Server struct {
	opts       Options // complete
	host, port string
	password   string // of the superuser

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited <-chan struct{} // nil before the first start
}

// Start makes the server that the options describe, unless its files are there,
// starts it, and returns when it takes connections. It ends with
// [Server.Stop], or when this process does, however that ends: on Linux; on other
// systems a killed process leaves it behind.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts}
	if s.host, s.port, err = address(ctx, opts.Address); err != nil {
		return nil, err
	}
	if err := Init(ctx, opts); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(s.opts.secret())
	if err != nil {
		return nil, fmt.Errorf("reading the superuser's password: %w: remove %s to begin with an empty server", err, s.opts.Dir)
	}
	s.password = string(password)
	if err := s.startAnywhere(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// tries is how many ports that were free are tried: another process may be faster.
const tries = 5

// startAnywhere starts the server for the first time, on another port when the one that
// was found free is in use by now.
func (s *Server) startAnywhere(ctx context.Context) (err error) {
	_, asked, _ := net.SplitHostPort(s.opts.Address)
	for range tries {
		if err = s.Start(ctx); err == nil || cmp.Or(asked, "0") != "0" || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
		if s.host, s.port, err = address(ctx, s.opts.Address); err != nil {
			return err
		}
	}
	return err
}

func (o Options) complete() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("starting PostgreSQL: Dir is required")
	}
	dir, err := filepath.Abs(o.Dir)
	o.Dir, o.Superuser, o.Version = dir, cmp.Or(o.Superuser, "postgres"), cmp.Or(o.Version, DefaultVersion)
	if err == nil && o.Archive != "" {
		o.Archive, err = filepath.Abs(o.Archive)
	}
	if err == nil && o.Origin != nil {
		o.Origin, err = o.Origin.complete()
	}
	return o, err
}

// address splits the address, and finds a port.
func address(ctx context.Context, given string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(cmp.Or(given, "127.0.0.1:0"))
	if err == nil && !net.ParseIP(host).IsLoopback() {
		err = errors.New("it is not of this machine: give a loopback address such as 127.0.0.1:5432")
	}
	if err == nil && port == "0" {
		var listener net.Listener
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port)); err == nil {
			defer listener.Close()
			_, port, err = net.SplitHostPort(listener.Addr().String())
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("PostgreSQL's address %q: %w", given, err)
	}
	return host, port, nil
}

// Address is where the server listens: an IP address and a port.
func (s *Server) Address() string { return net.JoinHostPort(s.host, s.port) }

// URL is that of the superuser and the database postgres.
func (s *Server) URL() string { return s.UserURL(s.opts.Superuser, s.password, "postgres") }

// UserURL is that of a user and a database; without the password when that is
// empty.
func (s *Server) UserURL(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: s.Address(), Path: "/" + database, RawQuery: "sslmode=disable"}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// NewDatabase makes an empty database and returns its URL for the superuser.
func (s *Server) NewDatabase(ctx context.Context, name string) (string, error) {
	return s.UserURL(s.opts.Superuser, s.password, name), s.Exec(ctx, "CREATE DATABASE "+identifier(name))
}

// SetPassword gives a user a new password. Connections that are open stay so.
// The superuser keeps his.
func (s *Server) SetPassword(ctx context.Context, user, password string) error {
	if user == s.opts.Superuser {
		return fmt.Errorf("setting the password of %q: it is the superuser, whose password is kept in %s", user, s.opts.secret())
	}
	err := s.Exec(ctx, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", identifier(user), strings.ReplaceAll(password, "'", "''")))
	if err != nil {
		return fmt.Errorf("setting the password of %q: %w", user, err)
	}
	return nil
}

// Exec runs a statement as the superuser.
func (s *Server) Exec(ctx context.Context, sql string, args ...any) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql, args...)
	return err
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }
