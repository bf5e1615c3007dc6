package ecsservice

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// alarm is a row of the deployment alarms: ECS undoes a deployment when one of
// them rings. No data means no requests, which is no reason to undo anything.
type alarm struct {
	name, description, metric, statistic string
	threshold                            float64
	periods                              int // of one minute
}

var alarmTable = []alarm{
	{"5xx", "Targets answer with server errors", "HTTPCode_Target_5XX_Count", "Sum", 10, 2},
	{"unhealthy", "Targets fail the health check", "UnHealthyHostCount", "Maximum", 0, 3},
}

func (s *Service) alarms(ctx *pulumi.Context, name string, args *Args) ([]pulumi.Resource, error) {
	var created []pulumi.Resource
	for _, a := range alarmTable {
		alarm, err := cloudwatch.NewMetricAlarm(ctx, name+"-"+a.name, &cloudwatch.MetricAlarmArgs{
			Name:               pulumi.String(args.Names.Alarm(a.name)),
			AlarmDescription:   pulumi.String(a.description),
			Namespace:          pulumi.String("AWS/ApplicationELB"),
			MetricName:         pulumi.String(a.metric),
			Statistic:          pulumi.String(a.statistic),
			ComparisonOperator: pulumi.String("GreaterThanThreshold"),
			Threshold:          pulumi.Float64(a.threshold),
			Period:             pulumi.Int(60),
			EvaluationPeriods:  pulumi.Int(a.periods),
			TreatMissingData:   pulumi.String("notBreaching"),
			Dimensions: pulumi.StringMap{
				"LoadBalancer": args.LoadBalancer.ARNSuffix, "TargetGroup": args.LoadBalancer.TargetSuffix,
			},
		}, pulumi.Parent(s))
		if err != nil {
			return nil, fmt.Errorf("creating alarm %q: %w", args.Names.Alarm(a.name), err)
		}
		created = append(created, alarm)
	}
	return created, nil
}

func (s *Service) scaling(
	ctx *pulumi.Context, name string, args *Args, cluster *ecs.Cluster, service *ecs.Service,
) error {
	target, err := appautoscaling.NewTarget(ctx, name, &appautoscaling.TargetArgs{
		ServiceNamespace:  pulumi.String("ecs"),
		ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:        pulumi.Sprintf("service/%s/%s", cluster.Name, service.Name),
		MinCapacity:       pulumi.Int(args.Scaling.Min),
		MaxCapacity:       pulumi.Int(args.Scaling.Max),
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("creating scaling target of service %q: %w", name, err)
	}
	requests := pulumi.Sprintf("%s/%s", args.LoadBalancer.ARNSuffix, args.LoadBalancer.TargetSuffix)
	for _, p := range []struct {
		suffix, metric string
		target         int
		label          pulumi.StringPtrInput
	}{
		{"-cpu", "ECSServiceAverageCPUUtilization", args.Scaling.CPU, nil},
		{"-memory", "ECSServiceAverageMemoryUtilization", args.Scaling.Memory, nil},
		{"-requests", "ALBRequestCountPerTarget", args.Scaling.RequestsPerTarget, requests},
	} {
		if _, err := appautoscaling.NewPolicy(ctx, name+p.suffix, &appautoscaling.PolicyArgs{
			PolicyType:        pulumi.String("TargetTrackingScaling"),
			ServiceNamespace:  target.ServiceNamespace,
			ScalableDimension: target.ScalableDimension,
			ResourceId:        target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
				TargetValue:      pulumi.Float64(float64(p.target)),
				ScaleInCooldown:  pulumi.Int(300),
				ScaleOutCooldown: pulumi.Int(60),
				PredefinedMetricSpecification: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
					PredefinedMetricType: pulumi.String(p.metric), ResourceLabel: p.label,
				},
			},
		}, pulumi.Parent(s)); err != nil {
			return fmt.Errorf("creating scaling policy %q: %w", name+p.suffix, err)
		}
	}
	return nil
}
