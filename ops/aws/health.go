package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	dns "github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Route 53 publishes the status of health checks in one region, each minute.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html
const (
	healthRegion = "us-east-1"
	healthWindow = 5 // minutes, of which the newest counts
)

// Out implements [ops.Cloud].
func (c *Cloud) Out(ctx context.Context) (out []string, err error) {
	_, records, err := c.records(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(now.Add(-healthWindow * c.settings.Minute)), EndTime: aws.Time(now)}
	var colors []string
	for _, record := range records {
		if record.HealthCheckId == nil || record.Type != dns.RRTypeA {
			continue
		}
		input.MetricDataQueries = append(input.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String("check" + strconv.Itoa(len(colors))),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace: aws.String("AWS/Route53"), MetricName: aws.String("HealthCheckStatus"),
					Dimensions: []types.Dimension{{Name: aws.String("HealthCheckId"), Value: record.HealthCheckId}},
				},
				Period: aws.Int32(60), Stat: aws.String("Minimum"),
			},
		})
		colors = append(colors, *record.SetIdentifier)
	}
	if len(colors) == 0 {
		return nil, nil
	}
	answer, err := c.metrics.GetMetricData(ctx, input, func(o *cloudwatch.Options) { o.Region = healthRegion })
	if err != nil {
		return nil, fmt.Errorf("reading the status of health checks: %w", err)
	}
	newest := map[string]float64{}
	for _, result := range answer.MetricDataResults {
		if len(result.Values) > 0 { // the newest first
			newest[aws.ToString(result.Id)] = result.Values[0]
		}
	}
	for i, color := range colors {
		status, known := newest["check"+strconv.Itoa(i)]
		if !known {
			return nil, fmt.Errorf("the health check of colour %q has no status of the last %d minutes", color, healthWindow)
		}
		if status < 1 {
			out = append(out, color)
		}
	}
	slices.Sort(out)
	return out, nil
}
