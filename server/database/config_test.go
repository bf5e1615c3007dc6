package database_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
)

// login is in the format of RDS, with more than is needed.
const login = `{"username": "master", "password": "hunter2", "engine": "postgres"}`

func open(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

func TestOpenAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]database.Config{
		"this machine":           {URL: "postgres://user:pass@localhost/codeflow"},
		"this machine, IPv4":     {URL: "postgresql://user@127.0.0.1:5433/codeflow?sslmode=disable"},
		"this machine, IPv6":     {URL: "postgres://user@[::1]/codeflow"},
		"a socket":               {URL: "postgres:///codeflow?host=/tmp"},
		"another machine":        {URL: "postgres://user:p%40ss@db.example.com/codeflow?sslmode=verify-full"},
		"RDS, by IAM":            {URL: "postgres://user@db.abc.eu-central-1.rds.amazonaws.com/codeflow?sslmode=verify-full", IAM: true},
		"this machine, by IAM":   {URL: "postgres://user@localhost/codeflow", IAM: true},
		"several hosts":          {URL: "postgres://user@localhost,db.example.com/codeflow?sslmode=verify-full"},
		"certificates of system": {URL: "postgres://user@db.example.com/codeflow?sslrootcert=system"},
		"options of the pool":    {URL: "postgres://user@localhost/codeflow?pool_max_conns=2&connect_timeout=1"},
	}
	for title, cfg := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "closed", open(t, cfg).State())
			assert.NoError(t, cfg.Validate())
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const (
		form   = "database URL: must be of the form postgres://user@host:5432/name?sslmode=verify-full: write special characters of a password as %XX"
		verify = `database URL: sslmode must be verify-full for host "db.example.com", which is not this machine: add sslmode=verify-full`
	)
	tests := map[string]struct {
		cfg  database.Config
		want string
	}{
		"nothing":             {database.Config{}, form},
		"another scheme":      {database.Config{URL: "mysql://user:hunter2@localhost/codeflow"}, form},
		"keywords":            {database.Config{URL: "host=localhost password=hunter2"}, form},
		"slash in password":   {database.Config{URL: "postgres://user:hunter2/@localhost/codeflow"}, form},
		"percent in password": {database.Config{URL: "postgres://user:hunter2%@localhost/codeflow"}, form},
		"password as option":  {database.Config{URL: "postgres://user@localhost/codeflow?password=hunter2"}, "must not have a password among its parameters"},
		"unknown sslmode":     {database.Config{URL: "postgres://user:hunter2@localhost/codeflow?sslmode=on"}, "sslmode is invalid"},
		"port":                {database.Config{URL: "postgres://user:hunter2@localhost:70000/codeflow"}, "invalid port"},
		"size of the pool":    {database.Config{URL: "postgres://user:hunter2@localhost/codeflow?pool_max_conns=0"}, "pool_max_conns too small"},
		"no sslmode":          {database.Config{URL: "postgres://user:hunter2@db.example.com/codeflow"}, verify},
		"no TLS":              {database.Config{URL: "postgres://user:hunter2@db.example.com/codeflow?sslmode=disable"}, verify},
		"no verification":     {database.Config{URL: "postgres://user:hunter2@db.example.com/codeflow?sslmode=require"}, verify},
		"any name":            {database.Config{URL: "postgres://user:hunter2@db.example.com/codeflow?sslmode=verify-ca"}, verify},
		"second host":         {database.Config{URL: "postgres://user:hunter2@localhost,db.example.com/codeflow"}, verify},
		"password and IAM":    {database.Config{URL: "postgres://user:hunter2@localhost/codeflow", IAM: true}, "must not have a password when IAM signs one: remove one of them"},
		"IAM, nobody":         {database.Config{URL: "postgres://localhost/codeflow", IAM: true}, "must have a user and exactly one host when IAM signs the passwords"},
		"IAM, a socket":       {database.Config{URL: "postgres://user@/codeflow?host=/tmp", IAM: true}, "exactly one host"},
		"IAM, two hosts":      {database.Config{URL: "postgres://user@localhost:1,localhost:2/codeflow", IAM: true}, "exactly one host"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, err := database.Open(t.Context(), tt.cfg)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.EqualError(t, tt.cfg.Validate(), err.Error())
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	const format = `database login: must be JSON with "username" and "password", as RDS writes its secret`
	for title, tt := range map[string]struct{ url, login, want string }{
		"text":        {"postgres://user@localhost/codeflow", "hunter2", format},
		"list":        {"postgres://user@localhost/codeflow", `["hunter2"]`, format},
		"nobody":      {"postgres://user@localhost/codeflow", `{"password": "hunter2"}`, format},
		"no password": {"postgres://user@localhost/codeflow", `{"username": "hunter2", "password": ""}`, format},
		"the same":    {"postgres://master@localhost/codeflow", login, `database URL: must have the server's user, who is not "master" of the login`},
		"no user":     {"postgres://localhost/codeflow", login, "database URL: must have the server's user"},
		"password":    {"postgres://user:hunter2@localhost/codeflow", login, "must not have a password when there is a login: remove one of them"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			cfg := database.Config{URL: tt.url, Login: tt.login}
			err := cfg.Validate()
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hunter2")
			require.ErrorContains(t, database.Migrate(t.Context(), cfg, []string{"up"}, new(bytes.Buffer)), tt.want)
		})
	}
	cfg := database.Config{URL: "postgres://user@localhost/codeflow", Login: login}
	require.NoError(t, cfg.Validate())
	_, err := database.Open(t.Context(), cfg)
	assert.EqualError(t, err, "database login: it is for migrations only: remove it")
}

// silent is the address of a server that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// closed is an address where nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestCheckIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	db := open(t, database.Config{URL: "postgres://user@" + silent(t) + "/codeflow?sslmode=disable"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, db.Check(ctx), context.DeadlineExceeded)
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	changes := make(chan string, 10)
	var log bytes.Buffer
	db := open(t, database.Config{
		URL:           "postgres://user:hunter2@" + closed(t) + "/codeflow?sslmode=disable",
		Breaker:       database.Breaker{Timeout: 20 * time.Millisecond},
		OnStateChange: func(name, from, to string) { changes <- name + ": " + from + " to " + to },
		Logger:        slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 5 {
		err := db.Check(t.Context())
		require.ErrorContains(t, err, "checking the database: failed to connect")
		assert.NotContains(t, err.Error(), "hunter2")
	}
	assert.Equal(t, "database: closed to open", <-changes)
	assert.Eventually(t, func() bool { return db.State() == "half-open" }, time.Minute, time.Millisecond)
	assert.Equal(t, "database: open to half-open", <-changes)
	require.ErrorContains(t, db.Check(t.Context()), "failed to connect")
	assert.Equal(t, "database: half-open to open", <-changes)
	assert.Contains(t, log.String(), `level=WARN msg="circuit breaker changed" name=database from=closed to=open`)
	assert.NotContains(t, log.String(), "hunter2")
}

func TestBreakerFailsAtOnceWhileOpen(t *testing.T) {
	t.Parallel()
	db := open(t, database.Config{
		URL:     "postgres://user@" + closed(t) + "/codeflow?sslmode=disable",
		Breaker: database.Breaker{Threshold: 2},
		Logger:  slog.New(slog.DiscardHandler),
	})
	gaveUp, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		require.ErrorIs(t, db.Check(gaveUp), context.Canceled)
	}
	assert.Equal(t, "closed", db.State(), "who gave up says nothing about the database")
	for range 2 {
		require.Error(t, db.Check(t.Context()))
	}
	assert.Equal(t, "open", db.State())
	assert.EqualError(t, db.Check(t.Context()), "checking the database: circuit breaker is open")
	_, err := db.Top(t.Context(), "agent", time.Time{}, 1)
	assert.EqualError(t, err, `counting uses of kind "agent": circuit breaker is open`)
}
