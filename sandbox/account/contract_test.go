//go:build linux

package account_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
)

// TestContract holds the account against what the traffic controller expects of AWS.
// Two minutes of AWS take 24 seconds.
func TestContract(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: 5})
	images := []string{runtimetest.Push(t, "RELEASE=1"), runtimetest.Push(t, "RELEASE=2")}
	first, second := w.definition("green", images[0], nil), w.definition("green", images[1], nil)
	service := in{"desiredCount": 3, "healthCheckGracePeriodSeconds": 1 << 30} // what is unhealthy stays.
	blue, green := w.color("blue", w.definition("blue", images[0], nil), service), w.color("green", first, service)
	for _, c := range []color{blue, green} {
		w.steady(c.service)
		name := strings.TrimPrefix(text(c.balancer, "name"), "codeflow-")
		w.record("live", c.balancer, in{"setIdentifier": name, "weightedRoutingPolicies": []in{{"weight": map[string]int{"blue": 90, "green": 10}[name]}}})
		w.alarm("codeflow-"+name+"-5xx", c, 0)
		w.alarm("codeflow-"+name+"-unhealthy", c, 2)
	}
	w.seed("cloudwatch/compositeAlarm", in{
		"alarmName": "composite", "alarmRule": `ALARM("codeflow-green-5xx") AND NOT ALARM("codeflow-green-unhealthy")`,
	})
	require.NoError(t, w.Start(t.Context()))

	digest := func(image string) string { return image[strings.Index(image, "@")+1:] }
	w.hurt(green)
	t.Run("the AWS CLI", w.cli)
	w.measure(blue)
	opstest.Contract(t, opstest.Account{
		Cloud: w.seen, Minute: 12 * time.Second, TaskDefinition: first, Other: second, Digests: map[string]string{"blue": digest(images[0]), "green": digest(images[0])},
	})
	status, err := w.Status()
	require.NoError(t, err)
	assert.Equal(t, []string{"codeflow-green-5xx", "composite"}, status.Alarms)
	t.Run("pages", w.pages)
	t.Run("metrics in part", w.partial)
}

// alarm rings when more targets are unhealthy.
func (w *world) alarm(name string, c color, threshold int) {
	w.t.Helper()
	w.seed("cloudwatch/metricAlarm", in{
		"name": name, "namespace": "AWS/ApplicationELB", "metricName": "UnHealthyHostCount", "statistic": "Maximum", "period": 10,
		"evaluationPeriods": 1, "threshold": threshold, "comparisonOperator": "GreaterThanThreshold",
		"dimensions": in{"LoadBalancer": text(c.balancer, "arnSuffix"), "TargetGroup": text(c.group, "arnSuffix")},
	})
}

// hurt makes green's unhealthy target, and waits for its alarm.
func (w *world) hurt(green color) {
	t := w.t
	t.Helper()
	var state ops.Color
	is := func(holds func() bool) func() bool {
		return func() (ok bool) {
			var err error
			state, err = w.seen.Color(t.Context(), "green")
			return err == nil && holds()
		}
	}
	eventually(t, is(func() bool { return !state.Deploying && state.Targets == ops.Targets{Healthy: 3} }), "green is well")
	for _, task := range w.running(green.service).Tasks {
		if task.LastStatus == scheduler.Running {
			require.NoError(t, w.SetFault("unhealthy:"+task.ID, true))
			break
		}
	}
	eventually(t, is(func() bool { return state.Targets.Unhealthy == 1 && len(state.Alarms) == 1 }), "green's alarm")
}

// measure sends blue's requests.
func (w *world) measure(blue color) {
	t := w.t
	t.Helper()
	counted := func() int {
		requests, err := w.seen.Requests(t.Context(), "blue", 24*time.Second)
		require.NoError(t, err)
		return requests.Count
	}
	assert.Equal(t, map[int]int{200: 555, 500: 8}, w.send(blue.balancer, map[string]int{"/health": 555, "/status?500": 8}))
	// Just over a twentieth is slow, so that the quickest of them are the percentile
	// however busy the machine is; what sleeps for 4 s is beyond the idle timeout.
	assert.Equal(t, map[int]int{200: 33, 504: 4}, w.send(blue.balancer, map[string]int{"/sleep?295ms": 33, "/sleep?4s": 4}))
	eventually(t, func() bool { return counted() == 600 }, "all are counted")
}

// send sends requests, as many as are given by path, and counts the answers by
// status.
func (w *world) send(balancer *cloud.Resource, paths map[string]int) map[int]int {
	address := ""
	for _, b := range w.status().LoadBalancers {
		if b.ARN == balancer.ID {
			address = b.Listeners[80]
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	answers, pending := map[int]int{}, sync.WaitGroup{}
	for path, n := range paths {
		for worker := range min(n, 10) {
			pending.Go(func() {
				for i := worker; i < n; i += 10 {
					status := 0
					if response, err := client.Get("http://" + address + path); assert.NoError(w.t, err) {
						status = response.StatusCode
						_ = response.Body.Close()
					}
					mu.Lock()
					answers[status]++
					mu.Unlock()
				}
			})
		}
	}
	pending.Wait()
	return answers
}
