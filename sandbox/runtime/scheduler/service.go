package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// The scheduler looks at a service each of AWS's seconds, within these bounds of
// real time, and at once when a task ends.
const shortestTick, longestTick = 10 * time.Millisecond, time.Second

// service is a service that runs. Its goroutine decides; others start and stop
// tasks and tell it what came of it.
type service struct {
	scheduler *Scheduler
	wake      chan struct{}
	done      chan struct{} // closed when it is removed and its tasks have ended.

	mu          sync.Mutex
	spec        Service
	desired     int
	deployments []*Deployment // the primary first; the others still have tasks.
	completed   *Deployment   // the last one that was, to roll back to.
	waiting     []*Deployment // handles that wait for a steady state.
	members     []*member
	stopped     []TaskStatus // the newest first.
	events      []Event      // the newest first.
	steady      bool
	removed     bool
	tracker     tracker
	used        utilization
}

func newService(s *Scheduler, spec Service) *service {
	v := &service{
		scheduler: s, spec: spec, desired: spec.DesiredCount, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	v.scale()
	return v
}

// run decides until the service is removed or the scheduler closed.
func (v *service) run() {
	defer close(v.done)
	ticker := time.NewTicker(min(longestTick, max(shortestTick, v.seconds(1))))
	defer ticker.Stop()
	for {
		select {
		case <-v.scheduler.ctx.Done():
			v.end()
			return
		case <-ticker.C:
		case <-v.wake:
		}
		if v.reconcile(time.Now()) {
			return
		}
	}
}

// poke makes the service decide at once.
func (v *service) poke() {
	select {
	case v.wake <- struct{}{}:
	default: // it will.
	}
}

func (v *service) seconds(n int) time.Duration { return v.scheduler.opts.Scale.Seconds(n) }

// reconcile looks at the tasks and takes the next step. It reports whether the
// service is removed and nothing is left of it.
func (v *service) reconcile(now time.Time) (gone bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.observe(now)
	v.measure(now)
	if v.removed && len(v.members) == 0 {
		return true
	}
	v.judge(now)
	v.track(now)
	v.act(now)
	v.settle(now)
	return false
}

// act starts and stops tasks.
func (v *service) act(now time.Time) {
	primary := v.deployments[0]
	var tasks []candidate
	for _, m := range v.members {
		if m.live() {
			tasks = append(tasks, candidate{m.id, m.zone, m.deployment == primary, m.healthy, m.cause != ""})
		}
	}
	p := decide(bounds{
		desired: v.desired, minimumPercent: v.spec.DeploymentMinimumHealthyPercent,
		maximumPercent: v.spec.DeploymentMaximumPercent, rolling: v.rolling(),
	}, tasks)
	if primary.state == Failed { // it launches no new tasks, and replaces none.
		p.start = 0
	}
	if p.cannotMove && primary.state == InProgress {
		v.event(now, "(service %s) was unable to stop or start tasks during a deployment because of the service deployment "+
			"configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", v.spec.Name)
	}
	v.stop(now, p.stop)
	if p.startOld > 0 {
		v.start(now, v.completed, p.startOld)
	}
	v.start(now, primary, p.start)
}

// rolling reports whether tasks of an earlier, good version are being replaced.
func (v *service) rolling() bool {
	return !v.removed && v.completed != nil && v.completed != v.deployments[0] && slices.Contains(v.deployments, v.completed)
}

// update changes a service that runs.
func (v *service) update(spec Service) (*Deployment, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.removed {
		return nil, fmt.Errorf("service %q is being removed: wait until it is gone", spec.Name)
	}
	redeploys := v.spec.redeploys(&spec) || v.deployments[0].state == Failed
	v.spec = spec
	if spec.Scaling == nil {
		v.desired = spec.DesiredCount
	}
	v.scale()
	v.steady = false // until the next look.
	defer v.poke()
	if redeploys {
		return v.deploy(time.Now()), nil
	}
	handle := &Deployment{ID: v.deployments[0].ID, spec: spec, done: make(chan struct{})}
	v.waiting = append(v.waiting, handle)
	return handle, nil
}

// scale keeps the desired count within the bounds of autoscaling.
func (v *service) scale() {
	if c := v.spec.Scaling; c != nil {
		v.desired = min(c.MaxCapacity, max(c.MinCapacity, v.desired))
	}
}

func (v *service) remove() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.removed, v.desired, v.spec.Scaling = true, 0, nil
	v.deployments[0].state = Failed // nothing is to be judged any more.
	v.release(errRemoved)
	v.poke()
}

// end kills what runs when the scheduler is closed, and returns when it is gone.
func (v *service) end() {
	for {
		v.mu.Lock()
		v.release(errClosed)
		for _, m := range v.members {
			if m.task != nil { // one that is starting is killed when it has started.
				m.task.Kill()
			}
		}
		v.observe(time.Now())
		left := len(v.members)
		v.mu.Unlock()
		if left == 0 {
			return
		}
		<-v.wake
	}
}

// digits is a random number as ECS's deployment ids have it.
func digits(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('0' + rand.IntN(10)) //nolint:gosec // no secret.
	}
	return string(text)
}
