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

// newEvents registers a rule for each row, which tells the topic of events. The
// rule's metric is what the row's alarm is on.
func (w *Watched) newEvents(ctx *pulumi.Context, name string, topic pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	for _, e := range w.events() {
		if err := newRule(ctx, name+"-"+e.name, w.ruleName(e), e.description, e.pattern, topic, opts...); err != nil {
			return err
		}
	}
	return nil
}

func newRule(
	ctx *pulumi.Context, name, awsName, description string, pattern map[string]any, topic pulumi.StringInput, opts ...pulumi.ResourceOption,
) error {
	rule, err := cloudwatch.NewEventRule(ctx, name, &cloudwatch.EventRuleArgs{
		Name: pulumi.String(awsName), Description: pulumi.String(description), EventPattern: pulumi.JSONMarshal(pattern),
	}, opts...)
	if err != nil {
		return fmt.Errorf("creating rule of events %q: %w", awsName, err)
	}
	if _, err := cloudwatch.NewEventTarget(ctx, name, &cloudwatch.EventTargetArgs{Rule: rule.Name, Arn: topic}, opts...); err != nil {
		return fmt.Errorf("creating target of events %q: %w", awsName, err)
	}
	return nil
}

// newDeploymentFailed registers the rule that tells the first level. A rule without
// a target would do nothing, so without topics there is none.
func newDeploymentFailed(ctx *pulumi.Context, name string, args *ColorArgs, opts ...pulumi.ResourceOption) error {
	if len(args.Topics) == 0 {
		return nil
	}
	return newRule(ctx, name+"-"+deploymentFailed, args.info().Alarm(deploymentFailed),
		"ECS has given up a deployment; with the circuit breaker the one before comes back", map[string]any{
			"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Deployment State Change"},
			"resources": []any{map[string]any{"suffix": pulumi.Sprintf(":service/%s/%s", args.ClusterName, args.ServiceName)}},
			"detail":    map[string]any{"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"}},
		}, args.Topics[0], opts...)
}
