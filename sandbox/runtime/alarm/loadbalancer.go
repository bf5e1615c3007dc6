package alarm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
)

// LoadBalancerNamespace is the namespace that [LoadBalancerSource] is for.
const LoadBalancerNamespace = "AWS/ApplicationELB"

// LoadBalancerSource has the metrics of load balancers and their target groups, by
// the dimensions LoadBalancer and TargetGroup.
type LoadBalancerSource struct {
	// Balancers are [balancer.Balancers].
	Balancers interface {
		Series(groupARN string, period, count int) []balancer.Metrics
	}
	// Groups returns the ARNs of the target groups that a load balancer forwards to,
	// like app/codeflow-green/50dc6c495c0c9188; none if it does not exist.
	Groups func(loadBalancer string) []string
}

// The dimensions that a metric is published by; AWS knows it by no others.
var (
	perBalancer = []string{"LoadBalancer"}
	perGroup    = []string{"LoadBalancer, TargetGroup"}
	perBoth     = slices.Concat(perBalancer, perGroup)
)

// measured is a metric with a statistic. It is reported when its criterion holds,
// or if it has none when it is not 0.
type measured struct {
	dimensions []string
	value      func(*balancer.Metrics) float64
	criterion  func(*balancer.Metrics) bool
}

// loadBalancerMetrics are those with "Reporting criteria" of
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
// A load balancer's are the sum of its groups', and the worst of their percentiles.
// Answers that it gives without a target group are not counted.
var loadBalancerMetrics = map[string]measured{
	"RequestCount Sum":               {perBoth, func(m *balancer.Metrics) float64 { return float64(m.RequestCount) }, flowing},
	"HTTPCode_Target_2XX_Count Sum":  {perBoth, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeTarget2XX) }, flowing},
	"HTTPCode_Target_3XX_Count Sum":  {perBoth, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeTarget3XX) }, flowing},
	"HTTPCode_Target_4XX_Count Sum":  {perBoth, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeTarget4XX) }, flowing},
	"HTTPCode_Target_5XX_Count Sum":  {perBoth, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeTarget5XX) }, flowing},
	"HTTPCode_ELB_4XX_Count Sum":     {perBalancer, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeELB4XX) }, nil},
	"HTTPCode_ELB_5XX_Count Sum":     {perBalancer, func(m *balancer.Metrics) float64 { return float64(m.HTTPCodeELB5XX) }, nil},
	"TargetConnectionErrorCount Sum": {perBoth, func(m *balancer.Metrics) float64 { return float64(m.TargetConnectionErrorCount) }, nil},
	"HealthyHostCount Minimum":       {perGroup, func(m *balancer.Metrics) float64 { return float64(m.HealthyHostCount) }, registered},
	"UnHealthyHostCount Maximum":     {perGroup, func(m *balancer.Metrics) float64 { return float64(m.UnHealthyHostCount) }, registered},
	"UnHealthyHostCount Minimum":     {perGroup, func(m *balancer.Metrics) float64 { return float64(m.LeastUnHealthyHostCount) }, registered},
	"TargetResponseTime p50":         {perBoth, func(m *balancer.Metrics) float64 { return m.TargetResponseTimeP50 }, nil}, // seconds
	"TargetResponseTime p95":         {perBoth, func(m *balancer.Metrics) float64 { return m.TargetResponseTimeP95 }, nil},
	"TargetResponseTime p99":         {perBoth, func(m *balancer.Metrics) float64 { return m.TargetResponseTimeP99 }, nil},
}

// flowing are requests to registered targets: "if there are no requests flowing
// through the load balancer [...] the metric is not reported".
func flowing(m *balancer.Metrics) bool { return m.RequestCount > 0 }

// registered tells targets by what is known of them: those of a group where all
// are initial or draining, and idle, go unseen.
func registered(m *balancer.Metrics) bool {
	return m.HealthyHostCount > 0 || m.UnHealthyHostCount > 0 || m.RequestCount > 0
}

// Series implements [Source]. What does not exist has no datapoints, and what AWS
// does not publish is an error.
func (s LoadBalancerSource) Series(m Metric, count int) ([]*float64, error) {
	metric, ok := loadBalancerMetrics[m.MetricName+" "+m.Statistic]
	if !ok {
		return nil, fmt.Errorf("metric %q with statistic %q is not measured: must be one of %s", m.MetricName, m.Statistic, names(loadBalancerMetrics))
	}
	if given := names(m.Dimensions); !slices.Contains(metric.dimensions, given) {
		return nil, fmt.Errorf("metric %q is published by dimensions %s only, got %s", m.MetricName, strings.Join(metric.dimensions, " or "), given)
	}
	total := make([]*float64, count)
	for _, arn := range s.Groups(m.Dimensions["LoadBalancer"]) {
		if group, ok := m.Dimensions["TargetGroup"]; ok && !strings.HasSuffix(arn, ":"+group) {
			continue
		}
		series := s.Balancers.Series(arn, m.Period, count)
		for i := range series {
			value := metric.value(&series[i])
			if reported := metric.criterion; reported == nil && value == 0 || reported != nil && !reported(&series[i]) {
				continue
			}
			at := &total[count-len(series)+i]
			switch {
			case *at == nil:
				*at = &value
			case m.Statistic == "Sum":
				**at += value
			default:
				**at = max(**at, value)
			}
		}
	}
	return total, nil
}
