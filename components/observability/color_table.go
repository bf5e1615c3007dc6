package observability

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// enough is how many requests a minute a rate needs to mean something: below it
// a single failure would be more than the guide's 1 %, and ops judges itself.
const enough = 50

// rate is the share of errors in percent, of a minute with enough requests.
//
// RequestCount leaves out what the load balancer rejects before it has chosen a
// target. Without healthy targets that is everything, as 503 of its own, so the
// balancer's errors are added to the requests. Those that are in both (502 and
// 504) make the rate a little lower than it is, by a hundredth at 1 %.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
func rate(errors string) string {
	const total = "(FILL(requests, 0) + FILL(balancer, 0))"
	return fmt.Sprintf("IF(%s >= %d, 100 * (%s) / %s, 0)", total, enough, errors, total)
}

// table is every alarm of a colour.
func (a *ColorArgs) table() []alarm {
	service := pulumi.StringMap{"ClusterName": a.ClusterName, "ServiceName": a.ServiceName}
	balancer := pulumi.StringMap{"LoadBalancer": a.LoadBalancer}
	targets := pulumi.StringMap{"LoadBalancer": a.LoadBalancer, "TargetGroup": a.TargetGroup}
	color := pulumi.StringMap{"Color": pulumi.String(a.Names.Color)}

	const elb, insights = "AWS/ApplicationELB", "ECS/ContainerInsights"
	requests := metric{"requests", elb, "RequestCount", "Sum", balancer}
	elb5xx := metric{"balancer", elb, "HTTPCode_ELB_5XX_Count", "Sum", balancer} // has no target group
	return []alarm{
		{
			name: "p95", description: "One request in twenty takes longer than 2 s", severity: guard,
			metrics:    []metric{requests, {"latency", elb, "TargetResponseTime", "p95", balancer}},
			expression: fmt.Sprintf("IF(FILL(requests, 0) >= %d, latency, 0)", enough),
			comparison: above, threshold: 2, period: 60, datapoints: 3, periods: 5,
			missing: notBreaching, why: "without requests nothing is slow",
		},
		{
			name: "5xx-rate", description: "More than 1 % of the requests end in a server error", severity: guard,
			metrics:    []metric{requests, {"targets", elb, "HTTPCode_Target_5XX_Count", "Sum", balancer}, elb5xx},
			expression: rate("FILL(targets, 0) + FILL(balancer, 0)"),
			comparison: above, threshold: 1, period: 60, datapoints: 3, periods: 5,
			missing: notBreaching, why: "without requests nothing fails",
		},
		a.failing(),
		{
			// Six times as fast as 99.9 % of a month allow: the budget lasts five days.
			// https://sre.google/workbook/alerting-on-slos/
			name: "error-budget", description: "For hours more than 0.6 % of the requests end in a server error: a month's 0.1 % is gone in days", severity: notify,
			metrics:    []metric{requests, {"targets", elb, "HTTPCode_Target_5XX_Count", "Sum", balancer}, elb5xx},
			expression: rate("FILL(targets, 0) + FILL(balancer, 0)"),
			comparison: above, threshold: 0.6, period: 3600, datapoints: 3, periods: 4,
			missing: notBreaching, why: "without requests nothing fails",
		},
		{
			name: "unhealthy-targets", description: "A target has failed its health check for five minutes", severity: guard,
			metrics:    []metric{{"unhealthy", elb, "UnHealthyHostCount", "Minimum", targets}},
			comparison: above, threshold: 0, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "a group without targets reports nothing, and running-tasks tells that",
		},
		{
			name: "running-tasks", description: "Fewer tasks run than are wanted, for five minutes", severity: guard,
			metrics: []metric{
				{"desired", insights, "DesiredTaskCount", "Maximum", service},
				{"running", insights, "RunningTaskCount", "Maximum", service},
			},
			expression: "desired - running",
			comparison: above, threshold: 0, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "Container Insights being late says nothing about the tasks",
		},
		{
			name: "database-breaker", description: "The server has given up on the database for now", severity: page,
			// The server's own metric, since a log line depends on the log level. It counts
			// each opening, once a minute while the database stays away.
			metrics: []metric{{"opened", namespace, "BreakerOpened", "Sum", pulumi.StringMap{
				"Service": pulumi.String(server), "Color": color["Color"], "Breaker": pulumi.String("database"),
			}}},
			comparison: above, threshold: 0, period: 60, datapoints: 1, periods: 5,
			missing: notBreaching, why: "there is a value only when a breaker opens",
		},
		{
			name: "cpu", description: "CPU above 80 %: scaling no longer keeps up", severity: notify,
			metrics:    []metric{{"cpu", "AWS/ECS", "CPUUtilization", "Average", service}},
			comparison: above, threshold: 80, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "without tasks nothing is busy, and running-tasks tells that",
		},
		{
			name: "memory", description: "Memory above 85 %: tasks may soon be killed", severity: notify,
			metrics:    []metric{{"memory", "AWS/ECS", "MemoryUtilization", "Average", service}},
			comparison: above, threshold: 85, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "without tasks nothing is full, and running-tasks tells that",
		},
		{
			name: "4xx-surge", description: "A quarter of the requests is refused: a broken client, or an attack", severity: notify,
			metrics:    []metric{requests, {"refused", elb, "HTTPCode_Target_4XX_Count", "Sum", balancer}, elb5xx},
			expression: rate("FILL(refused, 0)"),
			comparison: above, threshold: 25, period: 60, datapoints: 5, periods: 10,
			missing: notBreaching, why: "without requests nothing is refused",
		},
		{
			name: "error-logs", description: "The server logs more than 5 errors a minute", severity: notify,
			metrics:    []metric{{"errors", namespace, errorMetric, "Sum", color}},
			comparison: above, threshold: 5, period: 60, datapoints: 3, periods: 5,
			missing: notBreaching, why: "there is a value only when an error is logged",
		},
		acknowledged(a.info().Alarm("")),
	}
}

// failing is the alarm that the colour's health check of Route 53 follows, so that
// the traffic leaves a bad release with no process of ours. Such an alarm has one
// metric, no expression, and rings when all of its datapoints breach.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html
func (a *ColorArgs) failing() alarm {
	return alarm{
		name: "failing", description: "More than a tenth of the requests fail or take longer than 2 s", severity: guard,
		metrics: []metric{{"failed", namespace, "FailedShare", "Average", pulumi.StringMap{
			"Service": pulumi.String(server), "Color": pulumi.String(a.Names.Color),
		}}},
		comparison: above, threshold: 0.1, period: 60, datapoints: 2, periods: 2,
		missing: notBreaching, why: "without requests nothing fails",
	}
}

// server is the Service of the server's own metrics.
const server = "codeflow-server"

// filter is a row of the metric filters. With byColor a line counts for the colour
// that it names.
type filter struct {
	name, metric, pattern string
	byColor               bool
}

const errorMetric = "ErrorLogs"

// filters read the server's JSON lines, see server/telemetry.
var filters = []filter{{"error-logs", errorMetric, `{ $.level = "ERROR" }`, true}}
