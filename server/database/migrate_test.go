package database_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
)

func testUpAndDown(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("up and down")
	const (
		up   = `^OK    up 00001_usage_events.sql \(.*\)\nschema is at version 1\n$`
		down = `^OK    down 00001_usage_events.sql \(.*\)\nschema is at version 0\n$`
	)
	for i, step := range []struct {
		args []string
		want string
	}{
		{[]string{"status"}, `^00001_usage_events.sql: pending\n$`},
		{[]string{"down"}, `^schema is at version 0\n$`},
		{[]string{"up"}, up},
		{[]string{"up"}, `^schema is at version 1\n$`},
		{[]string{"status"}, `^00001_usage_events.sql: applied 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`},
		{[]string{"down"}, down},
		{[]string{"to", "0"}, `^schema is at version 0\n$`},
		{[]string{"to", "1"}, up},
		{[]string{"to", "1"}, `^schema is at version 1\n$`},
		{[]string{"to", "0"}, down},
		{[]string{"up"}, up},
	} {
		var out bytes.Buffer
		require.NoError(t, database.Migrate(t.Context(), database.Config{URL: url}, step.args, &out))
		assert.Regexp(t, step.want, out.String(), "step %d: %s", i, step.args)
	}
	assert.Equal(t, []int64{0}, query[int64](t, url, "SELECT count(*) FROM usage_events"))
}

func testUpAtTheSameTime(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("at the same time")
	var wg sync.WaitGroup
	outs, errs := make([]bytes.Buffer, 3), make([]error, 3)
	for i := range outs {
		wg.Go(func() { errs[i] = database.Migrate(t.Context(), database.Config{URL: url}, []string{"up"}, &outs[i]) })
	}
	wg.Wait()
	ran := 0
	for i := range outs {
		require.NoError(t, errs[i])
		assert.Contains(t, outs[i].String(), "schema is at version 1\n")
		ran += bytes.Count(outs[i].Bytes(), []byte("OK    up"))
	}
	assert.Equal(t, 1, ran)
}

func testLocked(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("locked")
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", lock.DefaultLockID)
	require.NoError(t, err)

	cfg := database.Config{URL: url, LockTimeout: time.Second}
	assert.ErrorContains(t, database.Migrate(t.Context(), cfg, []string{"up"}, new(bytes.Buffer)),
		fmt.Sprintf("waiting up to 1s for another migration to end: failed to acquire lock: pg_locks shows who holds the advisory lock %d", lock.DefaultLockID))
}

func testFailing(t *testing.T, server *postgrestest.Server) {
	url := server.NewDatabase("failing")
	query[string](t, url, "CREATE TABLE usage_events AS SELECT")
	var out bytes.Buffer
	err := database.Migrate(t.Context(), database.Config{URL: url}, []string{"up"}, &out)
	assert.ErrorContains(t, err, "migrating the database: ")
	assert.ErrorContains(t, err, `relation "usage_events" already exists`)
	assert.Empty(t, out.String())
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	here := database.Config{URL: "postgres://user:hunter2@" + closed(t) + "/codeflow?sslmode=disable"}
	tests := map[string]struct {
		cfg  database.Config
		args []string
		want string
	}{
		"nothing":       {here, nil, "migrate: must be one of up, down, status, or to with a version, got []"},
		"unknown":       {here, []string{"redo"}, `migrate: must be one of up, down, status, or to with a version, got ["redo"]`},
		"too much":      {here, []string{"up", "1"}, `got ["up" "1"]`},
		"no version":    {here, []string{"to"}, `got ["to"]`},
		"no number":     {here, []string{"to", "x"}, `migrate to: version must be a number from 0 to 1, got "x"`},
		"below zero":    {here, []string{"to", "-1"}, `got "-1"`},
		"too new":       {here, []string{"to", "2"}, `migrate to: version must be a number from 0 to 1, got "2"`},
		"no URL":        {database.Config{}, []string{"up"}, "database URL: must be of the form"},
		"database down": {here, []string{"up"}, "connection refused"},
		"same, status":  {here, []string{"status"}, "connection refused"},
		"same, down":    {here, []string{"down"}, "connection refused"},
		"same, to":      {here, []string{"to", "0"}, "connection refused"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			err := database.Migrate(t.Context(), tt.cfg, tt.args, new(bytes.Buffer))
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}
