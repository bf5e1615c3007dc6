package alarm

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// State of an alarm.
type State string

// The states, and what TreatMissingData may be.
const (
	StateOK               State = "OK"
	StateAlarm            State = "ALARM"
	StateInsufficientData State = "INSUFFICIENT_DATA"

	missing      = "missing"
	ignore       = "ignore"
	breaching    = "breaching"
	notBreaching = "notBreaching"
)

// lookback is how many datapoints an evaluation may see beyond EvaluationPeriods,
// when newer ones are missing. AWS does not say how many; its examples see 5 for 3.
const lookback = 2

// Alarm is an aws:cloudwatch/metricAlarm.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
type Alarm struct {
	Name string
	// Namespace to Period are the metric, unless there are MetricQueries.
	Namespace, MetricName        string
	Dimensions                   map[string]string
	Statistic, ExtendedStatistic string // one of them.
	Period                       int    // seconds
	MetricQueries                []Query

	EvaluationPeriods  int
	DatapointsToAlarm  int // default: EvaluationPeriods.
	Threshold          float64
	ComparisonOperator string
	TreatMissingData   string // default: missing.

	// State is the one until now, which "ignore" keeps. Default: INSUFFICIENT_DATA.
	State State
}

// Query is one of MetricQueries: a Metric, or an Expression over the ids of the
// metrics and of expressions before it. One has ReturnData.
type Query struct {
	ID, Expression string
	Metric         Metric
	ReturnData     bool
}

// Metric is what a [Source] is asked for.
type Metric struct {
	Namespace, MetricName string
	Dimensions            map[string]string
	Statistic             string `json:"stat"` // like Sum, or an extended one like p95.
	Period                int    // seconds of AWS's time.
}

// Source has metrics.
type Source interface {
	// Series returns the last count complete periods, the oldest first; nil is a
	// missing datapoint. With fewer, the oldest are missing.
	Series(m Metric, count int) ([]*float64, error)
}

// Namespaces are sources by the namespace of their metrics.
type Namespaces map[string]Source

// CustomNamespaces stands for all but AWS's own, which begin with "AWS/".
const CustomNamespaces = ""

// Series is that of the metric's namespace.
func (n Namespaces) Series(m Metric, count int) ([]*float64, error) {
	source, ok := n[m.Namespace]
	if !ok && !strings.HasPrefix(m.Namespace, "AWS/") {
		source, ok = n[CustomNamespaces]
	}
	if ok {
		return source.Series(m, count)
	}
	return nil, fmt.Errorf("namespace %q is not measured: must be one of %s", m.Namespace, names(n))
}

// operators by ComparisonOperator, with AWS's words.
var operators = map[string]struct {
	words    string
	breaches func(value, threshold float64) bool
}{
	"GreaterThanThreshold":          {"greater than", func(v, t float64) bool { return v > t }},
	"GreaterThanOrEqualToThreshold": {"greater than or equal to", func(v, t float64) bool { return v >= t }},
	"LessThanThreshold":             {"less than", func(v, t float64) bool { return v < t }},
	"LessThanOrEqualToThreshold":    {"less than or equal to", func(v, t float64) bool { return v <= t }},
}

func (a *Alarm) validate() error {
	var errs []error
	demand := func(holds bool, field, rule string, got any) {
		if !holds {
			errs = append(errs, fmt.Errorf("%s must be %s, got %v", field, rule, got))
		}
	}
	n, m := a.EvaluationPeriods, a.DatapointsToAlarm
	demand(n >= 1, "EvaluationPeriods", "at least 1", n)
	demand(m >= 1 && m <= n, "DatapointsToAlarm", "1 to EvaluationPeriods", m)
	demand(operators[a.ComparisonOperator].words != "", "ComparisonOperator", "one of "+names(operators), a.ComparisonOperator)
	treatments := []string{breaching, ignore, missing, notBreaching}
	demand(slices.Contains(treatments, a.TreatMissingData), "TreatMissingData", "one of "+strings.Join(treatments, ", "), a.TreatMissingData)
	returned := 0.0
	for _, q := range a.MetricQueries {
		demand(q.Expression != "" || q.Metric.Period >= 10, "Period", "at least 10 seconds", q.Metric.Period)
		returned += truth(q.ReturnData)
	}
	demand(returned == 1, "ReturnData", "true for one of MetricQueries", returned)
	return errors.Join(errs...)
}

// Evaluate returns the state that an alarm has now, and why.
func Evaluate(a Alarm, source Source) (State, string, error) {
	a.DatapointsToAlarm = cmp.Or(a.DatapointsToAlarm, a.EvaluationPeriods)
	a.TreatMissingData = cmp.Or(a.TreatMissingData, missing)
	a.State = cmp.Or(a.State, StateInsufficientData)
	if len(a.MetricQueries) == 0 {
		m := Metric{a.Namespace, a.MetricName, a.Dimensions, cmp.Or(a.Statistic, a.ExtendedStatistic), a.Period}
		a.MetricQueries = []Query{{Metric: m, ReturnData: true}}
	}
	err := a.validate()
	if err == nil {
		var series []*float64
		if series, err = a.read(source); err == nil {
			found := a.look(series)
			state := a.decide(found)
			return state, a.reason(state, found), nil
		}
	}
	return "", "", fmt.Errorf("evaluating alarm %q: %w", a.Name, err)
}

// read returns the series of the query with ReturnData.
func (a *Alarm) read(source Source) (result []*float64, err error) {
	count := a.EvaluationPeriods + lookback
	known := map[string][]*float64{}
	for _, expressions := range []bool{false, true} { // they need the metrics.
		for _, q := range a.MetricQueries {
			if expressions != (q.Expression != "") {
				continue
			}
			var series []*float64
			if expressions {
				series, err = calculate(q.Expression, known, count)
			} else {
				series, err = source.Series(q.Metric, count)
			}
			if err != nil {
				return nil, err
			}
			known[q.ID] = slices.Concat(make([]*float64, count-len(series)), series)
			if q.ReturnData {
				result = known[q.ID]
			}
		}
	}
	return result, nil
}

// datapoints are those that an evaluation goes by.
type datapoints struct {
	real      []float64 // the newest first.
	breaching int
	missing   int // of EvaluationPeriods.
	age       int // of the oldest one, in periods; the newest period is 1.
}

func (a *Alarm) look(series []*float64) datapoints {
	var d datapoints
	for i, value := range slices.Backward(series) {
		if value == nil || len(d.real) == a.EvaluationPeriods {
			continue
		}
		d.real, d.age = append(d.real, *value), len(series)-i
		if operators[a.ComparisonOperator].breaches(*value, a.Threshold) {
			d.breaching++
		}
	}
	d.missing = a.EvaluationPeriods - len(d.real)
	return d
}

// decide follows the tables of the documentation. What they leave open, breaching
// datapoints that are too few and too young and no others, is as an older version
// of them had it: not enough data.
func (a *Alarm) decide(d datapoints) State {
	bad := d.breaching
	if a.TreatMissingData == breaching {
		bad += d.missing
	}
	switch {
	case bad >= a.DatapointsToAlarm:
		return StateAlarm
	case d.missing == 0 || d.breaching < len(d.real) || a.TreatMissingData == breaching || a.TreatMissingData == notBreaching:
		return StateOK
	case a.TreatMissingData == ignore:
		return a.State
	case len(d.real) > 0 && d.age >= a.DatapointsToAlarm: // not premature.
		return StateAlarm
	}
	return StateInsufficientData
}

// reason is close to AWS's words.
func (a *Alarm) reason(state State, d datapoints) string {
	if state == StateInsufficientData {
		return fmt.Sprintf("Insufficient Data: %d datapoint(s) unknown.", d.missing)
	}
	text := "no datapoints were received"
	if len(d.real) > 0 {
		text = fmt.Sprintf("%d of the last %d datapoint(s) %v %s the threshold (%v)",
			d.breaching, len(d.real), d.real, operators[a.ComparisonOperator].words, a.Threshold)
	}
	if d.missing > 0 {
		text += fmt.Sprintf(", and %d missing datapoint(s) treated as %s", d.missing, a.TreatMissingData)
	}
	return fmt.Sprintf("Threshold Crossed: %s (minimum %d datapoint(s) for ALARM).", text, a.DatapointsToAlarm)
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func names[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}
