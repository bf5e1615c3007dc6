package scheduler

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State of a task. Those that AWS passes through without anything to see are
// left out.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
type State string

// The states of a task.
const (
	Pending      State = "PENDING"
	Running      State = "RUNNING"
	Deactivating State = "DEACTIVATING" // leaving the load balancer.
	Stopping     State = "STOPPING"
	Stopped      State = "STOPPED"
)

// member is a task of a service, from its placement to its end.
type member struct {
	id, zone   string
	deployment *Deployment
	created    time.Time

	// Guarded by the service.
	state   State
	task    Task // nil while it starts.
	started time.Time
	healthy bool
	proven  bool   // it was healthy once.
	cause   string // why it is unhealthy.
	leaving string // why it is being stopped.
	used    sample
}

// live reports whether a task is meant to stay.
func (m *member) live() bool { return m.leaving == "" }

// retry delays starts after tasks that ended before they were ever healthy: 5
// seconds, then twice as long each time. AWS delays tasks that cannot be started
// up to 27 minutes, without saying how; a task that starts and crashes takes its
// time there to be placed on Fargate.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
type retry struct {
	failures int
	next     time.Time
}

const firstDelay, longestDelay = 5, 27 * 60 // seconds

func (r *retry) failed(now time.Time, seconds func(int) time.Duration) {
	r.next = now.Add(seconds(min(longestDelay, firstDelay<<min(r.failures, 10))))
	r.failures++
}

// start places and starts tasks of a deployment.
func (v *service) start(now time.Time, d *Deployment, n int) {
	if now.Before(d.retry.next) {
		return
	}
	var started []string
	for range n {
		zone, ok := v.place(d)
		if !ok {
			v.event(now, "(service %s) was unable to place a task. Reason: Capacity is unavailable at this time. Please try "+
				"again later or in a different availability zone.", v.spec.Name)
			break
		}
		if v.scheduler.opts.Throttled() {
			v.event(now, "(service %s) operations are being throttled. Will try again later.", v.spec.Name)
			break
		}
		m := &member{id: newID(), zone: zone, deployment: d, created: now, state: Pending}
		v.members = append(v.members, m)
		started = append(started, "(task "+m.id+")")
		v.scheduler.running.Go(func() { v.launch(m) })
	}
	if len(started) > 0 {
		v.event(now, "(service %s) has started %d tasks: %s.", v.spec.Name, len(started), strings.Join(started, " "))
	}
}

func newID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails.
	return hex.EncodeToString(id)
}

// place returns the zone for the next task: of those that are up, the one with
// the fewest tasks of the deployment, then of the service.
func (v *service) place(d *Deployment) (zone string, ok bool) {
	least := -1
	for _, candidate := range d.spec.AvailabilityZones {
		if v.scheduler.opts.ZoneDown(candidate) {
			continue
		}
		load := 0
		for _, m := range v.members {
			if m.zone == candidate && m.live() {
				load++
				if m.deployment == d {
					load += 1000
				}
			}
		}
		if least < 0 || load < least {
			zone, least = candidate, load
		}
	}
	return zone, least >= 0
}

// launch starts the task of a member.
func (v *service) launch(m *member) {
	definition := m.deployment.spec.TaskDefinition
	started, err := v.scheduler.opts.Runner.Start(v.scheduler.ctx, Request{
		ID: m.id, Zone: m.zone, Service: m.deployment.spec.Name, Color: m.deployment.spec.Color, Definition: definition,
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.poke()
	now := time.Now()
	if err != nil {
		v.unstarted(now, m, err.Error())
		v.bury(now, m, err.Error())
		return
	}
	m.task = started
	v.scheduler.running.Go(func() {
		select {
		case <-started.Started():
			v.begin(m)
		case <-started.Done():
		}
		<-started.Done()
		v.poke()
	})
	switch {
	case v.scheduler.ctx.Err() != nil:
		started.Kill()
	case !m.live():
		v.retire(m)
	}
}

// begin registers a task that runs.
func (v *service) begin(m *member) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.poke()
	if m.state != Pending {
		return
	}
	now := time.Now()
	m.state, m.started = Running, now
	for _, lb := range m.deployment.spec.LoadBalancers {
		if err := v.scheduler.opts.Targets.Register(lb.TargetGroupARN, m.task.Address()); err != nil {
			v.event(now, "(service %s) (task %s) %v", v.spec.Name, m.id, err)
			continue
		}
		v.event(now, "(service %s) registered 1 targets in (target-group %s)", v.spec.Name, lb.TargetGroupARN)
	}
}

// stop begins to stop tasks.
func (v *service) stop(now time.Time, ids []string) {
	var stopped []string
	for _, m := range v.members {
		if !slices.Contains(ids, m.id) {
			continue
		}
		m.leaving = m.cause
		if m.cause == "" {
			m.leaving = fmt.Sprintf("Scaling activity initiated by (deployment %s)", v.deployments[0].ID)
		} else {
			v.failure(now, m)
		}
		stopped = append(stopped, "(task "+m.id+")")
		if m.task != nil {
			v.retire(m)
		}
	}
	if len(stopped) > 0 {
		v.event(now, "(service %s) has stopped %d running tasks: %s.", v.spec.Name, len(stopped), strings.Join(stopped, " "))
	}
}

// retire drains a task and then ends it.
func (v *service) retire(m *member) {
	m.state = Deactivating
	gone := v.deregister(m)
	if len(gone) > 0 {
		v.event(time.Now(), "(service %s) has begun draining connections on 1 tasks.", v.spec.Name)
	}
	v.scheduler.running.Go(func() {
		for _, drained := range gone {
			select {
			case <-drained:
			case <-m.task.Done(): // there is nothing left to drain.
			case <-v.scheduler.ctx.Done():
			}
		}
		v.mu.Lock()
		m.state = Stopping
		v.mu.Unlock()
		if v.scheduler.ctx.Err() != nil {
			m.task.Kill()
		}
		v.poke()
		m.task.Stop()
	})
}

func (v *service) deregister(m *member) (gone []<-chan struct{}) {
	if m.started.IsZero() {
		return nil
	}
	for _, lb := range m.deployment.spec.LoadBalancers {
		gone = append(gone, v.scheduler.opts.Targets.Deregister(lb.TargetGroupARN, m.task.Address()))
		v.event(time.Now(), "(service %s) deregistered 1 targets in (target-group %s)", v.spec.Name, lb.TargetGroupARN)
	}
	return gone
}

// bury takes a task that has ended out of the service.
func (v *service) bury(now time.Time, m *member, reason string) {
	v.members = slices.DeleteFunc(v.members, func(other *member) bool { return other == m })
	m.state = Stopped
	status := m.status()
	status.StoppedAt, status.StoppedReason = now, reason
	v.stopped = append([]TaskStatus{status}, v.stopped...)
	v.stopped = v.stopped[:min(len(v.stopped), maxStopped)]
}

// failure counts a task that failed against its deployment.
func (v *service) failure(now time.Time, m *member) {
	if d := m.deployment; d == v.deployments[0] && d.state == InProgress && !d.judged {
		d.failed++
	}
	if !m.proven {
		m.deployment.retry.failed(now, v.seconds)
	}
}
