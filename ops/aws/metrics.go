package aws

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// alarms lists the alarms of a colour that ring, by its prefix.
func (c *Cloud) alarms(ctx context.Context, names naming.Color) (ringing []string, err error) {
	pages := cloudwatch.NewDescribeAlarmsPaginator(c.metrics, &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(names.Alarm("")),
		AlarmTypes:      []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading alarms %q: %w", names.Alarm("*"), err)
		}
		for _, a := range page.MetricAlarms {
			if a.StateValue == types.StateValueAlarm {
				ringing = append(ringing, aws.ToString(a.AlarmName))
			}
		}
		for _, a := range page.CompositeAlarms {
			if a.StateValue == types.StateValueAlarm {
				ringing = append(ringing, aws.ToString(a.AlarmName))
			}
		}
	}
	slices.Sort(ringing)
	return ringing, nil
}

// delay is how late a load balancer's metrics are complete: it reports them every
// minute, and a look right then would miss the minute before.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
const delay = time.Minute

// queries are the metrics of a load balancer: id, name and statistic.
var queries = []struct{ id, metric, statistic string }{
	{"requests", "RequestCount", "Sum"},
	{"targets", "HTTPCode_Target_5XX_Count", "Sum"},
	{"balancer", "HTTPCode_ELB_5XX_Count", "Sum"},
	{"p95", "TargetResponseTime", "p95"},
}

// requests sums up whole minutes; of the percentile the worst minute counts, since
// percentiles cannot be summed up.
func (c *Cloud) requests(ctx context.Context, names naming.Color, window time.Duration) (r ops.Requests, err error) {
	balancer, err := c.balancer(ctx, names)
	if err != nil {
		return r, err
	}
	minutes := max(1, int(math.Ceil(window.Minutes())))
	r.Window = time.Duration(minutes) * time.Minute
	end := time.Now().Add(-delay).Truncate(time.Minute).Add(time.Minute)
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-r.Window)), EndTime: aws.Time(end)}
	for _, q := range queries {
		input.MetricDataQueries = append(input.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(q.id),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String(q.metric),
					Dimensions: []types.Dimension{{Name: aws.String("LoadBalancer"), Value: aws.String(balancer)}},
				},
				Period: aws.Int32(60), Stat: aws.String(q.statistic),
			},
		})
	}
	pages := cloudwatch.NewGetMetricDataPaginator(c.metrics, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return r, fmt.Errorf("reading metrics of load balancer %q: %w", balancer, err)
		}
		for _, result := range page.MetricDataResults {
			add(&r, aws.ToString(result.Id), result.Values)
		}
	}
	return r, nil
}

func add(r *ops.Requests, id string, values []float64) {
	for _, value := range values {
		switch id {
		case "requests":
			r.Count += int(value)
		case "p95":
			r.P95 = max(r.P95, time.Duration(value*float64(time.Second)))
		default:
			r.Errors += int(value)
		}
	}
}
