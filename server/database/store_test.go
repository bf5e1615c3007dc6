package database_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// migrateUp prepares the schema of a database.
func migrateUp(t *testing.T, url string) {
	t.Helper()
	require.NoError(t, database.Migrate(t.Context(), database.Config{URL: url}, []string{"up"}, new(bytes.Buffer)))
}

// query returns what a statement gives in a database.
func query[T any](t *testing.T, url, sql string, args ...any) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return values
}

func testInsert(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("insert")
	migrateUp(t, url)
	db := open(t, database.Config{URL: url})
	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
	batch := usage.Batch{ID: uuid.New(), Events: []usage.Event{
		{Time: at, Kind: usage.KindAgent, Name: "a", Client: "c", Latency: 1500 * time.Nanosecond},
		{Time: at, Kind: usage.KindAgent, Name: "a", Client: "c", Latency: 1500 * time.Nanosecond},
		{Time: at, Kind: usage.KindTool, Name: "nul\x00", Client: "no UTF-8\xff"},
	}}
	for range 2 {
		require.NoError(t, db.Insert(t.Context(), batch))
	}
	other := usage.Batch{ID: uuid.New(), Events: batch.Events[:1]}
	require.NoError(t, db.Insert(t.Context(), other))
	require.NoError(t, db.Insert(t.Context(), usage.Batch{ID: uuid.New()}))

	event := func(id uuid.UUID, n int, rest string) string {
		return fmt.Sprintf("%s %d %s %s", id, n, at.Format(time.RFC3339Nano), rest)
	}
	want := []string{
		event(batch.ID, 1, "agent|a|c|1"), event(batch.ID, 2, "agent|a|c|1"), event(batch.ID, 3, "tool|nul|no UTF-8\uFFFD|0"),
		event(other.ID, 1, "agent|a|c|1"),
	}
	assert.ElementsMatch(t, want, query[string](t, url, `
		SELECT batch_id || ' ' || n || to_char(at AT TIME ZONE 'UTC', ' YYYY-MM-DD"T"HH24:MI:SS.US"Z" ') || concat_ws('|', kind, name, client, latency_us)
		FROM usage_events`))
}

func testTop(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("top")
	migrateUp(t, url)
	db := open(t, database.Config{URL: url})
	since := time.Now().Add(-time.Hour)
	event := func(kind, name string, at time.Time, latency time.Duration) usage.Event {
		return usage.Event{Time: at, Kind: kind, Name: name, Latency: latency}
	}
	require.NoError(t, db.Insert(t.Context(), usage.Batch{ID: uuid.New(), Events: []usage.Event{
		event(usage.KindAgent, "b", since, time.Millisecond),
		event(usage.KindAgent, "a", time.Now(), time.Millisecond),
		event(usage.KindAgent, "often", time.Now(), 1250*time.Microsecond),
		event(usage.KindAgent, "often", time.Now(), 2*time.Millisecond),
		event(usage.KindAgent, "long ago", since.Add(-time.Millisecond), time.Second),
		event(usage.KindCommand, "another kind", time.Now(), time.Second),
	}}))
	counts, err := db.Top(t.Context(), usage.KindAgent, since, 10)
	require.NoError(t, err)
	want := []usage.Count{{Name: "often", Uses: 2, MeanMS: 1.625}, {Name: "a", Uses: 1, MeanMS: 1}, {Name: "b", Uses: 1, MeanMS: 1}}
	assert.Equal(t, want, counts)

	counts, err = db.Top(t.Context(), usage.KindAgent, since, 2)
	require.NoError(t, err)
	assert.Equal(t, want[:2], counts)
	counts, err = db.Top(t.Context(), usage.KindTool, since, 2)
	require.NoError(t, err)
	assert.Empty(t, counts)
}

func testCheck(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("check")
	db := open(t, database.Config{URL: url})
	for range 6 {
		assert.EqualError(t, db.Check(t.Context()), `schema is at version 0, this server needs 1: run "codeflow-server migrate up"`)
		assert.ErrorContains(t, db.Insert(t.Context(), usage.Batch{ID: uuid.New()}), "42P01")
	}
	assert.Equal(t, "closed", db.State(), "a database that answers is not down")

	migrateUp(t, url)
	require.NoError(t, db.Check(t.Context()))
	query[string](t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, true) RETURNING ''")
	require.NoError(t, db.Check(t.Context()), "a newer schema is well")

	wrong := open(t, database.Config{URL: strings.Replace(url, "postgres:postgres@", "postgres:hunter2@", 1)})
	err := wrong.Check(t.Context())
	require.ErrorContains(t, err, "28P01")
	assert.NotContains(t, err.Error(), "hunter2")
}
