package account

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// services are those that reached a steady state.
func (a *Account) services() []*cloud.Resource {
	return slices.DeleteFunc(a.each("ecs/service"), func(r *cloud.Resource) bool { return !r.Steady() })
}

// status is a service as it runs, nil when it does not.
func (a *Account) status(name string) *scheduler.ServiceStatus {
	if a.Runtime == nil {
		return nil
	}
	all := a.Runtime.Status().Services
	if i := slices.IndexFunc(all, func(s scheduler.ServiceStatus) bool { return s.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// apply runs a service with a task definition. A service that is kept gets no new
// tasks when its task definition is the one that runs.
func (a *Account) apply(service *cloud.Resource, definition string, keep bool) (*scheduler.Deployment, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	spec, err := a.serviceSpec(service, definition)
	if err != nil {
		return nil, err
	}
	spec.ForceNewDeployment = spec.ForceNewDeployment && !keep
	return a.Runtime.Apply(spec)
}

// followServices makes what runs follow the scaling and the removal of services.
func (a *Account) followServices() error {
	known := map[string]bool{}
	for _, service := range a.each("ecs/service") {
		known[textOf(service, "name")] = true
		// One that is deploying follows when it is steady.
		if running := a.status(textOf(service, "name")); running != nil && service.Steady() {
			if _, err := a.apply(service, running.TaskDefinition, true); err != nil {
				return err
			}
		}
	}
	for _, running := range a.Runtime.Status().Services {
		if !known[running.Name] {
			if err := a.Runtime.Remove(a.ctx, running.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// serviceSpec is a service with all that it refers to. The names of the runtime's
// fields are those of the provider's properties.
func (a *Account) serviceSpec(r *cloud.Resource, definition string) (scheduler.Service, error) {
	var service struct {
		scheduler.Service
		TaskDefinition       string
		NetworkConfiguration struct{ Subnets []string }
	}
	if err := decode(r, &service); err != nil {
		return scheduler.Service{}, err
	}
	spec := service.Service
	spec.ARN, spec.Color = r.ID, cloud.StackOf(r.URN)
	for _, subnet := range service.NetworkConfiguration.Subnets {
		if found := a.find("ec2/subnet", "id", subnet); found != nil {
			spec.AvailabilityZones = append(spec.AvailabilityZones, textOf(found, "availabilityZone"))
		}
	}
	var err error
	spec.TaskDefinition, err = a.taskDefinition(r.Region, definition)
	spec.Scaling = a.scaling(r)
	spec.Alarms.BakeTime = a.bakeTime(spec.Alarms.AlarmNames)
	return spec, err
}

func (a *Account) taskDefinition(region, arn string) (scheduler.TaskDefinition, error) {
	found := a.find("ecs/taskDefinition", "arn", arn)
	if found == nil {
		return scheduler.TaskDefinition{}, fmt.Errorf("task definition %q: TaskDefinition not found", arn)
	}
	definition := scheduler.TaskDefinition{ARN: arn}
	if err := json.Unmarshal([]byte(textOf(found, "containerDefinitions")), &definition.Containers); err != nil {
		return definition, fmt.Errorf("task definition %q: reading its containers: %w", arn, err)
	}
	var absent []string
	for i := range definition.Containers {
		container := &definition.Containers[i]
		secrets := a.databases.secrets(container.Secrets)
		if len(secrets) < len(container.Secrets) && !container.IsEssential() {
			absent = append(absent, container.Name)
		}
		container.Secrets = secrets
		container.Environment = append(a.databases.environment(container.Environment), a.environment(region, textOf(found, "taskRoleArn"))...)
	}
	definition.Containers = without(definition.Containers, absent)
	// Without sizes, which only Fargate demands, there is no utilization.
	definition.CPU, _ = strconv.Atoi(textOf(found, "cpu"))
	definition.Memory, _ = strconv.Atoi(textOf(found, "memory"))
	return definition, nil
}

// without leaves containers out, and that others wait for them: the migrations of a
// database that does not run here.
func without(all []task.ContainerDefinition, names []string) []task.ContainerDefinition {
	all = slices.DeleteFunc(all, func(c task.ContainerDefinition) bool { return slices.Contains(names, c.Name) })
	for i := range all {
		all[i].DependsOn = slices.DeleteFunc(all[i].DependsOn, func(d task.Dependency) bool { return slices.Contains(names, d.ContainerName) })
	}
	return all
}

// scaling is the target tracking of a service on requests per target, if it has it.
func (a *Account) scaling(service *cloud.Resource) *scheduler.Scaling {
	_, id, _ := strings.Cut(service.ID, ":service/")
	id = "service/" + id
	target := a.find("appautoscaling/target", "resourceId", id)
	if target == nil {
		return nil
	}
	for _, r := range a.each("appautoscaling/policy") {
		var policy struct {
			ResourceID                               string
			TargetTrackingScalingPolicyConfiguration struct {
				scheduler.Scaling
				PredefinedMetricSpecification struct{ PredefinedMetricType string }
			}
		}
		tracking := &policy.TargetTrackingScalingPolicyConfiguration
		if decode(r, &policy) != nil || policy.ResourceID != id ||
			tracking.PredefinedMetricSpecification.PredefinedMetricType != "ALBRequestCountPerTarget" {
			continue
		}
		if decode(target, &tracking.Scaling) == nil {
			return &tracking.Scaling
		}
	}
	return nil
}

// bakeTime is the longest time that an alarm needs to ring, in seconds.
func (a *Account) bakeTime(alarms []string) (seconds int) {
	for _, name := range alarms {
		if r := a.find("cloudwatch/metricAlarm", "name", name); r != nil {
			var alarm struct {
				Period, EvaluationPeriods int
				MetricQueries             []struct{ Metric struct{ Period int } }
			}
			if decode(r, &alarm) == nil {
				for _, query := range alarm.MetricQueries {
					alarm.Period = max(alarm.Period, query.Metric.Period)
				}
				seconds = max(seconds, alarm.Period*alarm.EvaluationPeriods)
			}
		}
	}
	return seconds
}

// look is how often deploy looks whether the deployment has begun.
const look = 5 * time.Millisecond

// deploy makes a service run a task definition, behind the engine's back. It returns
// when the deployment has begun, as ECS does: who looks then sees it.
func (a *Account) deploy(service *cloud.Resource, definition string) error {
	wait, err := a.Cloud.UpdateService(service, definition)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	a.background.Go(func() {
		err := wait(a.ctx)
		if err != nil && context.Cause(a.ctx) == nil {
			fmt.Fprintf(a.opts.Out, "deploying %s: %v\n", definition, err)
		}
		ended <- err
	})
	name := textOf(service, "name")
	for running := a.status(name); running != nil && running.TaskDefinition != definition; running = a.status(name) {
		select {
		case err := <-ended:
			return err
		case <-time.After(look):
		}
	}
	return nil
}

// scale makes a service have so many tasks, behind the engine's back.
func (a *Account) scale(service *cloud.Resource, tasks int) error {
	service.Outputs["desiredCount"] = float64(tasks)
	if err := a.Cloud.Store().Put(service); err != nil || a.Runtime == nil {
		return err
	}
	return a.Runtime.Scale(textOf(service, "name"), tasks)
}
