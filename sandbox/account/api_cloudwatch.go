package account

import (
	"context"
	"math"
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

// getMetricData answers with the periods that are complete. A time that is so long ago
// for the caller is so long ago in AWS's time here.
func (a *Account) getMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if in.StartTime == nil || in.EndTime == nil || !in.StartTime.Before(*in.EndTime) {
		return nil, refuse("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}}
	status := types.StatusCodeComplete
	switch partial := awsapi.Partial(ctx); partial {
	case "":
	case "missing":
		return out, nil
	default:
		status = types.StatusCode(partial)
	}
	now := time.Now()
	for _, query := range in.MetricDataQueries {
		if query.MetricStat == nil || query.MetricStat.Metric == nil || a.metrics == nil {
			return nil, refuse("ValidationError", "query %q must have MetricStat: the sandbox calculates no expressions here", aws.ToString(query.Id))
		}
		m := alarm.Metric{
			Namespace: aws.ToString(query.MetricStat.Metric.Namespace), MetricName: aws.ToString(query.MetricStat.Metric.MetricName),
			Statistic: aws.ToString(query.MetricStat.Stat), Period: int(aws.ToInt32(query.MetricStat.Period)), Dimensions: map[string]string{},
		}
		for _, d := range query.MetricStat.Metric.Dimensions {
			m.Dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
		}
		if m.Period < 1 {
			return nil, refuse("ValidationError", "The parameter Period must be at least 1.")
		}
		period := time.Duration(m.Period) * time.Second
		count := int(math.Ceil(float64(in.EndTime.Sub(*in.StartTime)) / float64(period)))
		skipped := max(0, int(now.Sub(*in.EndTime)/period)) // since then.
		if count+skipped > maxDatapoints {
			return nil, refuse("ValidationError", "You have requested up to %d datapoints, which exceeds the limit of %d.", count+skipped, maxDatapoints)
		}
		series, err := a.metrics.Series(m, count+skipped)
		if err != nil {
			return nil, refuse("ValidationError", "%v", err)
		}
		result := types.MetricDataResult{Id: query.Id, Label: query.MetricStat.Metric.MetricName, StatusCode: status, Values: []float64{}, Timestamps: []time.Time{}}
		for i, value := range slices.Backward(series[:max(0, len(series)-skipped)]) { // the newest first.
			if value != nil && status != types.StatusCodeInternalError && status != types.StatusCodeForbidden {
				at := in.EndTime.Add(-time.Duration(len(series)-skipped-i) * period)
				result.Values, result.Timestamps = append(result.Values, *value), append(result.Timestamps, at)
			}
		}
		if status == types.StatusCodePartialData {
			half := len(result.Values) / 2
			result.Values, result.Timestamps = result.Values[:half], result.Timestamps[:half]
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out, nil
}
