package opstest

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Feature is a part of the contract that a stand-in for AWS may lack.
type Feature string

// The features.
const (
	Unhealthy  Feature = "targets fail health checks"
	Percentile Feature = "percentiles of metrics"
	Tasks      Feature = "a service has tasks"
	Records    Feature = "records are changed by others than the engine"
	Scaling    Feature = "a service is scaled by others than the engine"
)

// Account is an account for [Contract]. In it are two colours with three tasks each:
//
//	blue   its load balancer counted 600 requests in two minutes, 8 answers with
//	       5xx and 4 errors of its own, p95 0.3 s, to a tenth
//	green  one of its targets is unhealthy, its alarm codeflow-green-5xx rings and
//	       codeflow-green-unhealthy does not; no requests
//
// The records are blue 90, green 10. No digest is refused.
type Account struct {
	Cloud ops.Cloud
	// Green's task definition, and another one that it can run.
	TaskDefinition, Other string
	// Digests that the colours run. Default: that of [Digest].
	Digests map[string]string
	// Minute is how long one of its minutes takes. Default: a minute.
	Minute time.Duration
	// Lacks says why a feature cannot be tested.
	Lacks map[Feature]string
}

// without skips a test of a feature that the account lacks.
func (a Account) without(t *testing.T, feature Feature) {
	t.Helper()
	if why, lacks := a.Lacks[feature]; lacks {
		t.Skipf("not tested here: %s: %s", feature, why)
	}
}

// Contract is what every [ops.Cloud] must do. The tests run one after the other on
// one account and leave it as it was, but for green's task definition.
func Contract(t *testing.T, a Account) {
	t.Helper()
	a.Minute = cmp.Or(a.Minute, time.Minute)
	for _, test := range []struct {
		name string
		run  func(*testing.T, Account)
	}{
		{"services", services},
		{"tasks", tasks},
		{"targets", targets},
		{"alarms", alarms},
		{"requests", requests},
		{"percentile", percentile},
		{"weights", weights},
		{"set weights", setWeights},
		{"refused digest", switchedBack},
		{"unknown colour", unknown},
		{"deploy", deploy},
		{"scale", scale},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, a) })
	}
}

func services(t *testing.T, a Account) {
	t.Helper()
	blue, err := a.Cloud.Color(t.Context(), "blue")
	require.NoError(t, err)
	assert.Equal(t, 3, blue.Desired)
	assert.Equal(t, 3, blue.Running)
	assert.False(t, blue.Deploying)
	green, err := a.Cloud.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, a.TaskDefinition, green.TaskDefinition)
}

func tasks(t *testing.T, a Account) {
	t.Helper()
	a.without(t, Tasks)
	for _, name := range []string{"blue", "green"} {
		color, err := a.Cloud.Color(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, []string{cmp.Or(a.Digests[name], Digest(name))}, color.Digests)
	}
}

func targets(t *testing.T, a Account) {
	t.Helper()
	blue, err := a.Cloud.Color(t.Context(), "blue")
	require.NoError(t, err)
	assert.Equal(t, ops.Targets{Healthy: 3}, blue.Targets)
	a.without(t, Unhealthy)
	green, err := a.Cloud.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, ops.Targets{Healthy: 2, Unhealthy: 1}, green.Targets)
}

func alarms(t *testing.T, a Account) {
	t.Helper()
	blue, err := a.Cloud.Color(t.Context(), "blue")
	require.NoError(t, err)
	assert.Empty(t, blue.Alarms)
	green, err := a.Cloud.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, []string{"codeflow-green-5xx"}, green.Alarms)
}

func requests(t *testing.T, a Account) {
	t.Helper()
	blue, err := a.Cloud.Requests(t.Context(), "blue", 2*a.Minute)
	require.NoError(t, err)
	assert.Empty(t, blue.Unknown)
	assert.Equal(t, 2*a.Minute, blue.Window)
	assert.Equal(t, 600, blue.Count)
	assert.Equal(t, 12, blue.Errors)
	assert.InDelta(t, 600/(2*a.Minute).Seconds(), blue.PerSecond(), 0.01)
	assert.InDelta(t, 0.02, blue.ErrorRate(), 0.0001)
	require.Len(t, blue.Minutes, 2)
	assert.Equal(t, a.Minute, blue.Minutes[1].Start.Sub(blue.Minutes[0].Start))
	assert.Equal(t, 600, blue.Minutes[0].Count+blue.Minutes[1].Count)
	green, err := a.Cloud.Requests(t.Context(), "green", 2*a.Minute)
	require.NoError(t, err)
	assert.Zero(t, green.Count+green.Errors+int(green.P95))
	assert.Empty(t, green.Unknown, "no requests are known, too")
}

func percentile(t *testing.T, a Account) {
	t.Helper()
	a.without(t, Percentile)
	blue, err := a.Cloud.Requests(t.Context(), "blue", 2*a.Minute)
	require.NoError(t, err)
	assert.InEpsilon(t, 300*time.Millisecond, blue.P95, 0.1)
	for _, m := range blue.Minutes {
		assert.LessOrEqual(t, m.P50, m.P95)
		assert.LessOrEqual(t, m.P95, m.P99)
	}
}

func weights(t *testing.T, a Account) {
	t.Helper()
	got, err := a.Cloud.Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ops.Weights{"blue": 90, "green": 10}, got)
}

func setWeights(t *testing.T, a Account) {
	t.Helper()
	a.without(t, Records)
	is := func(want ops.Weights) {
		t.Helper()
		got, err := a.Cloud.Weights(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	begin, back := ops.Weights{"blue": 90, "green": 10}, ops.Weights{"blue": 100, "green": 0}
	require.ErrorIs(t, a.Cloud.SetWeights(t.Context(), ops.Weights{"blue": 50, "green": 50}, back), ops.ErrTrafficChanged)
	require.Error(t, a.Cloud.SetWeights(t.Context(), begin, ops.Weights{"blue": 90, "green": 10, "purple": 1}), "nobody knows its load balancer")
	is(begin)
	require.NoError(t, a.Cloud.SetWeights(t.Context(), begin, back))
	is(back)
	require.NoError(t, a.Cloud.SetWeights(t.Context(), back, begin))
	is(begin)
}

func switchedBack(t *testing.T, a Account) {
	t.Helper()
	cloud := a.Cloud
	expect := func(want *ops.SwitchedBack) {
		t.Helper()
		got, err := cloud.SwitchedBack(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	expect(nil)
	require.NoError(t, cloud.SetSwitchedBack(t.Context(), nil), "clearing nothing is well")
	for _, reason := range []string{`p95 of "green" is 3 s, more than 2 s`, "another"} {
		s := &ops.SwitchedBack{Color: "green", Digest: Digest("green"), Reason: reason, Time: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
		require.NoError(t, cloud.SetSwitchedBack(t.Context(), s))
		expect(s)
	}
	require.NoError(t, cloud.SetSwitchedBack(t.Context(), nil))
	expect(nil)
}

func unknown(t *testing.T, a Account) {
	t.Helper()
	_, err := a.Cloud.Color(t.Context(), "purple")
	require.ErrorContains(t, err, "purple")
	_, err = a.Cloud.Requests(t.Context(), "purple", time.Minute)
	require.ErrorContains(t, err, "purple")
}

func deploy(t *testing.T, a Account) {
	t.Helper()
	require.NoError(t, a.Cloud.Deploy(t.Context(), "green", a.Other))
	green, err := a.Cloud.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, a.Other, green.TaskDefinition)
	require.Error(t, a.Cloud.Deploy(t.Context(), "purple", a.Other))
}

func scale(t *testing.T, a Account) {
	t.Helper()
	a.without(t, Scaling)
	require.NoError(t, a.Cloud.Scale(t.Context(), "green", 4))
	green, err := a.Cloud.Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, 4, green.Desired)
	require.NoError(t, a.Cloud.Scale(t.Context(), "green", 3))
	require.Error(t, a.Cloud.Scale(t.Context(), "purple", 3))
}
