package task

import (
	"cmp"
	"context"
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

// Health is what the container's check says.
func (t *Task) Health() Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.health
}

// rest is the least real time between two checks of a healthy container: each is a
// process, and at AWS's interval those of a few tasks would take a whole processor.
const rest = 5 * time.Second

// checkHealth runs the check of the container at its interval until the context
// ends.
func (t *Task) checkHealth(ctx context.Context) {
	check := t.request.Container.HealthCheck
	if check.arguments() == nil {
		return
	}
	started, scale, failures := time.Now(), t.host.scale, 0
	interval := scale.Seconds(cmp.Or(check.Interval, 30))
	for next := interval; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		case <-t.recheck:
		}
		next = interval
		ok := t.passes(ctx, check, scale.Patience(cmp.Or(check.Timeout, 5)))
		switch {
		case ctx.Err() != nil:
			return
		case ok:
			failures, next = 0, max(interval, rest)
			t.setHealth(Healthy)
		case time.Since(started) < scale.Patience(check.StartPeriod) && t.Health() == Unknown:
			// It may still be starting.
		default:
			if failures++; failures >= cmp.Or(check.Retries, 3) {
				t.setHealth(Unhealthy)
			}
		}
	}
}

func (t *Task) setHealth(h Health) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.health = h
}

// passes runs the check once, in the container's environment.
func (t *Task) passes(ctx context.Context, check *HealthCheck, timeout time.Duration) bool {
	if t.faults.Load().Unhealthy {
		return false
	}
	cmd := t.plan.command(check.arguments())
	if t.host.launcher.start(cmd) != nil {
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
		<-ended
		return false
	}
}
