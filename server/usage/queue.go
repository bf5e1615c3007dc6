package usage

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Pauses between the tries to write a batch: the first, doubled up to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// QueueOptions are the optional settings of [NewQueue]. The zero value is
// ready to use.
type QueueOptions struct {
	// Capacity is how many events wait at most, besides the batch that is
	// being written. Default: 10,000, which take 800 kB.
	Capacity int
	// BatchSize is how many events are written at once. Default: 500.
	BatchSize int
	// Interval is how long an event waits at most for others of its batch.
	// Default: one second.
	Interval time.Duration
	// Logger is told when writing begins to fail and when it works again.
	// Default: [slog.Default].
	Logger *slog.Logger
}

// Stats counts the events of a [Queue] since it was made. Once the queue is
// closed, Recorded is Written and Dropped together.
type Stats struct {
	Recorded uint64 // calls of Record
	Written  uint64 // events in the store
	Dropped  uint64 // lost: the queue was full, closed, or could not be emptied before its end
	Waiting  uint64 // neither written nor dropped yet
}

// Queue is a [Recorder] that writes events to a [Store] in batches. While the
// store fails, the queue tries again and takes events until it is full; then
// it drops what comes. Close it to write what waits.
type Queue struct {
	store     Store
	log       *slog.Logger
	batchSize int
	interval  time.Duration

	mu     sync.RWMutex // held for writing only to close events
	closed bool
	events chan Event

	recorded, written, dropped atomic.Uint64

	cancel  context.CancelFunc // makes the writer give up
	done    chan struct{}      // closed when the writer has ended
	failing bool               // the last write failed; the writer's own
	lost    uint64             // events that the writer gave up; read after done
}

// NewQueue returns a queue that writes to store, from one goroutine that ends
// with [Queue.Close].
func NewQueue(store Store, opts *QueueOptions) *Queue {
	if opts == nil {
		opts = &QueueOptions{}
	}
	q := &Queue{
		store: store, log: opts.Logger, batchSize: opts.BatchSize, interval: opts.Interval,
		done: make(chan struct{}),
	}
	if q.log == nil {
		q.log = slog.Default()
	}
	if q.batchSize <= 0 {
		q.batchSize = 500
	}
	if q.interval <= 0 {
		q.interval = time.Second
	}
	capacity := opts.Capacity
	if capacity <= 0 {
		capacity = 10_000
	}
	q.events = make(chan Event, capacity)
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	go q.run(ctx)
	return q
}

// Record takes an event. An event that finds the queue full or closed is
// dropped and counted. Longer texts than [Event] allows are cut.
func (q *Queue) Record(e Event) {
	// What a text was a part of may be long: let go of it.
	e.Name, e.Client = cut(e.Name, maxName), strings.Clone(cut(e.Client, maxClient))
	q.recorded.Add(1)
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		q.dropped.Add(1)
		return
	}
	select {
	case q.events <- e:
	default:
		q.dropped.Add(1)
	}
}

// cut returns the beginning of text, at most limit bytes of whole characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// Stats returns what the queue did so far.
func (q *Queue) Stats() Stats {
	// An event counts as recorded first: read in the other order, no more can
	// be written or dropped than were recorded.
	written, dropped := q.written.Load(), q.dropped.Load()
	recorded := q.recorded.Load()
	return Stats{Recorded: recorded, Written: written, Dropped: dropped, Waiting: recorded - written - dropped}
}

// Close stops taking events and writes what waits, until ctx is done. What is
// left then is dropped; the error says how many events that were.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.events)
	}
	q.mu.Unlock()

	stop := context.AfterFunc(ctx, q.cancel)
	defer stop()
	<-q.done
	if q.lost > 0 {
		return fmt.Errorf("writing usage before the end: %d events are dropped: see the log for why", q.lost)
	}
	return nil
}

// run writes events until the queue is closed and empty.
func (q *Queue) run(ctx context.Context) {
	defer close(q.done)
	defer q.cancel()
	for {
		events := q.next()
		if len(events) == 0 {
			return
		}
		if q.write(ctx, events) {
			q.written.Add(uint64(len(events)))
		} else {
			q.dropped.Add(uint64(len(events)))
			q.lost += uint64(len(events))
		}
	}
}

// next waits for an event and then for more, until they are a batch or the
// interval is over. It returns none when the queue is closed and empty.
func (q *Queue) next() []Event {
	first, ok := <-q.events
	if !ok {
		return nil
	}
	events := []Event{first}
	timer := time.NewTimer(q.interval)
	defer timer.Stop()
	for len(events) < q.batchSize {
		select {
		case e, ok := <-q.events:
			if !ok {
				return events
			}
			events = append(events, e)
		case <-timer.C:
			return events
		}
	}
	return events
}

// write tries until the store has the events and reports whether it has. It
// gives up when ctx is done.
func (q *Queue) write(ctx context.Context, events []Event) bool {
	batch := Batch{ID: uuid.Must(uuid.NewV7()), Events: events}
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		err := q.store.Insert(ctx, batch)
		q.report(err)
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return false
}

// report logs the first failure and the first success after failures.
func (q *Queue) report(err error) {
	switch {
	case err != nil && !q.failing:
		q.log.Warn("usage cannot be written, trying again", "error", err)
	case err == nil && q.failing:
		stats := q.Stats()
		q.log.Info("usage is written again", "waiting", stats.Waiting, "dropped", stats.Dropped)
	}
	q.failing = err != nil
}
