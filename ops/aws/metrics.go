package aws

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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

// late is for how many minutes a load balancer's metrics may be missing before they
// count as late. It reports every minute.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
const late = 3

// heartbeat is the metric that a group with targets always reports, so that a minute
// without requests and one that is not reported yet are told apart.
const heartbeat = "heartbeat"

// queries are the metrics of a load balancer: id, name and statistic.
var queries = []struct{ id, metric, statistic string }{
	{"requests", "RequestCount", "Sum"},
	{"targets", "HTTPCode_Target_5XX_Count", "Sum"},
	{"balancer", "HTTPCode_ELB_5XX_Count", "Sum"},
	{"p50", "TargetResponseTime", "p50"},
	{"p95", "TargetResponseTime", "p95"},
	{"p99", "TargetResponseTime", "p99"},
	{heartbeat, "HealthyHostCount", "Minimum"},
}

// requests returns the last minutes that are reported.
func (c *Cloud) requests(ctx context.Context, names naming.Color, window time.Duration) (r ops.Requests, err error) {
	balancer, err := c.balancer(ctx, names)
	if err != nil {
		return r, err
	}
	_, behind, err := c.service(ctx, names)
	if err != nil {
		return r, err
	}
	_, group, _ := strings.Cut(aws.ToString(behind.TargetGroupArn), ":targetgroup/")
	each := c.settings.Minute
	count := max(1, int(math.Ceil(float64(window)/float64(each))))
	now := time.Now()
	end := now.Truncate(each)
	s := &series{each: each, start: end.Add(-time.Duration(count+late) * each), unknown: map[string]string{}}
	s.minutes, s.reported = make([]ops.Minute, count+late), make([]bool, count+late)
	for i := range s.minutes {
		s.minutes[i].Start = s.start.Add(time.Duration(i) * each)
	}
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(s.start), EndTime: aws.Time(end)}
	for _, q := range queries {
		dimensions := []types.Dimension{{Name: aws.String("LoadBalancer"), Value: aws.String(balancer)}}
		if q.id == heartbeat { // which is published by both only.
			dimensions = append(dimensions, types.Dimension{Name: aws.String("TargetGroup"), Value: aws.String("targetgroup/" + group)})
		}
		input.MetricDataQueries = append(input.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(q.id),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String(q.metric), Dimensions: dimensions},
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
		for _, message := range page.Messages {
			s.unknown["messages"] = aws.ToString(message.Value)
		}
		for _, result := range page.MetricDataResults {
			s.add(result)
		}
	}
	return s.last(count), nil
}

// series are minutes from start on.
type series struct {
	start    time.Time
	each     time.Duration
	minutes  []ops.Minute
	reported []bool
	unknown  map[string]string // why, by query
}

// add takes over a page of a metric. Only its last page says that it is complete.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
func (s *series) add(result types.MetricDataResult) {
	id := aws.ToString(result.Id)
	delete(s.unknown, id)
	if result.StatusCode != types.StatusCodeComplete {
		s.unknown[id] = fmt.Sprintf("CloudWatch answers %s for %s", cmp.Or(string(result.StatusCode), "no status"), id)
	}
	for _, message := range result.Messages {
		s.unknown[id] = fmt.Sprintf("CloudWatch says of %s: %s", id, aws.ToString(message.Value))
	}
	for i, at := range result.Timestamps {
		minute := int(at.Sub(s.start) / s.each)
		if i >= len(result.Values) || minute < 0 || minute >= len(s.minutes) {
			continue
		}
		m, value := &s.minutes[minute], result.Values[i]
		switch id {
		case "requests":
			m.Count += int(value)
		case "p50":
			m.P50 = seconds(value)
		case "p95":
			m.P95 = seconds(value)
		case "p99":
			m.P99 = seconds(value)
		case heartbeat:
			s.reported[minute] = true
		default:
			m.Errors += int(value)
		}
	}
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

// last returns the last minutes that are reported, and why they are not all that is
// to be known.
func (s *series) last(count int) ops.Requests {
	end := len(s.minutes)
	for end > count && !s.reported[end-1] {
		end--
	}
	r := ops.Sum(s.minutes[end-count:end], s.each)
	reasons := slices.Sorted(maps.Values(s.unknown))
	if !s.reported[end-1] {
		reasons = append(reasons, fmt.Sprintf("its load balancer has reported nothing since %s", s.minutes[end-1].Start.UTC().Format(time.TimeOnly)))
	}
	r.Unknown = strings.Join(reasons, "; ")
	return r
}
