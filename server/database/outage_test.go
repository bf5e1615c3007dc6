package database_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const (
	eventsPerSecond = 300
	patience        = time.Minute // for what takes a second when the machine is not busy
)

// changes keeps the changes of circuit breakers.
type changes struct {
	mu  sync.Mutex
	all []string
}

func (c *changes) add(name, from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf("%s: %s to %s", name, from, to))
}

func (c *changes) contain(change string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.all, change)
}

// load records events without a pause until it is stopped.
func load(t *testing.T, q *usage.Queue) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		begin, n := time.Now(), 0
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				for ; n < int(time.Since(begin).Seconds()*eventsPerSecond); n++ {
					q.Record(usage.Event{Time: time.Now(), Kind: usage.KindAgent, Name: "a"})
				}
			}
		}
	})
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// caughtUp waits until everything recorded so far is in the database.
func caughtUp(t *testing.T, q *usage.Queue) {
	t.Helper()
	recorded := q.Stats().Recorded
	eventually(t, "everything is written", func() bool { s := q.Stats(); return s.Written+s.Dropped > recorded })
}

// assertNothingLost closes the queue and counts.
func assertNothingLost(t *testing.T, q *usage.Queue, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, q.Close(ctx))
	stats := q.Stats()
	assert.Zero(t, stats.Dropped)
	assert.Equal(t, []uint64{stats.Recorded - stats.Dropped}, query[uint64](t, url, "SELECT count(*) FROM usage_events"))
	t.Logf("%+v", stats)
}

func TestOutageUnderLoad(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	migrateUp(t, server.URL())
	var seen changes
	db := open(t, database.Config{
		URL: server.URL(), Breaker: database.Breaker{Timeout: 100 * time.Millisecond},
		OnStateChange: seen.add, Logger: slog.New(slog.DiscardHandler),
	})
	q := usage.NewQueue(db, &usage.QueueOptions{Interval: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	stop := load(t, q)
	caughtUp(t, q)

	server.Stop()
	eventually(t, "the breaker opens", func() bool { return seen.contain("database: closed to open") })
	eventually(t, "it tries again", func() bool { return seen.contain("database: half-open to open") })
	server.Start()
	eventually(t, "the breaker closes", func() bool { return seen.contain("database: half-open to closed") })
	caughtUp(t, q)
	require.NoError(t, db.Check(t.Context()))

	server.Restart() // shorter than the breaker notices
	caughtUp(t, q)
	stop()
	assertNothingLost(t, q, server.URL())
}
