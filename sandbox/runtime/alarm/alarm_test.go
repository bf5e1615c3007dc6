// These tests hold the evaluation against AWS's documentation. They do not prove
// how long AWS takes to evaluate, nor how far it really looks back.
package alarm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// drawn has metrics by name as the documentation draws them, the oldest first: X
// breaches a threshold of 10, 0 does not, - is missing.
type drawn map[string]string

func (d drawn) Series(m alarm.Metric, count int) ([]*float64, error) {
	var series []*float64
	for datapoint := range strings.FieldsSeq(d[m.MetricName]) {
		value := map[string]*float64{"X": new(float64), "0": new(float64)}[datapoint]
		if datapoint == "X" {
			*value = 12
		}
		series = append(series, value)
	}
	return series[max(0, len(series)-count):], nil
}

func sum(m, n int, treatment string) alarm.Alarm {
	return alarm.Alarm{
		Name: "5xx", Namespace: "AWS/ApplicationELB", MetricName: "errors", Statistic: "Sum", Period: 60,
		EvaluationPeriods: n, DatapointsToAlarm: m, Threshold: 10, ComparisonOperator: "GreaterThanThreshold",
		TreatMissingData: treatment,
	}
}

const (
	ok   = alarm.StateOK
	ring = alarm.StateAlarm
	none = alarm.StateInsufficientData
	keep = alarm.State("kept")
)

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	treatments := []string{"missing", "ignore", "breaching", "notBreaching"}
	for name, tc := range map[string]struct {
		m, n int
		data string
		want [4]alarm.State // by treatment.
	}{
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
		"3 of 3, enough real ones":      {3, 3, "0 - X - X", [4]alarm.State{ok, ok, ok, ok}},
		"3 of 3, one that is not":       {3, 3, "0 - - - -", [4]alarm.State{ok, ok, ok, ok}},
		"3 of 3, nothing":               {3, 3, "- - - - -", [4]alarm.State{none, keep, ring, ok}},
		"3 of 3, three breach":          {3, 3, "0 X X - X", [4]alarm.State{ring, ring, ring, ring}},
		"3 of 3, no longer premature":   {3, 3, "- - X - -", [4]alarm.State{ring, keep, ring, ok}},
		"2 of 3, enough real ones":      {2, 3, "0 - X - X", [4]alarm.State{ring, ring, ring, ring}},
		"2 of 3, older ones are left":   {2, 3, "0 0 X 0 X", [4]alarm.State{ring, ring, ring, ring}},
		"2 of 3, one breaches":          {2, 3, "0 - X - -", [4]alarm.State{ok, ok, ring, ok}},
		"2 of 3, one that is not":       {2, 3, "- - - - 0", [4]alarm.State{ok, ok, ring, ok}},
		"2 of 3, no longer premature":   {2, 3, "- - - X -", [4]alarm.State{ring, keep, ring, ok}},
		"3 of 3, premature":             {3, 3, "- - - - X", [4]alarm.State{none, keep, ring, ok}},
		"3 of 3, premature for one yet": {3, 3, "- - - X -", [4]alarm.State{none, keep, ring, ok}},
		"3 of 3, what premature avoids": {3, 3, "- - - X 0", [4]alarm.State{ok, ok, ok, ok}},
		"3 of 3, and a minute later":    {3, 3, "- - X - 0", [4]alarm.State{ok, ok, ok, ok}},
		// Older versions of the tables.
		"3 of 3, the oldest breaches": {3, 3, "X - - - -", [4]alarm.State{ring, keep, ring, ok}},
		"2 of 3, premature":           {2, 3, "- - - - X", [4]alarm.State{none, keep, ring, ok}},
		// "The extra data points from farther back [...] are ignored".
		"all there":                {3, 3, "X X 0 X X", [4]alarm.State{ok, ok, ok, ok}},
		"all there and three":      {3, 3, "0 0 X X X", [4]alarm.State{ring, ring, ring, ring}},
		"M of N breach, not N":     {2, 3, "- - - X X", [4]alarm.State{ring, ring, ring, ring}},
		"beyond the range":         {1, 1, "X - - -", [4]alarm.State{none, keep, ring, ok}},
		"the alarms of this stack": {2, 2, "X - X -", [4]alarm.State{ring, ring, ring, ring}},
		"the source began late":    {2, 2, "X", [4]alarm.State{none, keep, ring, ok}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, treatment := range treatments {
				a := sum(tc.m, tc.n, treatment)
				a.State = keep
				got, _, err := alarm.Evaluate(a, drawn{"errors": tc.data})
				require.NoError(t, err)
				assert.Equal(t, tc.want[i], got, treatment)
			}
		})
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for operator, want := range map[string][3]alarm.State{ // of 0, 12 and what is equal.
		"GreaterThanThreshold":          {ok, ring, ok},
		"GreaterThanOrEqualToThreshold": {ok, ring, ring},
		"LessThanThreshold":             {ring, ok, ok},
		"LessThanOrEqualToThreshold":    {ring, ok, ring},
	} {
		for i, tc := range []struct {
			data      string
			threshold float64
		}{{"0", 5}, {"X", 5}, {"X", 12}} {
			a := sum(0, 1, "")
			a.ComparisonOperator, a.Threshold = operator, tc.threshold
			got, _, err := alarm.Evaluate(a, drawn{"errors": tc.data})
			require.NoError(t, err)
			assert.Equal(t, want[i], got, "%s %v", operator, tc)
		}
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ data, treatment, want string }{
		"alarm":    {"X - X", "missing", "Threshold Crossed: 2 of the last 2 datapoint(s) [12 12] greater than the threshold (10) (minimum 2 datapoint(s) for ALARM)."},
		"ok":       {"X", "notBreaching", "Threshold Crossed: 1 of the last 1 datapoint(s) [12] greater than the threshold (10), and 1 missing datapoint(s) treated as notBreaching (minimum 2 datapoint(s) for ALARM)."},
		"no data":  {"", "breaching", "Threshold Crossed: no datapoints were received, and 2 missing datapoint(s) treated as breaching (minimum 2 datapoint(s) for ALARM)."},
		"too few":  {"", "missing", "Insufficient Data: 2 datapoint(s) unknown."},
		"as it is": {"", "ignore", "Insufficient Data: 2 datapoint(s) unknown."},
	} {
		_, reason, err := alarm.Evaluate(sum(0, 2, tc.treatment), drawn{"errors": tc.data})
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, reason, name)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	a := sum(4, 3, "maybe")
	a.ComparisonOperator, a.Period = "GreaterThanUpperThreshold", 0
	a.MetricQueries = []alarm.Query{{ID: "m1"}, {ID: "m2"}}
	_, _, err := alarm.Evaluate(a, drawn{})
	for _, problem := range []string{
		`evaluating alarm "5xx": DatapointsToAlarm must be 1 to EvaluationPeriods, got 4`,
		`ComparisonOperator must be one of GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanOrEqualToThreshold, LessThanThreshold, got GreaterThanUpperThreshold`,
		`TreatMissingData must be one of breaching, ignore, missing, notBreaching, got maybe`,
		`Period must be at least 10 seconds, got 0`, `ReturnData must be true for one of MetricQueries, got 0`,
	} {
		assert.ErrorContains(t, err, problem)
	}
	_, _, err = alarm.Evaluate(alarm.Alarm{}, drawn{})
	assert.ErrorContains(t, err, "EvaluationPeriods must be at least 1, got 0")

	_, _, err = alarm.Evaluate(sum(1, 1, ""), alarm.Namespaces{"AWS/ECS": drawn{}, "AWS/RDS": drawn{}})
	assert.EqualError(t, err, `evaluating alarm "5xx": namespace "AWS/ApplicationELB" is not measured: must be one of AWS/ECS, AWS/RDS`)
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	state, _, err := alarm.Evaluate(sum(1, 1, ""), alarm.Namespaces{"AWS/ApplicationELB": drawn{"errors": "X"}})
	require.NoError(t, err)
	assert.Equal(t, ring, state)
}
