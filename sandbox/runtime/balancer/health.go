package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// TargetState is the health status of a target.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html#target-health-states
type TargetState string

// The states of a target.
const (
	Initial   TargetState = "initial"
	Healthy   TargetState = "healthy"
	Unhealthy TargetState = "unhealthy"
	Draining  TargetState = "draining"
	Unused    TargetState = "unused"
)

// result is what a health check found; reason is empty when it passed.
type result struct{ reason, description string }

// checker turns the results of health checks into a state.
type checker struct {
	state               TargetState
	reason, description string
	streak              int // of results that speak against the state.
}

func newChecker() checker {
	return checker{state: Initial, reason: "Elb.InitialHealthChecking", description: "Initial health checks in progress"}
}

// observe takes a result: a new target must pass one check, and a known one as
// many in a row as the thresholds say, to change its state. A target that may
// still be starting is not unhealthy yet.
func (c *checker) observe(r result, check HealthCheck, starting bool) {
	passed := r.reason == ""
	threshold := check.UnhealthyThreshold
	switch {
	case passed && c.state == Initial:
		threshold = 1
	case passed && c.state == Unhealthy:
		threshold = check.HealthyThreshold
	case passed, c.state == Unhealthy:
		c.streak = 0
		if !passed {
			c.reason, c.description = r.reason, r.description
		}
		return
	}
	if c.streak++; c.streak < threshold || starting && !passed {
		return
	}
	*c = checker{state: Unhealthy, reason: r.reason, description: r.description}
	if passed {
		c.state = Healthy
	}
}

// check checks a target at once and then at the interval of its group, until the
// context ends.
func (g *group) check(ctx context.Context, t *target) {
	registered := time.Now()
	for {
		began, spec := time.Now(), g.current().HealthCheck
		r := g.probe(ctx, t.address, spec, g.scale.Patience(spec.Timeout))
		g.mu.Lock()
		if ctx.Err() != nil { // it drains.
			g.mu.Unlock()
			return
		}
		starting := t.checker.state == Initial &&
			began.Sub(registered) < g.scale.Patience(spec.Interval*(spec.UnhealthyThreshold-1))
		t.checker.observe(r, spec, starting)
		g.count()
		g.mu.Unlock()
		next := time.NewTimer(g.scale.Seconds(spec.Interval) - time.Since(began))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		}
	}
}

// userAgent is how targets know a health check.
const userAgent = "ELB-HealthChecker/2.0"

// checkClient asks on a connection of its own each time, and follows nothing.
var checkClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// probe does one health check.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html#target-health-reason-codes
func probe(ctx context.Context, address string, check HealthCheck, timeout time.Duration) result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	failed := result{"Target.FailedHealthChecks", "Health checks failed"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+check.Path, nil)
	if err != nil {
		return failed
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := checkClient.Do(req)
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return result{"Target.Timeout", "Request timed out"}
	case err != nil:
		return failed
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxHeaders) // only the status counts.
	if !check.matches(resp.StatusCode) {
		return result{"Target.ResponseCodeMismatch", fmt.Sprintf("Health checks failed with these codes: [%d]", resp.StatusCode)}
	}
	return result{}
}
