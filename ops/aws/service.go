package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// service reads a colour's service, and how it is behind its load balancer: the ARN
// of the target group and the name of the container that serves.
func (c *Cloud) service(ctx context.Context, names naming.Color) (state ops.Color, behind types.LoadBalancer, err error) {
	out, err := c.services.DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: aws.String(names.Cluster()), Services: []string{names.Service()},
	})
	if err != nil {
		return state, behind, fmt.Errorf("reading service %q: %w", names.Service(), err)
	}
	if len(out.Services) != 1 || len(out.Services[0].LoadBalancers) != 1 {
		return state, behind, fmt.Errorf("cluster %q must have a service %q with one target group: bring the colour up with pulumi up -s %s",
			names.Cluster(), names.Service(), names.Color)
	}
	service := out.Services[0]
	state.Desired, state.Running = int(service.DesiredCount), int(service.RunningCount)
	state.TaskDefinition = aws.ToString(service.TaskDefinition)
	state.Deploying = len(service.Deployments) > 1
	for _, d := range service.Deployments {
		state.Deploying = state.Deploying || d.RolloutState == types.DeploymentRolloutStateInProgress
	}
	return state, service.LoadBalancers[0], nil
}

// digests lists what the images of the running tasks' serving containers are. The program names images by
// digest; of any other image ECS knows the digest it pulled.
func (c *Cloud) digests(ctx context.Context, names naming.Color, serving string) (digests []string, err error) {
	pages := ecs.NewListTasksPaginator(c.services, &ecs.ListTasksInput{
		Cluster: aws.String(names.Cluster()), ServiceName: aws.String(names.Service()), DesiredStatus: types.DesiredStatusRunning,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing tasks of service %q: %w", names.Service(), err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := c.services.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(names.Cluster()), Tasks: page.TaskArns})
		if err != nil {
			return nil, fmt.Errorf("reading tasks of service %q: %w", names.Service(), err)
		}
		for _, task := range out.Tasks {
			if aws.ToString(task.LastStatus) == "RUNNING" {
				digests = append(digests, digestOf(task.Containers, serving)...)
			}
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests), nil
}

// digestOf lists the digest of the container with a name. A task has others, which
// ECS lists in any order.
func digestOf(containers []types.Container, name string) (digests []string) {
	for _, container := range containers {
		if aws.ToString(container.Name) != name {
			continue
		}
		digest := aws.ToString(container.ImageDigest)
		if _, named, ok := strings.Cut(aws.ToString(container.Image), "@"); ok {
			digest = named
		}
		digests = append(digests, digest)
	}
	return digests
}

// Deploy implements [ops.Cloud].
func (c *Cloud) Deploy(ctx context.Context, color, taskDefinition string) error {
	names := c.color(color)
	if _, err := c.services.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: aws.String(names.Cluster()), Service: aws.String(names.Service()), TaskDefinition: aws.String(taskDefinition),
	}); err != nil {
		return fmt.Errorf("deploying %q to service %q: %w", taskDefinition, names.Service(), err)
	}
	return nil
}

// Scale implements [ops.Cloud].
func (c *Cloud) Scale(ctx context.Context, color string, tasks int) error {
	names := c.color(color)
	if _, err := c.services.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: aws.String(names.Cluster()), Service: aws.String(names.Service()), DesiredCount: aws.Int32(int32(tasks)),
	}); err != nil {
		return fmt.Errorf("scaling service %q to %d tasks: %w", names.Service(), tasks, err)
	}
	return nil
}
