package scheduler

import (
	"fmt"
	"slices"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// settling is after how many seconds a task without any health check counts as
// healthy.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
const settling = 40

// observe notices which tasks have ended and how the others are.
func (v *service) observe(now time.Time) {
	for _, m := range slices.Clone(v.members) {
		if m.task == nil {
			continue
		}
		select {
		case <-m.task.Done():
			v.ended(now, m)
			continue
		default:
		}
		if m.live() && m.state == Running {
			v.examine(now, m)
		}
	}
}

// ended notices the end of a task.
func (v *service) ended(now time.Time, m *member) {
	reason := m.leaving
	switch {
	case !m.live():
	case m.state == Pending:
		reason = m.task.StoppedReason()
		v.unstarted(now, m, reason)
	default:
		reason = m.task.StoppedReason()
		v.failure(now, m)
		v.deregister(m)
	}
	v.bury(now, m, reason)
}

// unstarted reports a task that ended before it ran. The reason is the task's in
// ECS, which has no event of it.
func (v *service) unstarted(now time.Time, m *member, reason string) {
	v.failure(now, m)
	v.event(now, "(service %s) (task %s) failed to start: %s", v.spec.Name, m.id, reason)
	if m.deployment.retry.failures == leastFailures {
		v.event(now, "(service %s) is unable to consistently start tasks successfully.", v.spec.Name)
	}
}

// examine asks for the health of a task that runs.
func (v *service) examine(now time.Time, m *member) {
	cause, event, healthy := v.diagnose(m)
	if now.Sub(m.started) < v.scheduler.opts.Scale.Patience(v.spec.HealthCheckGracePeriodSeconds) {
		cause = ""
	}
	if cause != "" && m.cause == "" {
		v.event(now, "(service %s) %s", v.spec.Name, event)
	}
	m.cause, m.healthy = cause, healthy
	d := m.deployment
	if !d.spec.TaskDefinition.Containers.Checked() && len(d.spec.LoadBalancers) == 0 {
		m.healthy = now.Sub(m.started) >= v.seconds(settling)
	}
	if m.healthy && !m.proven {
		m.proven, d.judged, d.failed, d.retry = true, true, 0, retry{}
	}
}

// diagnose says what is wrong with a task, as ECS gives the reason for its stop
// and as it reports it; a task that is healthy has passed all its checks.
func (v *service) diagnose(m *member) (cause, event string, healthy bool) {
	healthy = true
	if m.deployment.spec.TaskDefinition.Containers.Checked() {
		health := m.task.Health()
		if health == task.Unhealthy {
			return "Task failed container health checks", fmt.Sprintf("(task %s) failed container health checks.", m.id), false
		}
		healthy = health == task.Healthy
	}
	for _, lb := range m.deployment.spec.LoadBalancers {
		h := v.scheduler.opts.Targets.Health(lb.TargetGroupARN, m.task.Address())
		if h.State == balancer.Unhealthy {
			group := "(target-group " + lb.TargetGroupARN + ")"
			return "Task failed ELB health checks in " + group,
				fmt.Sprintf("(port %d) is unhealthy in %s due to (reason %s).", lb.ContainerPort, group, h.Description), false
		}
		healthy = healthy && h.State == balancer.Healthy
	}
	return "", "", healthy
}
