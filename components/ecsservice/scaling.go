package ecsservice

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// alarm is a row of the deployment alarms: ECS undoes a deployment when one of
// them rings. No data means no requests, which is no reason to undo anything.
type alarm struct {
	name, description string
	metrics           map[string]string // statistic of each metric
	expression        string            // over the metrics, in lower case
	threshold         float64
	// datapoints of the last periods, of one minute, must breach. FILL makes a zero of a
	// minute whose errors are merely late, so an expression with it needs fewer.
	datapoints, periods int
}

// The rate is a share, in percent, of a minute with enough requests to mean something:
// a number of errors would undo a good deployment of a busy service.
var alarmTable = []alarm{
	{
		"5xx", "Targets answer more than 1 % of the requests with server errors",
		map[string]string{"HTTPCode_Target_5XX_Count": "Sum", "RequestCount": "Sum"},
		"IF(requestcount >= 50, 100 * FILL(httpcode_target_5xx_count, 0) / requestcount, 0)", 1, 2, 3,
	},
	{"unhealthy", "Targets fail the health check", map[string]string{"UnHealthyHostCount": "Maximum"}, "unhealthyhostcount", 0, 3, 3},
}

func (s *Service) alarms(ctx *pulumi.Context, name string, args *Args) ([]pulumi.Resource, error) {
	dimensions := pulumi.StringMap{
		"LoadBalancer": args.LoadBalancer.ARNSuffix, "TargetGroup": args.LoadBalancer.TargetSuffix,
	}
	var created []pulumi.Resource
	for _, a := range alarmTable {
		queries := cloudwatch.MetricAlarmMetricQueryArray{&cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String("result"), Expression: pulumi.String(a.expression), Label: pulumi.String(a.name), ReturnData: pulumi.Bool(true),
		}}
		for _, metric := range slices.Sorted(maps.Keys(a.metrics)) {
			queries = append(queries, &cloudwatch.MetricAlarmMetricQueryArgs{
				Id: pulumi.String(strings.ToLower(metric)), ReturnData: pulumi.Bool(false),
				Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
					Namespace: pulumi.String("AWS/ApplicationELB"), MetricName: pulumi.String(metric),
					Stat: pulumi.String(a.metrics[metric]), Period: pulumi.Int(60), Dimensions: dimensions,
				},
			})
		}
		alarm, err := cloudwatch.NewMetricAlarm(ctx, name+"-"+a.name, &cloudwatch.MetricAlarmArgs{
			Name:               pulumi.String(args.Names.Alarm(a.name)),
			AlarmDescription:   pulumi.String(a.description),
			ComparisonOperator: pulumi.String("GreaterThanThreshold"),
			Threshold:          pulumi.Float64(a.threshold),
			DatapointsToAlarm:  pulumi.Int(a.datapoints),
			EvaluationPeriods:  pulumi.Int(a.periods),
			TreatMissingData:   pulumi.String("notBreaching"),
			MetricQueries:      queries,
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
