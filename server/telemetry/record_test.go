package telemetry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tel, _ := start(t, "info", telemetry.Options{})
		tel.Serving("sha256:0")
		tel.Serving("sha256:1")
		tel.Refused("token")
		tel.BreakerChanged("database", "closed", "open")
		tel.BreakerChanged("database", "open", "half-open")
		tel.CollectUsage(func() usage.Stats { return usage.Stats{Recorded: 5, Written: 3, Dropped: 1, Waiting: 1} })
		call := func(method, name string, failed bool) {
			_, end := tel.Observe(t.Context(), method)
			time.Sleep(20 * time.Millisecond)
			end(name, failed)
		}
		call("prompts/get", "reviewer", false)
		call("tools/call", "reviewer", true)
		call("ping", "", false)

		series := scrape(t, tel)
		for name, value := range map[string]string{
			`codeflow_build_info{bundle_digest="sha256:1",color="blue",version="1.2.3"}`:    "1",
			`codeflow_http_requests_refused_total{reason="token"}`:                          "1",
			`codeflow_breaker_state{name="database"}`:                                       "1",
			`codeflow_breaker_transitions_total{name="database",to="open"}`:                 "1",
			`codeflow_breaker_transitions_total{name="database",to="half-open"}`:            "1",
			`codeflow_usage_events_recorded_total`:                                          "5",
			`codeflow_usage_events_written_total`:                                           "3",
			`codeflow_usage_events_dropped_total`:                                           "1",
			`codeflow_usage_events_waiting`:                                                 "1",
			`codeflow_mcp_calls_total{method="prompts/get",name="reviewer",outcome="ok"}`:   "1",
			`codeflow_mcp_calls_total{method="tools/call",name="reviewer",outcome="error"}`: "1",
			`codeflow_mcp_calls_total{method="ping",name="",outcome="ok"}`:                  "1",
			`codeflow_mcp_call_duration_seconds_sum{method="prompts/get",name="reviewer"}`:  "0.02",
		} {
			assert.Equal(t, value, series[name], name)
		}
		assert.NotContains(t, series, `codeflow_build_info{bundle_digest="sha256:0",color="blue",version="1.2.3"}`)
		assert.Contains(t, series, "go_goroutines")
		assert.Contains(t, series, "process_start_time_seconds")
	})
}
