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

// service reads a colour's service, and the ARN of its target group.
func (c *Cloud) service(ctx context.Context, names naming.Color) (state ops.Color, group string, err error) {
	out, err := c.services.DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: aws.String(names.Cluster()), Services: []string{names.Service()},
	})
	if err != nil {
		return state, "", fmt.Errorf("reading service %q: %w", names.Service(), err)
	}
	if len(out.Services) != 1 || len(out.Services[0].LoadBalancers) != 1 {
		return state, "", fmt.Errorf("cluster %q must have a service %q with one target group: bring the colour up with pulumi up -s %s",
			names.Cluster(), names.Service(), names.Color)
	}
	service := out.Services[0]
	state.Desired, state.Running = int(service.DesiredCount), int(service.RunningCount)
	state.TaskDefinition = aws.ToString(service.TaskDefinition)
	state.Deploying = len(service.Deployments) > 1
	for _, d := range service.Deployments {
		state.Deploying = state.Deploying || d.RolloutState == types.DeploymentRolloutStateInProgress
	}
	return state, aws.ToString(service.LoadBalancers[0].TargetGroupArn), nil
}

// digests lists what the running tasks' images are. The program names images by
// digest; of any other image ECS knows the digest it pulled.
func (c *Cloud) digests(ctx context.Context, names naming.Color) (digests []string, err error) {
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
			if aws.ToString(task.LastStatus) == "RUNNING" && len(task.Containers) > 0 {
				digests = append(digests, digestOf(task.Containers[0]))
			}
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests), nil
}

func digestOf(container types.Container) string {
	if _, digest, named := strings.Cut(aws.ToString(container.Image), "@"); named {
		return digest
	}
	return aws.ToString(container.ImageDigest)
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
