package traffic

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// paceInterval is how often a [Pace] asks. It is short beside anything that is judged
// by it, and costs a hundredth of a core.
const paceInterval = 20 * time.Millisecond

// Span is from a time until before another.
type Span struct{ From, To time.Time }

// Pace is how well the machine keeps up, whatever the load gets: it asks a handler in
// this process that does nothing, over loopback and by the clock, and measures how
// late the answers are. Its methods are for concurrent use.
type Pace struct {
	first  time.Time
	server *http.Server
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu   sync.Mutex
	late []time.Duration // of the requests that were answered: n was due n intervals after the first.
}

// StartPace begins to measure, until [Pace.Stop]. It fails when it cannot listen.
func StartPace() (*Pace, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("measuring the machine's pace: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pace{first: time.Now(), cancel: cancel, server: &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Minute,
	}}
	p.asking.Go(func() { _ = p.server.Serve(listener) }) // it ends when it is closed.
	p.asking.Go(func() { p.ask(ctx, "http://"+listener.Addr().String()) })
	return p, nil
}

// Stop ends the measurement. What was measured stays.
func (p *Pace) Stop() {
	p.cancel()
	_ = p.server.Close()
	p.asking.Wait()
}

// ask sends one request after the other. Those that are due while one is late are not
// sent, and as late as if they had been answered with it.
func (p *Pace) ask(ctx context.Context, url string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	clock := time.NewTimer(0)
	defer clock.Stop()
	for n := 0; ; {
		clock.Reset(time.Until(p.due(n)))
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return // never: the URL is our own.
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			continue // it is due again, at once.
		}
		_, _ = io.Copy(io.Discard, resp.Body) // it has none.
		_ = resp.Body.Close()
		n = p.answered(time.Now())
	}
}

func (p *Pace) due(n int) time.Time { return p.first.Add(time.Duration(n) * paceInterval) }

// answered notes an answer to all that was due before a time, and returns what is due
// next.
func (p *Pace) answered(at time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.due(len(p.late)).Before(at) {
		p.late = append(p.late, at.Sub(p.due(len(p.late))))
	}
	return len(p.late)
}

// Quantile returns how late the fraction q of the answers in a span was at most. It is
// 0 where nothing was due.
func (p *Pace) Quantile(s Span, q float64) time.Duration {
	return quantile(p.lateness(s, time.Now()), q)
}

// Late returns the share of the answers in a span that were later than a limit, from 0
// to 1. It is 0 where nothing was due.
func (p *Pace) Late(s Span, limit time.Duration) float64 {
	all := p.lateness(s, time.Now())
	if len(all) == 0 {
		return 0
	}
	ok, _ := slices.BinarySearch(all, limit+1)
	return 1 - float64(ok)/float64(len(all))
}

// lateness is sorted. What has no answer by now is as late as it is by now.
func (p *Pace) lateness(s Span, now time.Time) []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []time.Duration
	from := max(0, (s.From.Sub(p.first)+paceInterval-1)/paceInterval)
	for n := int(from); p.due(n).Before(s.To) && p.due(n).Before(now); n++ {
		if n < len(p.late) {
			all = append(all, p.late[n])
		} else {
			all = append(all, now.Sub(p.due(n)))
		}
	}
	slices.Sort(all)
	return all
}
