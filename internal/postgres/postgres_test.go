// These tests do not prove that data outlives the machine: it need not.
package postgres_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
)

// childDir makes the test binary a process that has a server, and is killed.
const childDir = "POSTGRES_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		server, err := postgres.Start(context.Background(), postgres.Options{Dir: dir})
		if err != nil {
			panic(err)
		}
		fmt.Println(server.URL())
		select {}
	}
	os.Exit(m.Run())
}

// newDir is a directory that PostgreSQL's user may pass; t.TempDir is not.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "postgres-test")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "above", "server")
}

func connect(t *testing.T, url string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func TestInstance(t *testing.T) {
	t.Parallel()
	instance := postgres.Instance{Dir: newDir(t), Address: "127.3.2.1:0", User: `master "one"`, Password: "it's", Database: "code flow"}
	start := func() *postgres.Server {
		began := time.Now()
		server, err := instance.Start(t.Context())
		require.NoError(t, err)
		t.Cleanup(server.Stop)
		t.Logf("%s starts in %v", server.Address(), time.Since(began))
		return server
	}
	server := start()
	instance.Address = server.Address()
	assert.Regexp(t, `^127\.3\.2\.1:[1-9]`, instance.Address)
	url := func() string { return server.UserURL(instance.User, instance.Password, instance.Database) }
	conn, err := connect(t, url())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1")
	require.NoError(t, err, "the database belongs to the master user")
	_, err = conn.Exec(t.Context(), "CREATE ROLE another SUPERUSER")
	require.ErrorContains(t, err, "42501", "who is no superuser")
	_, err = conn.Exec(t.Context(), "CREATE ROLE server LOGIN; GRANT rds_iam TO server")
	require.NoError(t, err)

	server.Stop()
	server.Stop()
	require.Error(t, conn.Ping(t.Context()), "a connection that was open")
	_, err = connect(t, url())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	began := time.Now()
	require.NoError(t, server.Start(t.Context()))
	require.NoError(t, server.Start(t.Context()), "it runs")
	t.Logf("starts again in %v", time.Since(began))
	require.NoError(t, server.SetPassword(t.Context(), instance.User, "rotated"))
	_, err = connect(t, url())
	require.ErrorContains(t, err, "28P01")
	require.ErrorContains(t, server.SetPassword(t.Context(), "rdsadmin", "x"), "is the superuser")
	server.Stop()

	instance.Password = "given later"
	server = start()
	conn, err = connect(t, url())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "DROP TABLE kept")
	require.NoError(t, err)
}

// TestPrograms installs what is not here yet, and compares with what runs on AWS.
func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, version := range postgres.Versions() {
		dir, err := postgres.Programs(t.Context(), version)
		require.NoError(t, err)
		said, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
		require.NoError(t, err)
		assert.Contains(t, string(said), "postgres (PostgreSQL) "+version+".")
	}
	_, err := postgres.Programs(t.Context(), "15")
	require.ErrorContains(t, err, `PostgreSQL "15": must be one of the major versions [16 17 18]`)
	prod, err := os.ReadFile(filepath.Join("..", "..", "Pulumi.prod.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(prod), "\n      version: \""+postgres.DefaultVersion+"\"\n")
}

// TestKilled kills the process that has a server, with a client at it.
func TestKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("on systems other than Linux a killed process leaves its server behind")
	}
	dir := newDir(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var url string
	_, err = fmt.Fscan(stdout, &url)
	require.NoError(t, err)
	conn, err := connect(t, url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1")
	require.NoError(t, err)
	noted, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	number, _, _ := strings.Cut(string(noted), "\n")
	pid, err := strconv.Atoi(number)
	require.NoError(t, err)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	assert.NotEqual(t, syscall.Getpgrp(), group, "a Ctrl-C does not reach it")

	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	lock, err := os.Open(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	killed := time.Now()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX), "waiting until no process has it")
	t.Logf("it is gone in %v", time.Since(killed))
	require.NoError(t, lock.Close())
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	assert.Empty(t, string(command), "it may wait to be reaped")

	server, err := postgres.Start(t.Context(), postgres.Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	require.NoError(t, server.Exec(t.Context(), "DROP TABLE kept"))
}

func TestInterruptedInit(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "data.new", "base")); err == nil {
				return
			}
		}
	}()
	require.ErrorIs(t, postgres.Init(ctx, postgres.Options{Dir: dir}), context.Canceled)
	assert.DirExists(t, filepath.Join(dir, "data.new"))

	for range 2 {
		require.NoError(t, postgres.Init(t.Context(), postgres.Options{Dir: dir}))
	}
	server, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Password: "ignored"})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	url, err := server.NewDatabase(t.Context(), "new")
	require.NoError(t, err)
	_, err = connect(t, url)
	require.NoError(t, err)

	// A second server of the same directory, and one at the same address.
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = postgres.Start(ctx, postgres.Options{Dir: dir})
	require.ErrorContains(t, err, "another server has it: end that (fuser "+dir)
	other := newDir(t)
	_, err = postgres.Start(t.Context(), postgres.Options{Dir: other, Address: server.Address()})
	require.ErrorContains(t, err, "with the files of "+other+": it ended")
	require.ErrorContains(t, err, "Address already in use")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"192.0.2.1:5432": "give a loopback address",
		"localhost:5432": "give a loopback address",
		"127.0.0.1":      "missing port",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Start(t.Context(), postgres.Options{Dir: newDir(t), Address: title})
			require.ErrorContains(t, err, want)
		})
	}
	_, err := postgres.Start(t.Context(), postgres.Options{})
	require.ErrorContains(t, err, "Dir is required")
	_, err = postgres.Instance{Dir: "x", User: "rdsadmin", Password: "x", Database: "x"}.Start(t.Context())
	require.ErrorContains(t, err, "User must not be rdsadmin")
}

func TestImpassable(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root starts PostgreSQL as another user")
	}
	above := filepath.Dir(newDir(t))
	require.NoError(t, os.Mkdir(above, 0o700))
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: filepath.Join(above, "server")})
	require.ErrorContains(t, err, "must be able to pass "+above+": use a directory elsewhere")
}
