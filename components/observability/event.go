package observability

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// deploymentFailed is what is no metric of AWS's, but an event: that ECS gave up a
// deployment, and goes back to the one before when the circuit breaker may.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
const deploymentFailed = "deployment-failed"

// newDeploymentFailed registers the rule that tells the first level. A rule without
// a target would do nothing, so without topics there is none.
func newDeploymentFailed(ctx *pulumi.Context, name string, args *ColorArgs, opts ...pulumi.ResourceOption) error {
	if len(args.Topics) == 0 {
		return nil
	}
	rule, err := cloudwatch.NewEventRule(ctx, name+"-"+deploymentFailed, &cloudwatch.EventRuleArgs{
		Name:        pulumi.String(args.info().Alarm(deploymentFailed)),
		Description: pulumi.String("ECS has given up a deployment; with the circuit breaker the one before comes back"),
		EventPattern: pulumi.JSONMarshal(map[string]any{
			"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Deployment State Change"},
			"resources": []any{map[string]any{"suffix": pulumi.Sprintf(":service/%s/%s", args.ClusterName, args.ServiceName)}},
			"detail":    map[string]any{"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"}},
		}),
	}, opts...)
	if err != nil {
		return fmt.Errorf("creating rule of failed deployments %q: %w", name, err)
	}
	if _, err := cloudwatch.NewEventTarget(ctx, name+"-"+deploymentFailed, &cloudwatch.EventTargetArgs{
		Rule: rule.Name, Arn: args.Topics[0],
	}, opts...); err != nil {
		return fmt.Errorf("creating target of failed deployments %q: %w", name, err)
	}
	return nil
}
