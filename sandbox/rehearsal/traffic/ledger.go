package traffic

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// WindowWidth is how much real time a [Window] covers.
const WindowWidth = 500 * time.Millisecond

// maxFailures bounds the samples of failures that are kept.
const maxFailures = 20

// maxWhat bounds the text of a failure, in bytes.
const maxWhat = 300

// errOverloaded is of requests that were not sent.
var errOverloaded = errors.New("overloaded: too many requests are in flight")

// Totals are about the requests that were due in an interval.
type Totals struct {
	// Sent is how many were due and sent, or failed since too many were in flight.
	Sent int
	// Done is how many of them have ended by now. Once it is Sent, nothing changes.
	Done int
	// Failed is how many of them ended without a good answer, after retries.
	Failed int
	// Lost is how many of the failed got no bad answer of a server either: they were
	// not sent, not answered in time or not through.
	Lost int
	// Retried is how many retries they took.
	Retried int
	// P50, P95 and P99 are quantiles of the time from when a request was due until
	// its good answer was read. They are 0 without any.
	P50, P95, P99 time.Duration
}

// Window is [WindowWidth] of a run.
type Window struct {
	Start time.Time
	Totals
}

// Failure is a sample of a request that failed.
type Failure struct {
	// At is when it was due.
	At time.Time
	// Kind is what was asked, such as "get_agent api-builder".
	Kind string
	// What is the status or the error.
	What string
}

type state uint8

const (
	pending state = iota
	good
	failed // a server answered badly.
	lost   // or no server did.
)

type entry struct {
	took    time.Duration
	retries uint8
	state   state
}

// ledger has an entry for each request of a run: request n was due n intervals
// after the start.
type ledger struct {
	first    time.Time
	interval time.Duration

	mu       sync.Mutex
	entries  []entry
	refused  int // for too many were in flight.
	stopped  time.Time
	failures []Failure
}

func (l *ledger) start(at time.Time, interval time.Duration) { l.first, l.interval = at, interval }

func (l *ledger) due(n int) time.Time { return l.first.Add(time.Duration(n) * l.interval) }

func (l *ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry{})
}

func (l *ledger) end(n int, kind string, err error, bad bool, retries int) {
	e := entry{time.Since(l.due(n)), uint8(retries), good}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		e.state = lost
		if bad {
			e.state = failed
		}
		if errors.Is(err, errOverloaded) {
			l.refused++
		}
		if len(l.failures) < maxFailures {
			what := err.Error()
			l.failures = append(l.failures, Failure{l.due(n), kind, what[:min(len(what), maxWhat)]})
		}
	}
	l.entries[n] = e
}

func (l *ledger) stop(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = at
}

// Rate is how many requests were really sent, per second of the time since the
// start or, when it is over, until the stop.
func (l *Load) Rate() float64 { return l.ledger.rate() }

func (l *ledger) rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.stopped
	if end.IsZero() {
		end = time.Now()
	}
	return float64(len(l.entries)-l.refused) / end.Sub(l.first).Seconds()
}

// Lost are the times of the requests that were due from a time until before another
// and lost: each from when it was due until it was given up.
func (l *Load) Lost(from, to time.Time) []Span { return l.ledger.lost(from, to) }

func (l *ledger) lost(from, to time.Time) (spans []Span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := l.index(from); n < l.index(to); n++ {
		if e := l.entries[n]; e.state == lost {
			spans = append(spans, Span{l.due(n), l.due(n).Add(e.took)})
		}
	}
	return spans
}

// Failures returns the first 20 failures since it was last called.
func (l *Load) Failures() []Failure {
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	taken := l.ledger.failures
	l.ledger.failures = nil
	return taken
}

// Totals are about the requests that were due from a time until before another.
func (l *Load) Totals(from, to time.Time) Totals { return l.ledger.totals(from, to) }

// Windows are about the whole run so far, from its start.
func (l *Load) Windows() []Window {
	l.ledger.mu.Lock()
	sent := len(l.ledger.entries)
	l.ledger.mu.Unlock()
	var windows []Window
	for at := l.started; at.Before(l.ledger.due(sent)); at = at.Add(WindowWidth) {
		windows = append(windows, Window{at, l.ledger.totals(at, at.Add(WindowWidth))})
	}
	return windows
}

func (l *ledger) totals(from, to time.Time) Totals {
	l.mu.Lock()
	entries := slices.Clone(l.entries[l.index(from):max(l.index(from), l.index(to))])
	l.mu.Unlock()
	t := Totals{Sent: len(entries)}
	var took []time.Duration
	for _, e := range entries {
		t.Retried += int(e.retries)
		switch e.state {
		case good:
			t.Done++
			took = append(took, e.took)
		case failed, lost:
			t.Done++
			t.Failed++
			if e.state == lost {
				t.Lost++
			}
		}
	}
	slices.Sort(took)
	t.P50, t.P95, t.P99 = quantile(took, 0.5), quantile(took, 0.95), quantile(took, 0.99)
	return t
}

// index returns the first request, of those that were sent, that was due at a
// time or later.
func (l *ledger) index(at time.Time) int {
	n := math.Ceil(float64(at.Sub(l.first)) / float64(l.interval))
	return int(min(max(n, 0), float64(len(l.entries))))
}

// quantile returns what the fraction q of sorted durations does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}
