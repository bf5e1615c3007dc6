package task

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Health is what a container's own check says.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
type Health string

// The health of a container: unknown until its check has decided, or when it has
// none.
const (
	Unknown   Health = "UNKNOWN"
	Healthy   Health = "HEALTHY"
	Unhealthy Health = "UNHEALTHY"
)

// Health is what the checks of the essential containers say together: unhealthy if
// one is, healthy if all are.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
func (t *Task) Health() Health {
	var all []Health
	for _, c := range t.containers {
		if c.IsEssential() && c.HealthCheck.arguments() != nil {
			all = append(all, c.status().HealthStatus)
		}
	}
	switch {
	case slices.Contains(all, Unhealthy):
		return Unhealthy
	case len(all) == 0 || slices.Contains(all, Unknown):
		return Unknown
	}
	return Healthy
}

// rest is the least real time between two checks of a healthy container: each is a
// process, and at AWS's interval those of a few tasks would take a whole processor.
const rest = 5 * time.Second

// checkHealth runs the check of the container at its interval until the context
// ends.
func (c *container) checkHealth(ctx context.Context) {
	check := c.HealthCheck
	if check.arguments() == nil {
		return
	}
	started, scale, failures := time.Now(), c.task.host.scale, 0
	interval := scale.Seconds(cmp.Or(check.Interval, 30))
	for next := interval; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		case <-c.recheck:
		}
		next = interval
		ok := c.passes(ctx, check, scale.Patience(cmp.Or(check.Timeout, 5)))
		switch {
		case ctx.Err() != nil:
			return
		case ok:
			failures, next = 0, max(interval, rest)
			c.setHealth(Healthy)
		case time.Since(started) < scale.Patience(check.StartPeriod) && c.status().HealthStatus == Unknown:
			// It may still be starting.
		default:
			if failures++; failures >= cmp.Or(check.Retries, 3) {
				c.setHealth(Unhealthy)
			}
		}
	}
}

func (c *container) setHealth(h Health) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health = h
	c.judge()
}

// passes runs the check once, in the container's environment. What stands in for
// a container has none to run, and is well.
func (c *container) passes(ctx context.Context, check *HealthCheck, timeout time.Duration) bool {
	if c.task.faults.Load().Unhealthy {
		return false
	}
	if c.plan == nil {
		return true
	}
	cmd := c.plan.command(check.arguments())
	if c.task.host.launcher.start(cmd) != nil {
		return false
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case err := <-ended:
		killGroup(cmd)
		return err == nil
	case <-ctx.Done():
		killGroup(cmd)
		<-ended //nolint:errcheck // killed
		return false
	}
}
