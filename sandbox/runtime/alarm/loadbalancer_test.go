// The last test sends real requests through a real load balancer on loopback; the
// others have made up metrics. They do not prove what AWS's own load balancers
// report.
package alarm_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

const (
	lb        = "app/codeflow-green/50dc6c495c0c9188"
	group     = "targetgroup/codeflow-green/73e2d6bc24d8a067"
	arnPrefix = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"
)

// made are metrics by ARN.
type made map[string][]balancer.Metrics

func (m made) Series(arn string, _, count int) []balancer.Metrics {
	return m[arn][max(0, len(m[arn])-count):]
}

func source(metrics made) alarm.LoadBalancerSource {
	return alarm.LoadBalancerSource{Balancers: metrics, Groups: func(balancer string) []string {
		return map[string][]string{lb: {arnPrefix + group, arnPrefix + "targetgroup/other/1"}}[balancer]
	}}
}

func read(t *testing.T, s alarm.Source, name, statistic string, dimensions ...string) []any {
	t.Helper()
	m := alarm.Metric{Namespace: alarm.LoadBalancerNamespace, MetricName: name, Statistic: statistic, Period: 60, Dimensions: map[string]string{}}
	for i, dimension := range dimensions {
		m.Dimensions[[]string{"LoadBalancer", "TargetGroup"}[i]] = dimension
	}
	series, err := s.Series(m, 3)
	require.NoError(t, err)
	var values []any
	for _, value := range series {
		if value == nil {
			values = append(values, nil)
		} else {
			values = append(values, *value)
		}
	}
	return values
}

func TestReportingCriteria(t *testing.T) {
	t.Parallel()
	s := source(made{arnPrefix + group: {
		{}, {HealthyHostCount: 2}, {
			RequestCount: 9, HTTPCodeTarget2XX: 1, HTTPCodeTarget3XX: 2, HTTPCodeTarget4XX: 3, HTTPCodeELB4XX: 4, HTTPCodeELB5XX: 5,
			TargetConnectionErrorCount: 6, UnHealthyHostCount: 7, TargetResponseTimeP50: 0.5, TargetResponseTimeP95: 0.95, TargetResponseTimeP99: 0.99,
		},
	}})
	for metric, want := range map[[2]string][]any{
		{"RequestCount", "Sum"}:               {nil, nil, 9.0},
		{"HTTPCode_Target_2XX_Count", "Sum"}:  {nil, nil, 1.0},
		{"HTTPCode_Target_3XX_Count", "Sum"}:  {nil, nil, 2.0},
		{"HTTPCode_Target_4XX_Count", "Sum"}:  {nil, nil, 3.0},
		{"HTTPCode_Target_5XX_Count", "Sum"}:  {nil, nil, 0.0}, // requests flow to registered targets.
		{"TargetConnectionErrorCount", "Sum"}: {nil, nil, 6.0},
		{"HealthyHostCount", "Minimum"}:       {nil, 2.0, 0.0},
		{"UnHealthyHostCount", "Maximum"}:     {nil, 0.0, 7.0},
		{"TargetResponseTime", "p50"}:         {nil, nil, 0.5},
		{"TargetResponseTime", "p95"}:         {nil, nil, 0.95},
		{"TargetResponseTime", "p99"}:         {nil, nil, 0.99},
	} {
		assert.Equal(t, want, read(t, s, metric[0], metric[1], lb, group), metric)
	}
	assert.Equal(t, []any{nil, nil, 4.0}, read(t, s, "HTTPCode_ELB_4XX_Count", "Sum", lb))
	assert.Equal(t, []any{nil, nil, 5.0}, read(t, s, "HTTPCode_ELB_5XX_Count", "Sum", lb))
}

func TestLoadBalancerAddsUpItsGroups(t *testing.T) {
	t.Parallel()
	s := source(made{
		arnPrefix + group:                 {{RequestCount: 1, TargetResponseTimeP95: 0.1}, {}, {RequestCount: 3, TargetResponseTimeP95: 0.3}},
		arnPrefix + "targetgroup/other/1": {{RequestCount: 5, TargetResponseTimeP95: 0.2}}, // began later.
	})
	assert.Equal(t, []any{1.0, nil, 8.0}, read(t, s, "RequestCount", "Sum", lb))
	assert.Equal(t, []any{0.1, nil, 0.3}, read(t, s, "TargetResponseTime", "p95", lb))
	assert.Equal(t, []any{1.0, nil, 3.0}, read(t, s, "RequestCount", "Sum", lb, group))
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	s := source(made{arnPrefix + group: {{RequestCount: 1}}})
	nothing := []any{nil, nil, nil}
	assert.Equal(t, nothing, read(t, s, "RequestCount", "Sum", "app/none/1"))
	assert.Equal(t, nothing, read(t, s, "RequestCount", "Sum", lb, "targetgroup/none/1"))
	assert.Equal(t, nothing, read(t, s, "RequestCount", "Sum", lb, "green/73e2d6bc24d8a067"))
	assert.Equal(t, nothing, read(t, s, "RequestCount", "Sum", "app/none/1", group))

	both := map[string]string{"LoadBalancer": lb, "TargetGroup": group}
	for want, m := range map[string]alarm.Metric{
		`metric "RequestCount" with statistic "Average" is not measured: must be one of HTTPCode_ELB_4XX_Count Sum, `: {MetricName: "RequestCount", Statistic: "Average", Dimensions: both},
		`metric "NewFlowCount" with statistic "Sum" is not measured`:                                                  {MetricName: "NewFlowCount", Statistic: "Sum", Dimensions: both},
		`metric "HTTPCode_ELB_5XX_Count" is published by dimensions LoadBalancer only, got LoadBalancer, TargetGroup`: {MetricName: "HTTPCode_ELB_5XX_Count", Statistic: "Sum", Dimensions: both},
		`metric "RequestCount" is published by dimensions LoadBalancer or LoadBalancer, TargetGroup only, got `:       {MetricName: "RequestCount", Statistic: "Sum"},
	} {
		_, err := s.Series(m, 3)
		assert.ErrorContains(t, err, want)
	}
}

func TestErrorRate(t *testing.T) {
	t.Parallel()
	query := func(id, metric string) alarm.Query {
		return alarm.Query{ID: id, Metric: alarm.Metric{
			Namespace: alarm.LoadBalancerNamespace, MetricName: metric, Statistic: "Sum", Period: 60,
			Dimensions: map[string]string{"LoadBalancer": lb},
		}}
	}
	rate := alarm.Alarm{
		Name: "rate", EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "notBreaching",
		MetricQueries: []alarm.Query{
			{ID: "rate", Expression: "100*(target+balancer)/requests", ReturnData: true},
			query("requests", "RequestCount"), query("target", "HTTPCode_Target_5XX_Count"), query("balancer", "HTTPCode_ELB_5XX_Count"),
		},
	}
	for name, tc := range map[string]struct {
		minute balancer.Metrics
		want   alarm.State
	}{
		"no traffic":       {balancer.Metrics{HealthyHostCount: 2}, ok},
		"few errors":       {balancer.Metrics{RequestCount: 100, HTTPCodeTarget5XX: 5}, ok},
		"both kinds":       {balancer.Metrics{RequestCount: 100, HTTPCodeTarget5XX: 5, HTTPCodeELB5XX: 1}, ring},
		"nothing but 503s": {balancer.Metrics{HTTPCodeELB5XX: 50}, ok}, // as in AWS: divided by 0.
	} {
		state, _, err := alarm.Evaluate(rate, source(made{arnPrefix + group: {tc.minute}}))
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, state, name)
	}
}

func TestRealRequests(t *testing.T) {
	t.Parallel()
	b := balancer.New(balancer.Options{Scale: 600}) // a minute takes a tenth of a second.
	t.Cleanup(b.Close)
	b.ApplyTargetGroup(balancer.TargetGroup{ARN: arnPrefix + group, Name: "codeflow-green"})
	require.NoError(t, b.Apply(balancer.LoadBalancer{
		ARN: arnPrefix + "loadbalancer/" + lb, Name: "codeflow-green", DNSName: "green.elb.amazonaws.com",
		Listeners: []balancer.Listener{{Port: 80, Protocol: balancer.HTTP, DefaultAction: balancer.Action{
			Type: balancer.Forward, TargetGroupARN: arnPrefix + group,
		}}},
	}))
	var failing atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failing.Load() && r.URL.Path == "/work" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(target.Close)
	address := target.Listener.Addr().String()
	require.NoError(t, b.Register(arnPrefix+group, address))
	require.Eventually(t, func() bool { return b.Health(arnPrefix+group, address).State == balancer.Healthy }, runtimetest.Patience, time.Millisecond)

	s := alarm.Namespaces{alarm.LoadBalancerNamespace: alarm.LoadBalancerSource{
		Balancers: b, Groups: func(string) []string { return []string{arnPrefix + group} },
	}}
	a := sum(0, 2, "notBreaching")
	a.MetricName, a.Threshold, a.Dimensions = "HTTPCode_Target_5XX_Count", 0, map[string]string{"LoadBalancer": lb, "TargetGroup": group}
	endpoint, _ := b.Endpoint("green.elb.amazonaws.com")
	becomes := func(want alarm.State) func() bool {
		return func() bool {
			resp, err := http.Get("http://" + endpoint.Listeners[80] + "/work")
			if assert.NoError(t, err) {
				assert.NoError(t, resp.Body.Close())
			}
			state, reason, err := alarm.Evaluate(a, s)
			assert.NoError(t, err, reason)
			return state == want
		}
	}
	require.Eventually(t, becomes(ok), runtimetest.Patience, 5*time.Millisecond)
	failing.Store(true)
	require.Eventually(t, becomes(ring), runtimetest.Patience, 5*time.Millisecond)
	failing.Store(false)
	require.Eventually(t, becomes(ok), runtimetest.Patience, 5*time.Millisecond)
}
