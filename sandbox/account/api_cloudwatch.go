package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// The greatest page of DescribeAlarms, and the datapoints of a GetMetricData's.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
const alarmsPage, maxDatapoints = 100, 100_800

func (a *Account) cloudwatchAPI() awsapi.Service {
	return awsapi.Service{
		SigningName: "monitoring", Prefix: "cloudwatch", Namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		Operations: map[string]awsapi.Operation{
			"DescribeAlarms": awsapi.Do(a.describeAlarms),
			"GetMetricData":  awsapi.Do(a.getMetricData),
		},
	}
}

func (a *Account) describeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	kinds := in.AlarmTypes
	if len(kinds) == 0 {
		kinds = []types.AlarmType{types.AlarmTypeMetricAlarm}
	}
	var names []string
	kindOf := map[string]types.AlarmType{}
	for short, kind := range map[string]types.AlarmType{metricAlarm: types.AlarmTypeMetricAlarm, compositeAlarm: types.AlarmTypeCompositeAlarm} {
		found, _ := a.named(ctx, short, nil)
		for _, r := range found {
			name := nameOfAlarm(r)
			if slices.Contains(kinds, kind) && strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) &&
				(len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, name)) {
				names, kindOf[name] = append(names, name), kind
			}
		}
	}
	slices.Sort(names)
	now := a.evaluation()
	if in.StateValue != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return string(now.state(name, 0)) != string(in.StateValue) })
	}
	part, next, err := page(names, in.NextToken, in.MaxRecords, alarmsPage)
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}, NextToken: next}
	for _, name := range part {
		state := types.StateValue(now.state(name, 0))
		if state == "" { // one that cannot be evaluated here.
			state = types.StateValueInsufficientData
		}
		if kindOf[name] == types.AlarmTypeCompositeAlarm {
			r := a.find(compositeAlarm, "alarmName", name)
			out.CompositeAlarms = append(out.CompositeAlarms, types.CompositeAlarm{
				AlarmName: &name, AlarmArn: aws.String(textOf(r, "arn")), AlarmRule: aws.String(textOf(r, "alarmRule")), StateValue: state,
			})
			continue
		}
		var properties struct {
			types.MetricAlarm
			Dimensions map[string]string // the provider has them so.
		}
		r := a.find(metricAlarm, "name", name)
		if err := decode(r, &properties); err != nil {
			return nil, err
		}
		described := properties.MetricAlarm
		for key, value := range properties.Dimensions {
			described.Dimensions = append(described.Dimensions, types.Dimension{Name: &key, Value: &value})
		}
		described.AlarmName, described.AlarmArn = &name, aws.String(textOf(r, "arn"))
		described.StateValue, described.StateReason = state, aws.String(now.reasons[name])
		out.MetricAlarms = append(out.MetricAlarms, described)
	}
	return out, err
}

// getMetricData answers with the periods that are complete: a period of seconds is in
// AWS's time, and as many times shorter as that passes faster.
func (a *Account) getMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if in.StartTime == nil || in.EndTime == nil || !in.StartTime.Before(*in.EndTime) {
		return nil, refuse("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}}
	partial := awsapi.Partial(ctx)
	for _, query := range in.MetricDataQueries {
		if query.MetricStat == nil || query.MetricStat.Metric == nil || a.metrics == nil {
			return nil, refuse("ValidationError", "query %q must have MetricStat: the sandbox calculates no expressions here", aws.ToString(query.Id))
		}
		if partial == "missing" {
			continue
		}
		result, err := a.metricData(query, *in.StartTime, *in.EndTime)
		if err != nil {
			return nil, err
		}
		if partial != "" {
			result.StatusCode = types.StatusCode(partial)
			kept := 0
			if result.StatusCode == types.StatusCodePartialData {
				kept = len(result.Values) / 2
			}
			result.Values, result.Timestamps = result.Values[:kept], result.Timestamps[:kept]
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out, nil
}

// metricData is a metric's, the newest first.
func (a *Account) metricData(query types.MetricDataQuery, start, end time.Time) (types.MetricDataResult, error) {
	metric := query.MetricStat.Metric
	result := types.MetricDataResult{Id: query.Id, Label: metric.MetricName, StatusCode: types.StatusCodeComplete, Values: []float64{}, Timestamps: []time.Time{}}
	m := alarm.Metric{
		Namespace: aws.ToString(metric.Namespace), MetricName: aws.ToString(metric.MetricName),
		Statistic: aws.ToString(query.MetricStat.Stat), Period: int(aws.ToInt32(query.MetricStat.Period)), Dimensions: map[string]string{},
	}
	for _, d := range metric.Dimensions {
		m.Dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	if m.Period < 10 {
		return result, refuse("ValidationError", "The parameter Period must be at least 10 in the sandbox.")
	}
	width := a.opts.TimeScale.Seconds(m.Period)
	complete := func() time.Time { return time.Unix(0, time.Now().UnixNano()/int64(width)*int64(width)) } // until when.
	for {
		last := complete()
		count := int(last.Sub(start) / width)
		if count > maxDatapoints {
			return result, refuse("ValidationError", "You have requested up to %d datapoints, which exceeds the limit of %d.", count, maxDatapoints)
		}
		series, err := a.metrics.Series(m, max(0, count))
		if err != nil {
			return result, refuse("ValidationError", "%v", err)
		}
		if complete() != last {
			continue // a period has ended meanwhile.
		}
		for i, value := range slices.Backward(series) {
			at := last.Add(-time.Duration(len(series)-i) * width)
			if value != nil && at.Before(end) {
				result.Values, result.Timestamps = append(result.Values, *value), append(result.Timestamps, at)
			}
		}
		return result, nil
	}
}
