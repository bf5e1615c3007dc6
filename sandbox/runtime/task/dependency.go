package task

import (
	"errors"
	"fmt"
	"time"
)

// Dependency is what another container must have reached before a container
// starts. Containers stop in the reverse order.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
type Dependency struct {
	ContainerName string    `json:"containerName"`
	Condition     Condition `json:"condition"`
}

// Condition of a [Dependency].
type Condition string

// The conditions: it runs or has run, it has ended, it has ended with 0, its
// health check passes.
const (
	OnStart    Condition = "START"
	OnComplete Condition = "COMPLETE"
	OnSuccess  Condition = "SUCCESS"
	OnHealthy  Condition = "HEALTHY"
)

// resolve returns why a dependency can never be met.
func (all Containers) resolve(d Dependency) error {
	other := all.find(d.ContainerName)
	if other == nil {
		return fmt.Errorf("Cannot depend on container + '%s' because it does not exist", d.ContainerName)
	}
	switch d.Condition {
	case OnStart:
	case OnComplete, OnSuccess:
		if other.IsEssential() {
			return errors.New("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
		}
	case OnHealthy:
		if other.HealthCheck.arguments() == nil {
			return fmt.Errorf("container %q must have a health check to become HEALTHY", d.ContainerName)
		}
	default:
		return fmt.Errorf("condition must be START, COMPLETE, SUCCESS or HEALTHY, got %q", d.Condition)
	}
	return nil
}

// await returns when the container may start, or why it never will, in the words
// of ECS's agent.
// https://github.com/aws/amazon-ecs-agent/blob/master/agent/engine/dependencygraph/graph.go
func (c *container) await() error {
	for _, d := range c.DependsOn {
		other := c.task.find(d.ContainerName)
		select {
		case <-other.launched:
		case <-other.ended:
		case <-c.task.ctx.Done():
			return c.task.ctx.Err()
		}
		var timeout <-chan time.Time
		if other.StartTimeout > 0 {
			timeout = time.After(c.task.host.scale.Patience(other.StartTimeout))
		}
		problem := ""
		select {
		case <-other.decided(d.Condition):
			problem = other.misses(d.Condition)
		case <-timeout:
			problem = "as it has timed out."
		case <-c.task.ctx.Done():
			return c.task.ctx.Err()
		}
		if problem != "" {
			return fmt.Errorf("dependency graph: failed to resolve container ordering dependency [%s] for target [%s] %s", other, c.Name, problem)
		}
	}
	return nil
}

// decided is closed when the container has met a condition or never will.
func (c *container) decided(condition Condition) <-chan struct{} {
	switch condition {
	case OnStart: // it has been awaited.
		return closed
	case OnHealthy:
		return c.judged
	}
	return c.ended
}

// misses says how the container has failed to meet a condition that is decided.
func (c *container) misses(condition Condition) string {
	s := c.status()
	switch {
	case s.LastStatus == Stopped && !isClosed(c.launched):
		return "because dependency will never start."
	case condition == OnSuccess && *s.ExitCode != 0:
		return "as dependency did not exit successfully."
	case condition == OnHealthy && s.HealthStatus != Healthy:
		return "as dependency did not become healthy."
	}
	return ""
}

// String describes a dependency that was not met.
func (c *container) String() string {
	if s := c.status(); s.ExitCode != nil {
		return fmt.Sprintf("%s (%s) - Exit: %d", s.Name, s.LastStatus, *s.ExitCode)
	}
	return c.Name
}

var closed = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
