package scheduler

import (
	"fmt"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// How many events and stopped tasks are kept. ECS shows 100 events.
const maxEvents, maxStopped = 100, 20

// Event is what a service reports, in ECS's words where they are known.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
type Event struct {
	CreatedAt time.Time `json:"createdAt"`
	Message   string    `json:"message"`
}

// event reports something, unless it was the last thing reported.
func (v *service) event(now time.Time, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if len(v.events) > 0 && v.events[0].Message == message {
		return
	}
	v.events = append([]Event{{now, message}}, v.events...)
	v.events = v.events[:min(len(v.events), maxEvents)]
}

// messages are the events, the newest first.
func (v *service) messages() (all []string) {
	for _, e := range v.events {
		all = append(all, e.Message)
	}
	return all
}

// ServiceStatus is a service as it is now.
type ServiceStatus struct {
	ARN          string `json:"arn"`
	Name         string `json:"name"`
	Cluster      string `json:"cluster"`
	Color        string `json:"color,omitempty"`
	DesiredCount int    `json:"desiredCount"`
	RunningCount int    `json:"runningCount"`
	PendingCount int    `json:"pendingCount"`
	// Steady is true from a steady state to what disturbs it.
	Steady bool `json:"steady"`
	// TaskDefinition and Image of the primary deployment: the image of the container
	// that the load balancer talks to.
	TaskDefinition string             `json:"taskDefinition"`
	Image          string             `json:"image"`
	Deployments    []DeploymentStatus `json:"deployments"`
	Tasks          []TaskStatus       `json:"tasks"`
	// StoppedTasks are the last ones, the newest first, as are the Events.
	StoppedTasks []TaskStatus `json:"stoppedTasks"`
	Events       []Event      `json:"events"`
}

// DeploymentStatus is a deployment of a service.
type DeploymentStatus struct {
	ID                 string       `json:"id"`
	Status             string       `json:"status"` // PRIMARY or ACTIVE.
	TaskDefinition     string       `json:"taskDefinition"`
	CreatedAt          time.Time    `json:"createdAt"`
	RolloutState       RolloutState `json:"rolloutState"`
	RolloutStateReason string       `json:"rolloutStateReason"`
	FailedTasks        int          `json:"failedTasks"`
}

// TaskStatus is a task that runs or has stopped.
type TaskStatus struct {
	ID               string      `json:"id"`
	Deployment       string      `json:"deployment"`
	TaskDefinition   string      `json:"taskDefinition"`
	Image            string      `json:"image"` // with its digest.
	AvailabilityZone string      `json:"availabilityZone"`
	LastStatus       State       `json:"lastStatus"`
	HealthStatus     task.Health `json:"healthStatus"` // of the container's own check.
	// Healthy tells that all checks pass, those of the target groups too.
	Healthy bool   `json:"healthy"`
	Address string `json:"address,omitempty"`
	// User says who it runs as.
	User          string    `json:"user,omitempty"`
	CreatedAt     time.Time `json:"createdAt"`
	StartedAt     time.Time `json:"startedAt,omitzero"`
	StoppedAt     time.Time `json:"stoppedAt,omitzero"`
	StoppedReason string    `json:"stoppedReason,omitempty"`
	// Exit is how the container that has the Image, Address and User ended, nil when
	// it does not run or never did. Containers are all of them.
	Exit       *task.Exit             `json:"exit,omitempty"`
	Containers []task.ContainerStatus `json:"containers,omitempty"`
}

func (m *member) status() TaskStatus {
	definition := m.deployment.spec.TaskDefinition
	main := definition.Containers.Main()
	s := TaskStatus{
		ID: m.id, Deployment: m.deployment.ID, TaskDefinition: definition.ARN, Image: main.Image,
		AvailabilityZone: m.zone, LastStatus: m.state, HealthStatus: task.Unknown, Healthy: m.healthy,
		CreatedAt: m.created, StartedAt: m.started, StoppedReason: m.leaving,
	}
	if m.task != nil {
		s.Address, s.User, s.HealthStatus, s.Containers = m.task.Address(), m.task.User(), m.task.Health(), m.task.Containers()
	}
	for _, c := range s.Containers {
		if c.Name == main.Name && c.ExitCode != nil {
			s.Exit = &task.Exit{Code: *c.ExitCode, Reason: c.Reason}
		}
	}
	return s
}

func (v *service) status() ServiceStatus {
	v.mu.Lock()
	defer v.mu.Unlock()
	primary := v.deployments[0].spec.TaskDefinition
	s := ServiceStatus{
		ARN: v.spec.ARN, Name: v.spec.Name, Cluster: v.spec.Cluster, Color: v.spec.Color, DesiredCount: v.desired, Steady: v.steady,
		TaskDefinition: primary.ARN, Image: primary.Containers.Main().Image,
		Tasks: []TaskStatus{}, StoppedTasks: append([]TaskStatus{}, v.stopped...), Events: append([]Event{}, v.events...),
	}
	for i, d := range v.deployments {
		status := "PRIMARY"
		if i > 0 {
			status = "ACTIVE"
		}
		s.Deployments = append(s.Deployments, DeploymentStatus{
			d.ID, status, d.spec.TaskDefinition.ARN, d.created, d.state, d.reason, d.failed,
		})
	}
	for _, m := range v.members {
		s.Tasks = append(s.Tasks, m.status())
		if m.state == Pending {
			s.PendingCount++
		} else if m.state != Stopping {
			s.RunningCount++
		}
	}
	return s
}
