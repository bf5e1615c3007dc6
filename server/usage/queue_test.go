package usage_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// store keeps batches in memory. It fails while err is set, after it kept the
// batch when late is.
type store struct {
	mu      sync.Mutex
	err     error
	late    bool
	tries   int
	batches []usage.Batch
}

func (s *store) Insert(ctx context.Context, batch usage.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.err == nil || s.late {
		for _, kept := range s.batches {
			if kept.ID == batch.ID {
				return s.err
			}
		}
		s.batches = append(s.batches, batch)
	}
	return errors.Join(s.err, ctx.Err())
}

func (*store) Top(context.Context, string, time.Time, int) ([]usage.Count, error) { return nil, nil }

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// sizes are the numbers of events in the batches so far.
func (s *store) sizes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sizes := []int{}
	for _, b := range s.batches {
		sizes = append(sizes, len(b.Events))
	}
	return sizes
}

func record(q *usage.Queue, n int) {
	for range n {
		q.Record(usage.Event{Kind: usage.KindAgent, Name: "a"})
	}
}

func TestQueueWritesFullBatchesAtOnceAndOthersAfterTheInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		q := usage.NewQueue(s, nil)
		record(q, 501)
		synctest.Wait()
		assert.Equal(t, []int{500}, s.sizes())
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		assert.Equal(t, usage.Stats{Recorded: 501, Written: 500, Waiting: 1}, q.Stats())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.Equal(t, []int{500, 1}, s.sizes())
		require.NoError(t, q.Close(t.Context()))
		assert.Equal(t, usage.Stats{Recorded: 501, Written: 501}, q.Stats())
	})
}

func TestQueueOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{err: errors.New("down")}
		q := usage.NewQueue(s, &usage.QueueOptions{Capacity: 3, BatchSize: 2, Interval: time.Minute, Logger: slog.New(slog.DiscardHandler)})
		record(q, 1)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		assert.Zero(t, s.tries, "it waits for a second event")
		record(q, 1)
		synctest.Wait()
		record(q, 5)
		assert.Equal(t, usage.Stats{Recorded: 7, Dropped: 2, Waiting: 5}, q.Stats(), "two are being written and three wait")
		s.fail(nil)
		require.NoError(t, q.Close(t.Context()))
		assert.Equal(t, []int{2, 2, 1}, s.sizes())
		assert.Equal(t, usage.Stats{Recorded: 7, Written: 5, Dropped: 2}, q.Stats())
	})
}

func TestQueueTriesAgain(t *testing.T) {
	t.Parallel()
	for title, late := range map[string]bool{"the store failed": false, "only its answer was lost": true} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				s := &store{late: late}
				q := usage.NewQueue(s, &usage.QueueOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				for range 2 {
					s.fail(errors.New("no route"))
					record(q, 600)
					time.Sleep(10 * time.Second)
					s.fail(nil)
					time.Sleep(10 * time.Second)
				}
				require.NoError(t, q.Close(t.Context()))
				assert.Equal(t, []int{500, 100, 500, 100}, s.sizes(), "each batch is written once")
				assert.Equal(t, usage.Stats{Recorded: 1200, Written: 1200}, q.Stats())
				assert.Less(t, s.tries, 40, "pauses grow")
				assert.Equal(t, 2, strings.Count(log.String(), `level=WARN msg="usage cannot be written, trying again" error="no route"`))
				assert.Equal(t, 2, strings.Count(log.String(), `level=INFO msg="usage is written again"`))
				assert.Equal(t, 4, strings.Count(log.String(), "\n"), log.String())
			})
		})
	}
}

func TestCloseSaysWhatItDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		q := usage.NewQueue(s, &usage.QueueOptions{Logger: slog.New(slog.DiscardHandler)})
		record(q, 500)
		synctest.Wait()
		s.fail(errors.New("down"))
		record(q, 1200)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		assert.EqualError(t, q.Close(ctx), "writing usage before the end: 1200 events are dropped: see the log for why")
		assert.Equal(t, 5*time.Second, time.Since(begin))

		record(q, 3)
		assert.Equal(t, usage.Stats{Recorded: 1703, Written: 500, Dropped: 1203}, q.Stats())
		assert.Error(t, q.Close(t.Context()), "closing again says the same")
	})
}

func TestCloseWaitsForARecoveringStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{err: errors.New("down")}
		q := usage.NewQueue(s, &usage.QueueOptions{Logger: slog.New(slog.DiscardHandler)})
		record(q, 1200)
		time.AfterFunc(20*time.Second, func() { s.fail(nil) })
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		require.NoError(t, q.Close(ctx))
		assert.Equal(t, usage.Stats{Recorded: 1200, Written: 1200}, q.Stats())
	})
}

func TestRecordCutsLongTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		q := usage.NewQueue(s, nil)
		clients := map[string]string{
			"http":                          "http",
			strings.Repeat("x", 64):         strings.Repeat("x", 64),
			strings.Repeat("x", 65):         strings.Repeat("x", 64),
			strings.Repeat("x", 63) + "é":   strings.Repeat("x", 63),
			strings.Repeat("x", 61) + "日本":  strings.Repeat("x", 61) + "日",
			strings.Repeat("\x80", 1_000):   "",
			strings.Repeat("x", 1_000_000):  strings.Repeat("x", 64),
			strings.Repeat("x", 62) + "é…→": strings.Repeat("x", 62) + "é",
		}
		for client := range clients {
			q.Record(usage.Event{Name: strings.Repeat("n", 200), Client: client})
		}
		require.NoError(t, q.Close(t.Context()))
		got := map[string]int{}
		for _, e := range s.batches[0].Events {
			assert.Equal(t, strings.Repeat("n", 128), e.Name)
			got[e.Client]++
		}
		want := map[string]int{}
		for _, client := range clients {
			want[client]++
		}
		assert.Equal(t, want, got)
	})
}

// A short name may be a part of a header of 16 KB, which must not wait with it.
func TestRecordLetsGoOfLongTexts(t *testing.T) {
	t.Parallel()
	header := "curl " + strings.Repeat("x", 16<<10)
	s := &store{}
	q := usage.NewQueue(s, nil)
	q.Record(usage.Event{Client: header[:4]})
	require.NoError(t, q.Close(t.Context()))
	got := s.batches[0].Events[0].Client
	assert.Equal(t, "curl", got)
	assert.NotSame(t, unsafe.StringData(header), unsafe.StringData(got))
}

// It does not prove the absence of races: run it with -race.
func TestQueueIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := &store{}
	q := usage.NewQueue(s, &usage.QueueOptions{Capacity: 100, BatchSize: 7, Interval: time.Millisecond})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { record(q, 2_000) })
	}
	wg.Go(func() {
		for q.Stats().Recorded < 8_000 {
			assert.LessOrEqual(t, q.Stats().Waiting, uint64(16_000), "no count runs ahead of Recorded")
		}
		assert.NoError(t, q.Close(t.Context()))
	})
	wg.Wait()
	stats, kept := q.Stats(), 0
	for _, n := range s.sizes() {
		kept += n
	}
	assert.Equal(t, uint64(16_000), stats.Recorded)
	assert.Equal(t, uint64(kept), stats.Written)
	assert.Equal(t, stats.Recorded-stats.Dropped, stats.Written)
	assert.Zero(t, stats.Waiting)
}

// BenchmarkRecord measures events that are taken, and those that find the
// queue full.
func BenchmarkRecord(b *testing.B) {
	event := usage.Event{Time: time.Now(), Kind: usage.KindAgent, Name: "code-reviewer", Client: "claude-code 2.0.14", Latency: time.Millisecond}
	const capacity = 10_000
	b.Run("taken", func(b *testing.B) {
		q := usage.NewQueue(discard{}, &usage.QueueOptions{Capacity: capacity, Interval: time.Millisecond})
		b.ReportAllocs()
		for i := range b.N {
			if i%capacity == 0 {
				b.StopTimer()
				for q.Stats().Waiting > 0 {
					time.Sleep(time.Millisecond)
				}
				b.StartTimer()
			}
			q.Record(event)
		}
		require.NoError(b, q.Close(context.Background()))
		require.Zero(b, q.Stats().Dropped)
	})
	b.Run("dropped", func(b *testing.B) {
		q := usage.NewQueue(discard{}, &usage.QueueOptions{Capacity: capacity})
		require.NoError(b, q.Close(context.Background()))
		b.ReportAllocs()
		for b.Loop() {
			q.Record(event)
		}
	})
}

type discard struct{ usage.Store }

func (discard) Insert(context.Context, usage.Batch) error { return nil }
