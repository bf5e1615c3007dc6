// Package postgrestest starts a real PostgreSQL for a test, on a loopback port
// and in a directory of its own.
package postgrestest

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
)

// Server is a PostgreSQL server.
type Server struct {
	*postgres.Server
	t testing.TB
}

// Start starts a server of the default version that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartVersion(t, postgres.DefaultVersion)
}

// StartVersion starts a server of a major version.
func StartVersion(t testing.TB, version string) *Server {
	t.Helper()
	// Not t.TempDir: only its owner may go into that.
	dir, err := os.MkdirTemp("", "postgrestest")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Version: version, Password: "postgres"})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return &Server{server, t}
}

// Start starts a server that was stopped, on its old port, and waits until it
// answers.
func (s *Server) Start() {
	s.t.Helper()
	require.NoError(s.t, s.Server.Start(context.Background()))
}

// Restart stops and starts the server.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// NewDatabase makes an empty database and returns its URL for the superuser.
func (s *Server) NewDatabase(name string) string {
	s.t.Helper()
	url, err := s.Server.NewDatabase(context.Background(), name)
	require.NoError(s.t, err)
	return url
}

// SetPassword gives a user a new password. Connections that are open stay so.
func (s *Server) SetPassword(user, password string) {
	s.t.Helper()
	require.NoError(s.t, s.Server.SetPassword(context.Background(), user, password))
}

// Exec runs a statement as the superuser.
func (s *Server) Exec(sql string, args ...any) {
	s.t.Helper()
	require.NoError(s.t, s.Server.Exec(context.Background(), sql, args...), "%s", sql)
}
