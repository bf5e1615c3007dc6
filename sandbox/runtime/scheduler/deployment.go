package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RolloutState is how far a deployment is.
type RolloutState string

// The states of a deployment.
const (
	InProgress RolloutState = "IN_PROGRESS"
	Completed  RolloutState = "COMPLETED"
	Failed     RolloutState = "FAILED"
)

// The threshold of the circuit breaker is half of the desired count within these
// bounds.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
const leastFailures, mostFailures = 3, 200

func threshold(desired int) int { return min(mostFailures, max(leastFailures, (desired+1)/2)) }

// Deployment brings the tasks of a task definition up in place of others.
type Deployment struct {
	ID string

	// Guarded by the service.
	spec    Service
	created time.Time
	state   RolloutState
	reason  string
	// failed counts the tasks that failed. Once one is healthy, it is judged: no
	// failure counts any more.
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
	failed int
	judged bool
	retry  retry
	// muted ignores the alarms, since one was ringing when it began.
	muted bool
	baked time.Time // when the alarms have been watched for long enough.

	done chan struct{}
	err  error // set before done is closed.
}

// DeploymentError says why a deployment failed.
type DeploymentError struct {
	Service, Deployment string
	Reason              string
	// RolledBackTo is the task definition that the service was returned to, if it
	// was.
	RolledBackTo string
	// Events of the service when it failed, the newest first.
	Events []string
}

func (e *DeploymentError) Error() string {
	text := fmt.Sprintf("deployment %s of service %q failed: %s", e.Deployment, e.Service, e.Reason)
	if e.RolledBackTo != "" {
		text += ", rolled back to " + e.RolledBackTo
	}
	return text + ": " + strings.Join(e.Events, "; ")
}

var (
	errClosed     = errors.New("the scheduler was closed")
	errSuperseded = errors.New("another deployment took its place")
)

// Wait returns when the service has reached a steady state, or has failed. After
// a rollback it waits for the steady state too, and returns a [DeploymentError].
func (d *Deployment) Wait(ctx context.Context) error {
	select {
	case <-d.done:
		return d.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for ECS Service (%s) to settle: %w", d.spec.Name, ctx.Err())
	}
}

// deploy makes a new deployment the primary one.
func (v *service) deploy(now time.Time) *Deployment {
	v.release(errSuperseded)
	d := &Deployment{ID: "ecs-svc/" + digits(19), spec: v.spec, created: now, state: InProgress, done: make(chan struct{})}
	d.reason = fmt.Sprintf("ECS deployment %s in progress.", d.ID)
	if ringing := v.ringing(); len(ringing) > 0 {
		d.muted = true
		v.event(now, "(service %s) (deployment %s) ignores the alarms: %s was in ALARM before it began.", v.spec.Name, d.ID, ringing[0])
	}
	v.deployments = append([]*Deployment{d}, v.deployments...)
	v.waiting = append(v.waiting, d)
	return d
}

// release ends all waiting: with an error, but for those that have one already.
func (v *service) release(err error) {
	for _, d := range v.waiting {
		if d.err == nil {
			d.err = err
		}
		close(d.done)
	}
	v.waiting = nil
}

// ringing are the deployment alarms that are in ALARM.
func (v *service) ringing() (names []string) {
	if a := v.spec.Alarms; a.Enable {
		names = slices.DeleteFunc(slices.Clone(a.AlarmNames), func(name string) bool { return !v.scheduler.opts.Alarm(name) })
	}
	return names
}

// judge fails the primary deployment when too many of its tasks failed or an
// alarm rings.
func (v *service) judge(now time.Time) {
	d := v.deployments[0]
	if d.state != InProgress {
		return
	}
	breaker, alarms := v.spec.DeploymentCircuitBreaker, v.spec.Alarms
	if breaker.Enable && !d.judged && d.failed >= threshold(v.desired) {
		v.fail(now, "tasks failed to start.", breaker.Rollback)
		return
	}
	if ringing := v.ringing(); len(ringing) > 0 && !d.muted {
		v.fail(now, "alarm detected: "+strings.Join(ringing, ", ")+".", alarms.Rollback)
	}
}

// fail fails the primary deployment and, if asked to, returns to the last
// completed one.
func (v *service) fail(now time.Time, reason string, rollBack bool) {
	d := v.deployments[0]
	d.state, d.reason = Failed, "ECS deployment failed: "+reason
	v.event(now, "(service %s) (deployment %s) deployment failed: %s", v.spec.Name, d.ID, reason)
	failure := &DeploymentError{Service: v.spec.Name, Deployment: d.ID, Reason: reason, Events: v.messages()}
	back := v.completed
	if back == d {
		back = nil
	}
	if rollBack && back != nil {
		failure.RolledBackTo = back.spec.TaskDefinition.ARN
	}
	for _, waiting := range v.waiting {
		if waiting.err != nil {
			waiting.err = fmt.Errorf("%w; and the rollback failed: %w", waiting.err, failure)
		} else {
			waiting.err = failure
		}
	}
	if failure.RolledBackTo == "" {
		v.release(failure)
		return
	}
	v.event(now, "(service %s) rolling back to deployment %s.", v.spec.Name, back.ID)
	v.deployments = slices.DeleteFunc(v.deployments, func(other *Deployment) bool { return other == back })
	v.deployments = append([]*Deployment{back}, v.deployments...)
	v.spec.TaskDefinition, v.spec.LoadBalancers = back.spec.TaskDefinition, back.spec.LoadBalancers
	back.state, back.reason = InProgress, fmt.Sprintf("ECS deployment %s failed: rolling back to deploymentId %s.", d.ID, back.ID)
	back.failed, back.muted, back.baked, back.retry = 0, true, time.Time{}, retry{}
	back.judged = slices.ContainsFunc(v.members, func(m *member) bool { return m.deployment == back && m.live() && m.healthy })
}

// settle completes the primary deployment and notices a steady state.
func (v *service) settle(now time.Time) {
	d := v.deployments[0]
	if !v.only(d) || d.state == Failed {
		v.steady = false
		return
	}
	v.deployments = v.deployments[:1]
	if d.state == InProgress {
		if d.baked.IsZero() {
			d.baked = now
			if v.spec.Alarms.Enable && !d.muted {
				d.baked = now.Add(v.seconds(v.spec.Alarms.BakeTime))
			}
		}
		if now.Before(d.baked) {
			return
		}
		d.state, d.reason = Completed, fmt.Sprintf("ECS deployment %s completed.", d.ID)
		v.completed = d
		v.event(now, "(service %s) (deployment %s) deployment completed.", v.spec.Name, d.ID)
	}
	if !v.steady {
		v.steady = true
		v.event(now, "(service %s) has reached a steady state.", v.spec.Name)
	}
	v.release(nil)
}

// only reports whether the service consists of the desired count of healthy tasks
// of a deployment and nothing else, but for what is about to end.
func (v *service) only(d *Deployment) bool {
	healthy := 0
	for _, m := range v.members {
		switch {
		case m.state == Stopping:
		case m.deployment == d && m.live() && m.healthy:
			healthy++
		default:
			return false
		}
	}
	return healthy == v.desired
}
