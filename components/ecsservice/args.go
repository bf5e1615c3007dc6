package ecsservice

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Args configures a [Service].
type Args struct {
	// Names of the cluster, service, task family, log group and alarms.
	// Required; a change replaces all of them.
	Names naming.Color
	// Image by digest ("repository@sha256:…"). Required; rolls a new deployment.
	Image pulumi.StringInput
	// RepositoryARN is the ECR repository that the tasks may pull from. Required.
	RepositoryARN pulumi.StringInput
	// Port is the container's port. Required; rolls a new deployment.
	Port int
	// CPU units and Memory in MiB of a task, a pair that Fargate has
	// ([CheckSize]). Required; rolls a new deployment.
	CPU, Memory int
	// HealthCommand checks the container from inside, without a shell. Required.
	HealthCommand []string
	// Environment of the container, besides GOMEMLIMIT, which is half of the memory
	// unless it is given; rolls a new deployment.
	Environment map[string]pulumi.StringInput
	// Secrets are environment variables from SSM parameters or Secrets Manager,
	// by ARN; ExecutionPolicy must allow to read them. They are read when a task
	// starts, so what rotates does not belong here.
	Secrets map[string]pulumi.StringInput
	// Containers are further ones of each task. Their order does not matter; a
	// change rolls a new deployment.
	Containers []Container
	// TaskPolicy is what the programs of the task may do in AWS, all of them alike:
	// a task has one role. Default: nothing.
	TaskPolicy []policy.Statement
	// ExecutionPolicy is what ECS may do to start a task, besides to pull the image
	// and to write the log. Default: nothing.
	ExecutionPolicy []policy.Statement

	// VpcID and SubnetIDs (private) that the tasks run in. Required.
	VpcID     pulumi.StringInput
	SubnetIDs pulumi.StringArrayInput
	// SecurityGroupIDs are further groups of the tasks, for example the one that
	// the database admits.
	SecurityGroupIDs []pulumi.StringInput
	// LoadBalancer is what sends the requests. Required.
	LoadBalancer LoadBalancer

	// DesiredCount of tasks at creation; afterwards autoscaling owns it.
	DesiredCount int
	// Scaling bounds and targets. Required; in place.
	Scaling Scaling
	// SpotShare is the percentage of tasks on Fargate Spot, 0 to 100; the first
	// task is always on demand. In place.
	SpotShare int
	// LogRetentionDays of the log group. Default 30; in place.
	LogRetentionDays int
	// LogKeyARN encrypts the log group. Default: CloudWatch's own key; in place.
	LogKeyARN pulumi.StringPtrInput
	// SteadyStateTimeout is how long an update waits for the deployment to
	// settle, as a Go duration. Default "15m".
	SteadyStateTimeout string
}

// Container is one that runs beside the server, or before it. The server goes on
// without it.
type Container struct {
	// Name in the task definition. Required.
	Name string
	// Image by digest. Default: the server's.
	Image pulumi.StringInput
	// RepositoryARN of the image, when it is in a registry of ECR that the tasks'
	// execution role must be let into. Default: none.
	RepositoryARN pulumi.StringInput
	// Command replaces the image's. Default: the image's.
	Command []string
	// Environment and Secrets as the server's.
	Environment, Secrets map[string]pulumi.StringInput
	// First runs it to its end before the server starts. When it fails, so does the
	// task, and ECS undoes the deployment. Default: it starts before the server and
	// runs beside it.
	First bool
}

// LoadBalancer is the part of a load balancer that a service needs.
type LoadBalancer struct {
	SecurityGroupID pulumi.StringInput
	TargetGroupARN  pulumi.StringInput
	ARNSuffix       pulumi.StringInput // metric dimension of the load balancer
	TargetSuffix    pulumi.StringInput // metric dimension of the target group
	// Listener must exist before the service: ECS refuses a target group that no
	// load balancer uses.
	Listener pulumi.Resource
}

// Scaling is the range of the task count and what it follows.
type Scaling struct {
	Min, Max          int
	CPU, Memory       int // target average utilisation in percent
	RequestsPerTarget int // target requests per task and minute
}

func (a *Args) validate() error {
	if a.LogRetentionDays == 0 {
		a.LogRetentionDays = 30
	}
	if a.SteadyStateTimeout == "" {
		a.SteadyStateTimeout = "15m"
	}
	errs := a.Names.Check()
	errs = append(errs, CheckSize(a.CPU, a.Memory), logretention.Check(a.LogRetentionDays))
	errs = append(errs, a.Scaling.Check(a.DesiredCount)...)
	if a.Image == nil || a.RepositoryARN == nil || a.VpcID == nil || a.SubnetIDs == nil {
		errs = append(errs, errors.New("Image, RepositoryARN, VpcID and SubnetIDs are required"))
	}
	if lb := a.LoadBalancer; lb.SecurityGroupID == nil || lb.TargetGroupARN == nil ||
		lb.ARNSuffix == nil || lb.TargetSuffix == nil || lb.Listener == nil {
		errs = append(errs, errors.New("every field of LoadBalancer is required"))
	}
	if len(a.HealthCommand) == 0 {
		errs = append(errs, errors.New("HealthCommand is required: give the program and its arguments, there is no shell"))
	}
	for i, c := range a.Containers {
		if c.Name == "" || c.Name == containerName {
			errs = append(errs, fmt.Errorf("Containers[%d].Name is required and must not be %q, got %q", i, containerName, c.Name))
		}
	}
	if a.Port < 1 || a.Port > 65535 {
		errs = append(errs, fmt.Errorf("Port must be 1 to 65535, got %d", a.Port))
	}
	if a.SpotShare < 0 || a.SpotShare > 100 {
		errs = append(errs, fmt.Errorf("SpotShare must be 0 to 100 percent, got %d", a.SpotShare))
	}
	return errors.Join(errs...)
}

// Check returns an error for each bound or target that cannot be met, and when
// desired is outside the bounds.
func (s Scaling) Check(desired int) (errs []error) {
	if s.Min < 1 || s.Min > s.Max {
		errs = append(errs, fmt.Errorf("scaling needs 1 <= min <= max, got min %d and max %d", s.Min, s.Max))
	} else if desired < s.Min || desired > s.Max {
		errs = append(errs, fmt.Errorf("desired count must be between min %d and max %d, got %d", s.Min, s.Max, desired))
	}
	percent := func(what string, target int) {
		if target < 10 || target > 90 {
			errs = append(errs, fmt.Errorf("scaling target %s must be 10 to 90 percent, got %d", what, target))
		}
	}
	percent("cpu", s.CPU)
	percent("memory", s.Memory)
	if s.RequestsPerTarget < 1 {
		errs = append(errs, fmt.Errorf("scaling target requestsPerTarget must be at least 1 per minute, got %d", s.RequestsPerTarget))
	}
	return errs
}
