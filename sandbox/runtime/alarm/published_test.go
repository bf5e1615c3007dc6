// These tests hold what is published, filtered and told against AWS's documentation.
// They do not prove how long AWS takes for it.
package alarm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

func metric(statistic string, period int) alarm.Metric {
	return alarm.Metric{
		Namespace: "CodeFlow", MetricName: "ErrorLogs", Statistic: statistic, Period: period, Dimensions: map[string]string{"Color": "blue"},
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	s := alarm.NewStore(600) // a minute takes a tenth of a second.
	of := map[string]string{"Color": "blue"}
	for _, value := range []float64{1, 5, 3} {
		s.Put("CodeFlow", "ErrorLogs", of, value)
	}
	s.Put("CodeFlow", "ErrorLogs", map[string]string{"Color": "green"}, 100)
	s.Put("CodeFlow", "Other", of, 100)
	total := func(statistic string, period int) (sum float64, found int) {
		series, err := s.Series(metric(statistic, period), 3)
		require.NoError(t, err)
		require.Len(t, series, 3)
		for _, value := range series {
			if value != nil {
				sum, found = sum+*value, found+1
			}
		}
		return sum, found
	}
	require.Eventually(t, func() bool { sum, _ := total("Sum", 3600); return sum == 9 }, runtimetest.Patience, time.Millisecond, "within the minute")
	for statistic, want := range map[string]float64{"Sum": 9, "Minimum": 1, "Maximum": 5, "Average": 3, "SampleCount": 3} {
		sum, found := total(statistic, 3600)
		assert.InDelta(t, want, sum, 0, statistic)
		assert.Equal(t, 1, found)
	}
	require.Eventually(t, func() bool { _, found := total("Sum", 60); return found == 0 }, runtimetest.Patience, time.Millisecond, "it gets old")
	_, err := s.Series(metric("p95", 60), 3)
	require.ErrorContains(t, err, `metric "ErrorLogs" with statistic "p95" is not measured: must be one of Average, `)
}

func TestMetricFaults(t *testing.T) {
	t.Parallel()
	healthy := alarm.Healthy{"AWS/RDS/CPUUtilization": 5}
	faults := &alarm.Faults{}
	source := faults.Over(healthy)
	cpu := func() any {
		series, err := source.Series(alarm.Metric{
			Namespace: "AWS/RDS", MetricName: "CPUUtilization", Statistic: "Average", Dimensions: map[string]string{"DBInstanceIdentifier": "a"},
		}, 26)
		require.NoError(t, err)
		require.Len(t, series, 26)
		assert.Equal(t, series[0], series[25])
		if series[0] == nil {
			return nil
		}
		return *series[0]
	}
	assert.InDelta(t, 5, cpu(), 0)
	for _, step := range []struct {
		fault, scope string
		on           bool
		want         any
	}{
		{"AWS/RDS/CPUUtilization=95", "b", true, 5.0},
		{"AWS/RDS/CPUUtilization=none", "", true, nil},
		{"AWS/RDS/CPUUtilization=90", "a", true, 90.0},
		{"AWS/RDS/CPUUtilization", "a", false, nil},
		{"AWS/RDS/CPUUtilization=1", "", false, 5.0},
	} {
		require.NoError(t, faults.Set(step.fault, step.scope, step.on))
		assert.Equal(t, step.want, cpu(), step)
	}
	assert.Equal(t, []string{"AWS/RDS/CPUUtilization=95:b"}, faults.List())
	for _, fault := range []string{"", "x=1", "AWS/RDS/CPUUtilization", "AWS/RDS/CPUUtilization=much"} {
		assert.ErrorContains(t, faults.Set(fault, "", true), "must be like metric=AWS/RDS/CPUUtilization=95", fault)
	}
	_, err := source.Series(metric("Sum", 60), 1)
	require.ErrorContains(t, err, `metric "ErrorLogs" of namespace "CodeFlow" is not known: must be one of AWS/RDS/CPUUtilization`)
}

func TestPattern(t *testing.T) {
	t.Parallel()
	const opened = `{"level":"WARN","msg":"circuit breaker changed","name":"database","to":"open","ms":12.5,"http":{"status":503},"public":true}`
	for text, want := range map[string]bool{
		`{ $.msg = "circuit breaker changed" && $.name = "database" && $.to = "open" }`: true,
		`{ $.level = "ERROR" }`:  false,
		`{$.level=WARN}`:         true,
		`{ $.level != "ERROR" }`: true,
		`{ $.none != "ERROR" }`:  false,
		`{ $.msg = "circuit*" }`: true,
		`{ $.msg = "circuit" }`:  false,
		`{ $.ms > 12 && $.ms < 13 && $.ms >= 12.5 && $.ms <= 12.5 }`: true,
		`{ $.ms > 12.5 }`: false,
		`{ $.http.status = 503 && $.public = true }`:                  true,
		`{ $.http.status >= 500 && $.level = x }`:                     false,
		`{ $.level = x || $.to = "open" }`:                            true,
		`{ ($.level = x || $.to = "open") && ($.name = "database") }`: true,
		`{ $.level = WARN || $.to = x && $.to = y }`:                  true,
		`{ $.level > 5 }`: false,
	} {
		p, err := alarm.ParsePattern(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, p.Matches(alarm.Event(opened)), text)
		assert.False(t, p.Matches(alarm.Event("listening")), text)
		assert.False(t, p.Matches(alarm.Event("{cut sh")), text)
	}
	for _, text := range []string{"", "ERROR", "{", "{ $.a }", "{ $.a = 1", `{ $.a > "x" }`, "{ $.a = 1 } b", "{ a = 1 }", "{ $.a IS NULL }", "{ & }"} {
		_, err := alarm.ParsePattern(text)
		assert.ErrorContains(t, err, "unsupported filter pattern", text)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	const scale = 60 // a minute is a second.
	at := func(minutes int) time.Time { return time.Unix(1e9+int64(minutes), 0) }
	enabled := false
	actions := map[string]alarm.Actions{
		"info":   {AlarmActions: []string{"one"}, OKActions: []string{"one"}},
		"mute":   {AlarmActions: []string{"one"}, ActionsEnabled: &enabled},
		"page-2": {AlarmActions: []string{"two"}, ActionsSuppressor: &alarm.Suppressor{Alarm: "arn:aws:cloudwatch:x:1:alarm:ack", WaitPeriod: 900, ExtensionPeriod: 60}},
		"ack":    {},
	}
	w := alarm.NewWatch(scale)
	update := func(minutes int, ringing ...string) (told []string) {
		var judged []alarm.Judged
		for _, name := range []string{"info", "mute", "page-2", "ack"} {
			j := alarm.Judged{Name: name, State: alarm.StateOK, Actions: actions[name]}
			for _, r := range ringing {
				if r == name {
					j.State = alarm.StateAlarm
				}
			}
			judged = append(judged, j)
		}
		due := w.Update(at(minutes), judged)
		w.Note(due)
		for _, n := range due {
			told = append(told, n.Action+" "+n.Alarm+" "+string(n.State))
		}
		return told
	}
	assert.Empty(t, update(0), "what is well from the beginning is no news")
	assert.Equal(t, []string{"one info ALARM"}, update(1, "info", "mute", "page-2"))
	assert.Empty(t, update(15, "info", "page-2"), "the wait period")
	assert.Equal(t, []string{"two page-2 ALARM"}, update(16, "info", "page-2"))
	assert.Empty(t, update(17, "info", "page-2"))
	assert.Equal(t, []string{"one info OK"}, update(18))
	assert.Empty(t, update(40, "page-2"))
	assert.Empty(t, update(45), "over before the wait was")
	assert.Empty(t, update(70))

	assert.Empty(t, update(100, "page-2"))
	assert.Empty(t, update(105, "page-2", "ack"))
	assert.Empty(t, update(150, "page-2", "ack"), "somebody works on it")
	assert.Empty(t, update(150, "page-2"), "the extension period")
	assert.Equal(t, []string{"two page-2 ALARM"}, update(151, "page-2"))

	alarms, told := w.Status()
	assert.Len(t, alarms, 4)
	assert.Equal(t, alarm.Status{Name: "page-2", State: alarm.StateAlarm, Since: at(100)}, alarms[3])
	assert.Len(t, told, 4)
	assert.Equal(t, alarm.StateAlarm, w.State("page-2"))
	assert.Empty(t, w.State("none"))
}

// TestEmbedded reads what server/telemetry/emf writes.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	s := alarm.NewStore(600)
	assert.True(t, s.PutEmbedded(alarm.Event(`{"Color":"blue","Route":"/a","Failed":{"Values":[0,1],"Counts":[3,1],"Max":1,"Min":0,"Count":4,"Sum":1},
		"Requests":4,"_aws":{"CloudWatchMetrics":[{"Namespace":"CodeFlow","Dimensions":[["Color"],["Color","Route"]],
		"Metrics":[{"Name":"Failed","Unit":"None"},{"Name":"Requests","Unit":"Count"},{"Name":"Missing"}]}],"Timestamp":946684800000}}`)))
	for _, other := range []string{`{"level":"INFO"}`, `{"_aws":"x"}`, "text"} {
		assert.False(t, s.PutEmbedded(alarm.Event(other)), other)
	}
	for _, tc := range []struct {
		name, statistic string
		dimensions      map[string]string
		want            float64
	}{
		{"Failed", "Average", map[string]string{"Color": "blue"}, .25},
		{"Failed", "SampleCount", map[string]string{"Color": "blue", "Route": "/a"}, 4},
		{"Requests", "Sum", map[string]string{"Color": "blue"}, 4},
	} {
		require.Eventually(t, func() bool {
			series, err := s.Series(alarm.Metric{Namespace: "CodeFlow", MetricName: tc.name, Statistic: tc.statistic, Period: 3600, Dimensions: tc.dimensions}, 3)
			require.NoError(t, err)
			return slices.ContainsFunc(series, func(v *float64) bool { return v != nil && *v == tc.want })
		}, runtimetest.Patience, time.Millisecond, "%v", tc)
	}
}
