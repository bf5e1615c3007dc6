package alarm_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

func TestComposite(t *testing.T) {
	t.Parallel()
	states := map[string]alarm.State{
		"rings": alarm.StateAlarm, "quiet": alarm.StateOK, "unknown": alarm.StateInsufficientData, "codeflow-green-5xx": alarm.StateAlarm,
	}
	for rule, want := range map[string]alarm.State{
		`ALARM(rings)`:                                                      alarm.StateAlarm,
		`ALARM("quiet")`:                                                    alarm.StateOK,
		`OK(quiet) AND NOT ALARM(quiet)`:                                    alarm.StateAlarm,
		`NOT (ALARM(rings) OR OK(rings))`:                                   alarm.StateOK,
		"ALARM(\"quiet\")\n  OR INSUFFICIENT_DATA(unknown)":                 alarm.StateAlarm,
		`ALARM(quiet) OR ALARM(rings) AND FALSE`:                            alarm.StateOK,
		`ALARM(arn:aws:cloudwatch:eu-central-1:1:alarm:codeflow-green-5xx)`: alarm.StateAlarm,
		`TRUE`:          alarm.StateAlarm,
		`ALARM(nobody)`: alarm.StateOK,
	} {
		got, err := alarm.EvaluateComposite(alarm.Composite{AlarmName: "all", AlarmRule: rule}, func(name string) alarm.State { return states[name] })
		require.NoError(t, err, rule)
		assert.Equal(t, want, got, rule)
	}
	for _, rule := range []string{"", "RINGS(quiet)", "ALARM(quiet) XOR TRUE", "ALARM(quiet) + TRUE", "1"} {
		_, err := alarm.EvaluateComposite(alarm.Composite{AlarmName: "all", AlarmRule: rule}, func(string) alarm.State { return "" })
		require.ErrorContains(t, err, `composite alarm "all": its rule "`+rule+`"`)
	}
}
