package postgres_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
)

// source is a server that archives, with rows from before and after its backup.
type source struct {
	instance        postgres.Instance
	server          *postgres.Server
	archive, backup string
	// before is a time at which there were 200 rows, and there are 300.
	before time.Time
}

func newSource(t *testing.T) *source {
	t.Helper()
	above := filepath.Join(filepath.Dir(filepath.Dir(newDir(t))), "it's 100%")
	s := &source{archive: filepath.Join(above, "wal"), backup: filepath.Join(above, "base", "1.tar.gz")}
	s.instance = postgres.Instance{
		Dir: filepath.Join(above, "source"), User: "master", Password: "it's", Database: "codeflow", AdminPassword: "admin", Archive: s.archive,
	}
	s.server = start(t, s.instance)
	s.exec(t, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 100) n")
	require.NoError(t, s.server.Backup(t.Context(), s.backup))
	s.exec(t, "INSERT INTO kept SELECT n FROM generate_series(101, 200) n")
	s.before = time.Now()
	s.exec(t, "INSERT INTO kept SELECT n FROM generate_series(201, 300) n")
	return s
}

func start(t *testing.T, instance postgres.Instance) *postgres.Server {
	t.Helper()
	began := time.Now()
	server, err := instance.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	t.Logf("starts in %v", time.Since(began))
	return server
}

func (s *source) exec(t *testing.T, sql string) {
	t.Helper()
	conn, err := connect(t, s.server.UserURL(s.instance.User, s.instance.Password, s.instance.Database))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func (s *source) archived(t *testing.T) time.Time {
	t.Helper()
	latest, err := s.server.Archived(t.Context())
	require.NoError(t, err)
	return latest
}

// restored is an instance beside the source.
func (s *source) restored(name string, origin postgres.Origin) postgres.Instance {
	instance := s.instance
	instance.Dir, instance.Password = filepath.Join(filepath.Dir(s.instance.Dir), name), "another"
	instance.Archive, instance.Origin = instance.Dir+"-wal", &origin
	return instance
}

func count(t *testing.T, server *postgres.Server, instance postgres.Instance) (rows int) {
	t.Helper()
	conn, err := connect(t, server.UserURL(instance.User, instance.Password, instance.Database))
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&rows))
	return rows
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	assert.True(t, s.archived(t).After(s.before))
	s.exec(t, "DROP TABLE kept")
	s.archived(t)
	s.server.Stop()
	for name, c := range map[string]struct {
		origin postgres.Origin
		want   int
	}{
		"backup": {postgres.Origin{Backup: s.backup}, 100},
		"point":  {postgres.Origin{Backup: s.backup, Archive: s.archive, Until: s.before}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instance := s.restored(name, c.origin)
			server := start(t, instance)
			assert.Equal(t, c.want, count(t, server, instance))

			// It is a server as any other one: it takes writes, stops, and is backed up.
			require.NoError(t, server.Exec(t.Context(), "CREATE TABLE later ()"))
			server.Stop()
			require.NoError(t, server.Start(t.Context()))
			backup := instance.Dir + ".tar.gz"
			require.NoError(t, server.Backup(t.Context(), backup))
			latest, err := server.Archived(t.Context())
			require.NoError(t, err)
			second := s.restored(name+"-2", postgres.Origin{Backup: backup, Archive: instance.Archive, Until: latest})
			assert.Equal(t, c.want, count(t, start(t, second), second))
		})
	}
}

func TestRestoreToTheEnd(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.archived(t)
	instance := s.restored("end", postgres.Origin{Backup: s.backup, Archive: s.archive})
	assert.Equal(t, 300, count(t, start(t, instance), instance))
}

// TestRestoreFails harms the source more and more.
func TestRestoreFails(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.archived(t)
	refused := func(name string, until time.Time, want string) {
		t.Helper()
		_, err := s.restored(name, postgres.Origin{Backup: s.backup, Archive: s.archive, Until: until}).Start(t.Context())
		assert.ErrorContains(t, err, want, name)
	}
	refused("later than the archive", time.Now(), "recovery ended before configured recovery target was reached")

	segments, err := filepath.Glob(filepath.Join(s.archive, "????????????????????????.gz"))
	require.NoError(t, err)
	last := segments[len(segments)-1]
	require.NoError(t, os.Truncate(last, 20))
	refused("corrupt segment", s.before, "could not restore file")
	refused("corrupt segment at the end", time.Time{}, "could not restore file")
	require.NoError(t, os.Remove(last))
	refused("missing segment", s.before, "recovery ended before configured recovery target was reached")
	s.archived(t)
	refused("gap", time.Time{}, "lacks what comes before")
	require.NoError(t, os.Truncate(s.backup, 1000))
	refused("corrupt backup", s.before, "extracting "+s.backup)
	require.NoError(t, os.Remove(s.backup))
	refused("no backup", s.before, "no such file")

	instance := s.restored("no password", postgres.Origin{Backup: s.backup})
	instance.AdminPassword = ""
	_, err = instance.Start(t.Context())
	require.ErrorContains(t, err, "AdminPassword must be its source's")
	_, err = s.restored("x", postgres.Origin{Backup: s.backup, Until: s.before}).Start(t.Context())
	require.ErrorContains(t, err, "Backup is required, and Archive with Until")
}
