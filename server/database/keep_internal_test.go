// This test does not prove that RDS archives as PostgreSQL itself does.
package database

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
)

func TestKeeper(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/var/tmp", "keeper")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	server, err := postgres.Start(t.Context(), postgres.Options{Dir: filepath.Join(dir, "server"), Archive: filepath.Join(dir, "wal")})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	cfg := Config{URL: server.URL()}
	require.NoError(t, Migrate(t.Context(), cfg, []string{"up"}, new(bytes.Buffer)))
	db, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer db.Close()

	keeper := &Keeper{Retention: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler)}
	before := time.Now()
	_, err = server.Archived(t.Context())
	require.NoError(t, err)
	keeper.look(t.Context(), db)
	known := keeper.Restorable()
	assert.WithinRange(t, known, before.Add(-time.Second), time.Now())

	const insert = `INSERT INTO usage_events SELECT gen_random_uuid(), 1, now() - $1::interval, $2, '', '', 0 FROM generate_series(1, $3)`
	for _, rows := range []struct {
		age, kind string
		count     int
	}{{"25 hours", "tool", deletedAtOnce + 1}, {"23 hours", "tool", 2}, {"25 hours", "agent", 1}} {
		require.NoError(t, server.Exec(t.Context(), insert, rows.age, rows.kind, rows.count))
	}
	left := func() (n int) {
		conn, err := pgx.Connect(t.Context(), server.URL())
		require.NoError(t, err)
		defer conn.Close(t.Context())
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM usage_events").Scan(&n))
		return n
	}
	require.NoError(t, (&Keeper{}).remove(t.Context(), db, time.Now()))
	assert.Equal(t, deletedAtOnce+4, left(), "for ever")
	require.NoError(t, keeper.remove(t.Context(), db, time.Now()))
	assert.Equal(t, 2, left())

	server.Stop()
	keeper.look(t.Context(), db)
	assert.Equal(t, known, keeper.Restorable(), "it gets no newer")
	require.Error(t, keeper.remove(t.Context(), db, time.Now()))
}
