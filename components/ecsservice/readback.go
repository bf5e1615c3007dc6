package ecsservice

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// readBack sets what ECS really runs and returns an output that is true when it
// is what was asked for, and fails otherwise. A preview has nothing to read: its
// arguments are known, so it would read the service before the update.
func (s *Service) readBack(ctx *pulumi.Context, args *Args, cluster *ecs.Cluster, service *ecs.Service) pulumi.BoolOutput {
	if ctx.DryRun() {
		s.SettledTaskDefinition, s.SettledImage = s.TaskDefinition, args.Image.ToStringOutput()
		return pulumi.Bool(true).ToBoolOutput()
	}
	// The service's id is there only once the update has waited for it.
	name := pulumi.All(service.Name, service.ID()).ApplyT(func(all []any) string { return all[0].(string) }).(pulumi.StringOutput)
	running := ecs.LookupServiceOutput(ctx, ecs.LookupServiceOutputArgs{
		ClusterArn: cluster.Arn, ServiceName: name,
	}, pulumi.Parent(s))
	s.SettledTaskDefinition = running.TaskDefinition()
	s.SettledImage = ecs.GetContainerDefinitionOutput(ctx, ecs.GetContainerDefinitionOutputArgs{
		TaskDefinition: s.SettledTaskDefinition, ContainerName: pulumi.String(containerName),
	}, pulumi.Parent(s)).Image()
	return pulumi.All(s.TaskDefinition, s.SettledTaskDefinition).ApplyT(func(all []any) (bool, error) {
		return true, checkSettled(args.Names.Service(), args.Names.Cluster(), ctx.Stack(), all[0].(string), all[1].(string))
	}).(pulumi.BoolOutput)
}

// checkSettled explains a deployment that ECS rolled back.
func checkSettled(service, cluster, stack, asked, running string) error {
	if asked == running {
		return nil
	}
	return fmt.Errorf("ECS rolled the deployment of service %q back: asked for task definition %s, but %s runs. "+
		"The reason is in the service's events (aws ecs describe-services --cluster %s --services %s --query 'services[0].events[:5]'). "+
		"Fix it, then run: pulumi up --refresh -s %s (the state otherwise believes the new one)",
		service, asked, running, cluster, service, stack)
}
