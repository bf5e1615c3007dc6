package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// targets counts the targets of a group. Those that leave it serve no new requests
// and are not counted.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html#target-health-states
func (c *Cloud) targets(ctx context.Context, group string) (t ops.Targets, err error) {
	out, err := c.balancers.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(group)})
	if err != nil {
		return t, fmt.Errorf("reading targets of %q: %w", group, err)
	}
	for _, target := range out.TargetHealthDescriptions {
		if target.TargetHealth == nil {
			continue
		}
		switch target.TargetHealth.State {
		case types.TargetHealthStateEnumHealthy:
			t.Healthy++
		case types.TargetHealthStateEnumInitial:
			t.Starting++
		case types.TargetHealthStateEnumDraining, types.TargetHealthStateEnumUnused:
		default: // unhealthy, unavailable, unhealthy.draining
			t.Unhealthy++
		}
	}
	return t, nil
}

// balancer is the dimension of a colour's load balancer in CloudWatch, the end of
// its ARN: app/<name>/<id>.
func (c *Cloud) balancer(ctx context.Context, names naming.Color) (string, error) {
	out, err := c.balancers.DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{Names: []string{names.LoadBalancer()}})
	if err != nil {
		return "", fmt.Errorf("reading load balancer %q: %w", names.LoadBalancer(), err)
	}
	for _, balancer := range out.LoadBalancers {
		if _, suffix, ok := strings.Cut(aws.ToString(balancer.LoadBalancerArn), ":loadbalancer/"); ok {
			return suffix, nil
		}
	}
	return "", fmt.Errorf("there must be a load balancer %q: bring the colour up with pulumi up -s %s", names.LoadBalancer(), names.Color)
}
