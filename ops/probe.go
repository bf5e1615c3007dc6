package ops

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// probePatience is how long an answer may take.
	probePatience = 5 * time.Second
	// allFail is from how many probes on it says something when all of them fail.
	allFail = 3
)

// Get sends a request that must not be answered with 5xx, to be a probe.
func Get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return fmt.Errorf("reading %s: %w", url, err)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// probes are the requests of the controller's own in a watch. The load balancer counts
// them, so that is where they are judged, but for when none arrives.
type probes struct {
	sent, failed int
	last         error
}

// send sends the probes of one look.
func (p *probes) send(ctx context.Context, r *run, w watching) {
	plan := &r.state.Plan
	if w.guarding || r.c.Probe == nil {
		return
	}
	each := 1 + int(int64(plan.Probes)*int64(plan.Pace.Interval)/int64(w.window))
	for range min(each, plan.Probes-p.sent) {
		p.sent++
		if err := r.c.Probe(ctx, plan.To); err != nil {
			p.failed, p.last = p.failed+1, err
		}
	}
}

// judge blames the colour when all of them fail.
func (p *probes) judge(plan *Plan, v *Verdict) {
	if p.sent >= allFail && p.failed == p.sent {
		v.blame("all %d probes of %q fail: %v", p.sent, plan.To, p.last)
		v.Grave = true
	}
}
