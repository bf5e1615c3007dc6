package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

var _ usage.Store = (*DB)(nil)

// An event is known by its batch and its place in it: a batch that is inserted
// again finds itself there.
const insertEvents = `
INSERT INTO usage_events (batch_id, n, at, kind, name, client, latency_us)
SELECT $1, e.n, e.at, e.kind, e.name, e.client, e.latency_us
FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    WITH ORDINALITY AS e (at, kind, name, client, latency_us, n)
ON CONFLICT DO NOTHING`

const topNames = `
SELECT name, count(*) AS uses, avg(latency_us)::float8 / 1000 AS mean_ms
FROM usage_events
WHERE kind = $1 AND at >= $2
GROUP BY name
ORDER BY uses DESC, name
LIMIT $3`

// Insert writes a batch, see [usage.Store].
func (db *DB) Insert(ctx context.Context, batch usage.Batch) error {
	size := len(batch.Events)
	times, latencies := make([]time.Time, size), make([]int64, size)
	kinds, names, clients := make([]string, size), make([]string, size), make([]string, size)
	for i, e := range batch.Events {
		times[i], latencies[i] = e.Time, e.Latency.Microseconds()
		kinds[i], names[i], clients[i] = clean(e.Kind), clean(e.Name), clean(e.Client)
	}
	err := db.do(ctx, func(ctx context.Context) error {
		_, err := db.pool.Exec(ctx, insertEvents, batch.ID, times, kinds, names, clients, latencies)
		return err
	})
	if err != nil {
		return fmt.Errorf("inserting %d events: %w", size, err)
	}
	return nil
}

// clean removes what PostgreSQL does not take in a text: one such client would
// keep everything behind its batch from being written.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// Top returns what was used most, see [usage.Store]. Equally often used names
// are in alphabetical order.
func (db *DB) Top(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error) {
	var counts []usage.Count
	err := db.do(ctx, func(ctx context.Context) error {
		rows, err := db.pool.Query(ctx, topNames, kind, since, limit)
		if err != nil {
			return err
		}
		counts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[usage.Count])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("counting uses of kind %q: %w", kind, err)
	}
	return counts, nil
}
