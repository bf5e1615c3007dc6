//go:build linux

package account_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// rule seeds an alarm on one metric that tells a topic.
func (w *world) rule(name, namespace, metric, statistic string, dimensions in, more in) {
	w.t.Helper()
	properties := in{
		"name": name, "namespace": namespace, "metricName": metric, "statistic": statistic, "period": 60, "dimensions": dimensions,
		"evaluationPeriods": 1, "threshold": 0, "comparisonOperator": "GreaterThanThreshold", "treatMissingData": "notBreaching",
	}
	for key, value := range more {
		properties[key] = value
	}
	w.seed("cloudwatch/metricAlarm", properties)
}

// state is an alarm as the account has last seen it.
func (w *world) state(name string) alarm.State {
	w.t.Helper()
	for _, a := range w.status().AllAlarms {
		if a.Name == name {
			return a.State
		}
	}
	return ""
}

func (w *world) becomes(name string, want alarm.State) {
	w.t.Helper()
	eventually(w.t, func() bool { return w.state(name) == want }, name+" is not "+string(want))
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	topic := text(w.seed("sns/topic", in{"name": "level-1", "displayName": "the engineer"}), "arn")
	c := w.color("green", w.definition("green", runtimetest.Push(t), nil), in{"healthCheckGracePeriodSeconds": 1 << 30})
	name := text(c.service, "name")

	of := in{"ClusterName": "codeflow-green-cluster", "ServiceName": name}
	w.rule("running", "ECS/ContainerInsights", "RunningTaskCount", "Minimum", of, in{"threshold": 1.5})
	w.rule("cpu", "AWS/ECS", "CPUUtilization", "Average", of, in{"threshold": 80, "alarmActions": []string{topic}, "okActions": []string{topic}})
	w.rule("backups", "AWS/Backup", "NumberOfBackupJobsCompleted", "Sum", in{"ResourceType": "RDS"}, in{
		"period": 3600, "evaluationPeriods": 26, "threshold": 1, "comparisonOperator": "LessThanThreshold", "treatMissingData": "breaching",
	})
	w.rule("acknowledged", "CodeFlow", "Acknowledged", "Maximum", in{"Alarms": "x"}, in{"period": 3600})
	w.rule("unknown", "AWS/Lambda", "Errors", "Sum", in{}, nil)
	assert.Empty(t, w.status().AllAlarms, "nothing runs")
	require.False(t, w.deploy(c.service, text(c.service, "taskDefinition"), "").Failed)

	w.becomes("running", alarm.StateAlarm) // two tasks.
	w.becomes("cpu", alarm.StateOK)
	w.becomes("backups", alarm.StateOK)
	for fault, rings := range map[string]string{
		"metric=AWS/ECS/CPUUtilization=95:" + name: "cpu", "metric=AWS/Backup/NumberOfBackupJobsCompleted=0": "backups",
	} {
		require.NoError(t, w.SetFault(fault, true))
		w.becomes(rings, alarm.StateAlarm)
		assert.Contains(t, w.status().Faults, fault)
		assert.Contains(t, w.status().Alarms, rings)
		require.NoError(t, w.SetFault(fault, false))
		w.becomes(rings, alarm.StateOK)
	}
	var told []string
	for _, n := range w.status().Told {
		told = append(told, n.Alarm+" "+string(n.State)+": "+n.Level)
	}
	assert.Equal(t, []string{"cpu ALARM: the engineer", "cpu OK: the engineer"}, told)
	require.NoError(t, w.PutMetric("CodeFlow", "Acknowledged", map[string]string{"Alarms": "x"}, 1))
	w.becomes("acknowledged", alarm.StateAlarm)
	assert.Empty(t, w.state("unknown"))
	require.ErrorContains(t, w.SetFault("metric=CPU", true), "must be like metric=AWS/RDS/CPUUtilization=95")
}

// TestHealthCheckFollowsAMetric shows that Route 53 needs nobody to take a colour out,
// and that silence changes nothing.
func TestHealthCheckFollowsAMetric(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	c := w.color("green", w.definition("green", runtimetest.Push(t), nil), nil)
	w.rule("failing", "CodeFlow", "FailedShare", "Average", in{"Color": "green"}, in{"threshold": .1, "evaluationPeriods": 2, "treatMissingData": "notBreaching"})
	check := w.seed("route53/healthCheck", in{
		"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "failing", "cloudwatchAlarmRegion": region, "insufficientDataHealthStatus": "LastKnownStatus",
	}).ID
	require.False(t, w.deploy(c.service, text(c.service, "taskDefinition"), "").Failed)
	say := func(share string) {
		w.Events("/ecs/green", `{"Color":"green","FailedShare":`+share+`,"_aws":{"CloudWatchMetrics":[{"Namespace":"CodeFlow","Dimensions":[["Color"]],"Metrics":[{"Name":"FailedShare"}]}]}}`)
	}
	assert.True(t, w.Healthy(check), "nothing is known")
	eventually(t, func() bool { say("0.5"); return !w.Healthy(check) }, "it fails")
	w.becomes("failing", alarm.StateOK)
	assert.False(t, w.Healthy(check), "the alarm takes silence for good, Route 53 does not")
	eventually(t, func() bool { say("0"); return w.Healthy(check) }, "it is well")
}

func TestMetricFilters(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	w.seed("cloudwatch/logGroup", in{"name": "/ecs/green"})
	c := w.color("green", w.definition("green", runtimetest.Push(t), in{"logConfiguration": in{
		"logDriver": "awslogs", "options": in{"awslogs-group": "/ecs/green", "awslogs-region": region, "awslogs-stream-prefix": "server"},
	}}), nil)
	for name, pattern := range map[string]string{"errors": `{ $.level = "ERROR" }`, "lines": `ERROR`} {
		w.seed("cloudwatch/logMetricFilter", in{
			"name": name, "logGroupName": "/ecs/green", "pattern": pattern,
			"metricTransformation": in{"namespace": "CodeFlow", "name": name, "value": "$.n", "dimensions": in{"Color": "$.color"}},
		})
	}
	w.rule("errors", "CodeFlow", "errors", "Sum", in{"Color": "green"}, in{"threshold": 5})
	require.False(t, w.deploy(c.service, text(c.service, "taskDefinition"), "").Failed)
	w.becomes("errors", alarm.StateOK)
	say := func(line string) { w.Events("/ecs/green", line) }
	for _, line := range []string{`{"level":"INFO","color":"green","n":9}`, `{"level":"ERROR","color":"blue","n":9}`, `{"level":"ERROR","n":9}`, "ERROR"} {
		say(line)
	}
	eventually(t, func() bool {
		say(`{"level":"ERROR","color":"green","n":6}`)
		return w.state("errors") == alarm.StateAlarm
	}, "lines are counted")
	w.becomes("errors", alarm.StateOK)
}

func TestBlockedRequests(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	balancer := w.site()
	w.acl(balancer, "codeflow-waf", []in{{
		"name": "AWSManagedRulesCommonRuleSet", "priority": 1, "overrideAction": in{"none": in{}},
		"visibilityConfig": in{"metricName": "x", "cloudwatchMetricsEnabled": true, "sampledRequestsEnabled": true},
		"statement":        in{"managedRuleGroupStatement": in{"name": "AWSManagedRulesCommonRuleSet", "vendorName": "AWS"}},
	}})
	w.rule("blocked", "AWS/WAFV2", "BlockedRequests", "Sum", in{"WebACL": "codeflow-waf", "Rule": "ALL", "Region": region}, in{"threshold": 2})
	c := w.color("green", w.definition("green", runtimetest.Push(t), nil), nil)
	require.False(t, w.deploy(c.service, text(c.service, "taskDefinition"), "").Failed)
	w.becomes("blocked", alarm.StateOK)
	client, err := w.status().Client()
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	eventually(t, func() bool {
		for range 3 {
			status, _, _ := ask(t, client, "https://"+domain, 9<<10)
			assert.Equal(t, http.StatusForbidden, status)
		}
		return w.state("blocked") == alarm.StateAlarm
	}, "they are counted")
	assert.True(t, slices.ContainsFunc(w.status().AllAlarms, func(a alarm.Status) bool { return strings.Contains(a.Reason, "Threshold Crossed") }))
}
