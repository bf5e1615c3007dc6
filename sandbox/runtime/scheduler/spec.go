package scheduler

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// Service is an aws:ecs/service with what it refers to.
type Service struct {
	ARN, Name, Cluster string
	// Color is the colour of the stack, for faults and the status.
	Color          string
	TaskDefinition TaskDefinition
	// DesiredCount of tasks. With Scaling it only counts at creation.
	DesiredCount int
	// AvailabilityZones of the service's subnets.
	AvailabilityZones []string
	LoadBalancers     []LoadBalancer
	// DeploymentMinimumHealthyPercent and DeploymentMaximumPercent of the desired
	// count. Default, when both are 0: 100 and 200.
	DeploymentMinimumHealthyPercent, DeploymentMaximumPercent int
	DeploymentCircuitBreaker                                  CircuitBreaker
	Alarms                                                    Alarms
	HealthCheckGracePeriodSeconds                             int
	// ForceNewDeployment starts one each time that the service is applied.
	ForceNewDeployment bool
	Scaling            *Scaling
}

// TaskDefinition is a revision of an aws:ecs/taskDefinition with its containers.
type TaskDefinition struct {
	ARN string
	// CPU units, of which a vCPU has 1024, and Memory in MiB of a task; 0 when its
	// utilization is not asked for.
	CPU, Memory int
	Containers  task.Containers
}

// LoadBalancer is a target group that the tasks are registered with.
type LoadBalancer struct {
	TargetGroupARN string
	ContainerName  string
	ContainerPort  int
}

// CircuitBreaker is deploymentCircuitBreaker.
type CircuitBreaker struct{ Enable, Rollback bool }

// Alarms are the deployment alarms.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
type Alarms struct {
	AlarmNames       []string
	Enable, Rollback bool
	// BakeTime is how long the alarms are watched after the new tasks have
	// replaced the old ones, in seconds. AWS computes it from the alarms: give
	// their period times their evaluation periods.
	BakeTime int
}

// Scaling is an aws:appautoscaling/target with a target tracking policy on
// ALBRequestCountPerTarget.
type Scaling struct {
	MinCapacity, MaxCapacity int
	// TargetValue is the requests per target and minute to keep to.
	TargetValue float64
	// Cooldowns in seconds.
	ScaleInCooldown, ScaleOutCooldown int
}

func (s *Service) withDefaults() Service {
	service := *s
	if s.DeploymentMinimumHealthyPercent == 0 && s.DeploymentMaximumPercent == 0 {
		service.DeploymentMinimumHealthyPercent, service.DeploymentMaximumPercent = 100, 200
	}
	return service
}

func (s *Service) validate() error {
	errs := []error{s.TaskDefinition.Containers.Validate()}
	refuse := func(field, rule string, got any) { errs = append(errs, fmt.Errorf("%s %s, got %v", field, rule, got)) }
	if s.Name == "" || s.TaskDefinition.ARN == "" {
		refuse("Name and TaskDefinition.ARN", "are required", []string{s.Name, s.TaskDefinition.ARN})
	}
	if len(s.AvailabilityZones) == 0 {
		refuse("AvailabilityZones", "must have at least one zone", s.AvailabilityZones)
	}
	if s.DesiredCount < 0 {
		refuse("DesiredCount", "must not be negative", s.DesiredCount)
	}
	if c := s.Scaling; c != nil && (c.MinCapacity < 0 || c.MaxCapacity < max(1, c.MinCapacity) || c.TargetValue <= 0) {
		refuse("Scaling", "needs 0 <= MinCapacity <= MaxCapacity and a TargetValue", *c)
	}
	for _, lb := range s.LoadBalancers {
		main := s.TaskDefinition.Containers.Main()
		if main == nil || len(main.PortMappings) == 0 || lb.ContainerPort != main.PortMappings[0].ContainerPort || lb.ContainerName != main.Name {
			refuse("LoadBalancers", "must name the first container with a port, and its port", lb)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("service %q: %w", s.Name, err)
	}
	return nil
}

// redeploys reports whether a change from one to the other needs new tasks.
func (s *Service) redeploys(to *Service) bool {
	return to.ForceNewDeployment || s.TaskDefinition.ARN != to.TaskDefinition.ARN ||
		!reflect.DeepEqual(s.LoadBalancers, to.LoadBalancers) || !reflect.DeepEqual(s.AvailabilityZones, to.AvailabilityZones)
}
