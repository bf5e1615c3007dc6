package account

import (
	"context"
	"net"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
)

// balancersPage is the greatest page of load balancers and target groups.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
const balancersPage = 400

func (a *Account) balancersAPI() awsapi.Service {
	return awsapi.Service{
		SigningName: "elasticloadbalancing", Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
		Operations: map[string]awsapi.Operation{
			"DescribeLoadBalancers": awsapi.Do(a.describeLoadBalancers),
			"DescribeTargetGroups":  awsapi.Do(a.describeTargetGroups),
			"DescribeTargetHealth":  awsapi.Do(a.describeTargetHealth),
		},
	}
}

func (a *Account) describeLoadBalancers(ctx context.Context, in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	found, missing := a.named(ctx, "lb/loadBalancer", slices.Concat(in.Names, in.LoadBalancerArns), "name")
	if missing != "" {
		return nil, &types.LoadBalancerNotFoundException{Message: aws.String("One or more load balancers not found"), ErrorCodeOverride: aws.String("LoadBalancerNotFound")}
	}
	part, next, err := page(found, in.Marker, in.PageSize, balancersPage)
	out := &elb.DescribeLoadBalancersOutput{LoadBalancers: []types.LoadBalancer{}, NextMarker: next}
	for _, r := range part {
		b := types.LoadBalancer{
			LoadBalancerArn: aws.String(r.ID), LoadBalancerName: aws.String(textOf(r, "name")), DNSName: aws.String(textOf(r, "dnsName")),
			CanonicalHostedZoneId: aws.String(textOf(r, "zoneId")), VpcId: aws.String(textOf(r, "vpcId")), Type: types.LoadBalancerTypeEnumApplication,
			Scheme: types.LoadBalancerSchemeEnumInternetFacing, State: &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive},
		}
		if r.Outputs["internal"] == true {
			b.Scheme = types.LoadBalancerSchemeEnumInternal
		}
		out.LoadBalancers = append(out.LoadBalancers, b)
	}
	return out, err
}

func (a *Account) describeTargetGroups(ctx context.Context, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	found, missing := a.named(ctx, "lb/targetGroup", slices.Concat(in.Names, in.TargetGroupArns), "name")
	if missing != "" {
		return nil, noTargetGroup()
	}
	part, next, err := page(found, in.Marker, in.PageSize, balancersPage)
	out := &elb.DescribeTargetGroupsOutput{TargetGroups: []types.TargetGroup{}, NextMarker: next}
	for _, r := range part {
		out.TargetGroups = append(out.TargetGroups, types.TargetGroup{
			TargetGroupArn: aws.String(r.ID), TargetGroupName: aws.String(textOf(r, "name")), VpcId: aws.String(textOf(r, "vpcId")),
			Protocol: types.ProtocolEnum(textOf(r, "protocol")), TargetType: types.TargetTypeEnum(textOf(r, "targetType")),
		})
	}
	return out, err
}

func noTargetGroup() error {
	return &types.TargetGroupNotFoundException{Message: aws.String("One or more target groups not found"), ErrorCodeOverride: aws.String("TargetGroupNotFound")}
}

func (a *Account) describeTargetHealth(ctx context.Context, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	if _, missing := a.named(ctx, "lb/targetGroup", []string{aws.ToString(in.TargetGroupArn)}); missing != "" {
		return nil, noTargetGroup()
	}
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	if a.Runtime == nil {
		return out, nil
	}
	_, groups := a.Runtime.Balancers.Status()
	i := slices.IndexFunc(groups, func(g balancer.GroupStatus) bool { return g.ARN == *in.TargetGroupArn })
	if i < 0 {
		return out, nil
	}
	for _, target := range groups[i].Targets {
		host, port, _ := net.SplitHostPort(target.Target)
		number, _ := strconv.ParseInt(port, 10, 32)
		health := &types.TargetHealth{State: types.TargetHealthStateEnum(target.State), Reason: types.TargetHealthReasonEnum(target.Reason)}
		if target.Description != "" {
			health.Description = aws.String(target.Description)
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{
			Target: &types.TargetDescription{Id: aws.String(host), Port: aws.Int32(int32(number))}, TargetHealth: health,
		})
	}
	return out, nil
}
