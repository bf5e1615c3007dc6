package observability

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// severity says what a ringing alarm leads to.
type severity int

const (
	notify      severity = iota + 1 // tells the first level, never escalates
	page                            // pages, and escalates
	guard                           // the same, and blames the colour
	acknowledge                     // silences the escalation
)

// Treatments of missing data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
const (
	breaching    = "breaching"
	notBreaching = "notBreaching"
	keepState    = "ignore"
)

const (
	above = "GreaterThanThreshold"
	below = "LessThanThreshold"
)

// namespace of the metrics that are the project's own.
const namespace = "CodeFlow"

// metric is one series: what, of which dimensions, and how it is summed up in
// a period. Its id is its variable in an expression.
type metric struct {
	id, namespace, name, statistic string
	dimensions                     pulumi.StringMap
}

// alarm is a row of a table.
type alarm struct {
	name, description string
	severity          severity
	metrics           []metric
	// expression over the metrics' ids. Default: the one metric itself. FILL makes
	// a zero of a minute that is merely late, so an expression with it must ring
	// on fewer datapoints than periods.
	expression string
	comparison string
	threshold  float64
	// period in seconds; datapoints of the last periods must breach.
	period, datapoints, periods int
	missing, why                string // treatment of missing data, and its reason
}

// text is what people read in the message: the row, including why silence is
// taken for what it is.
func (a *alarm) text() string {
	return fmt.Sprintf("%s. No data: %s, %s.", a.description, a.missing, a.why)
}

// terms are when a row without an expression rings.
func (a *alarm) terms() string {
	m := a.metrics[0]
	return fmt.Sprintf("%s of %s %s %g, %d of %d × %d s", m.statistic, m.name, a.comparison, a.threshold, a.datapoints, a.periods, a.period)
}

// newAlarm registers a row under the given AWS name.
func newAlarm(
	ctx *pulumi.Context, name, awsName string, a *alarm, actions pulumi.Array, opts ...pulumi.ResourceOption,
) (*cloudwatch.MetricAlarm, error) {
	args := &cloudwatch.MetricAlarmArgs{
		Name: pulumi.String(awsName), AlarmDescription: pulumi.String(a.text()),
		ComparisonOperator: pulumi.String(a.comparison), Threshold: pulumi.Float64(a.threshold),
		EvaluationPeriods: pulumi.Int(a.periods), DatapointsToAlarm: pulumi.Int(a.datapoints),
		TreatMissingData: pulumi.String(a.missing), AlarmActions: actions, OkActions: actions,
	}
	if a.expression == "" {
		m := a.metrics[0]
		args.Namespace, args.MetricName = pulumi.String(m.namespace), pulumi.String(m.name)
		args.Statistic, args.Period = pulumi.String(m.statistic), pulumi.Int(a.period)
		args.Dimensions = m.dimensions
	} else {
		args.MetricQueries = a.queries()
	}
	created, err := cloudwatch.NewMetricAlarm(ctx, name+"-"+a.name, args, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating alarm %q: %w", awsName, err)
	}
	return created, nil
}

// queries are the metrics and the expression, the only one that returns data.
func (a *alarm) queries() cloudwatch.MetricAlarmMetricQueryArray {
	list := cloudwatch.MetricAlarmMetricQueryArray{&cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("result"), Expression: pulumi.String(a.expression),
		Label: pulumi.String(a.name), ReturnData: pulumi.Bool(true),
	}}
	for _, m := range a.metrics {
		list = append(list, &cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(m.id), ReturnData: pulumi.Bool(false),
			Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(m.namespace), MetricName: pulumi.String(m.name),
				Stat: pulumi.String(m.statistic), Period: pulumi.Int(a.period), Dimensions: m.dimensions,
			},
		})
	}
	return list
}
