package telemetry_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// TestCloudWatch makes every metric that is exported appear, in the first
// minute or at the end.
func TestCloudWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tel, log := start(t, "error", telemetry.Options{Namespace: "CodeFlow"})
		tel.Refused("token")
		tel.BreakerChanged("database", "closed", "open")
		tel.CollectUsage(func() usage.Stats { return usage.Stats{Recorded: 5, Written: 3, Dropped: 1, Waiting: 1} })
		_, end := tel.Observe(t.Context(), "tools/call")
		end("", true)
		handler := tel.Middleware(mux(map[string]http.HandlerFunc{
			"GET /health": ok,
			"/x":          func(http.ResponseWriter, *http.Request) { panic("boom") },
		}))
		get(handler, "/health")
		get(handler, "/x")
		get(handler, "/nothing")
		time.Sleep(time.Minute)
		synctest.Wait()
		first := metrics(log.lines(t))
		get(handler, "/x")
		require.NoError(t, tel.Shutdown(t.Context()))
		last := metrics(log.lines(t))[len(first):]

		var names []string
		for _, m := range first {
			assert.Equal(t, []any{"codeflow-server", "blue"}, []any{m["Service"], m["Color"]})
			for name := range m {
				names = append(names, name)
			}
			routed := []any{"Service", "Color", "Route"}
			switch m["Route"] {
			case "/health":
				assert.Equal(t, []any{routed}, dimensions(m), "health checks do not count among all requests")
			case "/x":
				assert.Equal(t, []any{[]any{"Service", "Color"}, routed}, dimensions(m))
			}
		}
		slices.Sort(names)
		assert.Equal(t, strings.Fields(`Breaker BreakerOpen BreakerOpened Color Errors4xx Errors5xx FailedShare InFlight Latency
			McpCalls McpErrors McpLatency Method Panics Reason Refused Requests Route Service
			UsageEventsDropped UsageEventsRecorded UsageEventsWaiting UsageEventsWritten _aws`), slices.Compact(names))

		var requests float64
		for _, m := range last {
			if n, ok := m["Requests"].(float64); ok {
				requests += n
			}
		}
		assert.InDelta(t, 1.0, requests, 0, "the end has what came after the minute")
	})
}

// metrics are the lines for CloudWatch.
func metrics(lines []map[string]any) []map[string]any {
	return slices.DeleteFunc(lines, func(l map[string]any) bool { return l["_aws"] == nil })
}

func dimensions(m map[string]any) []any {
	directive := m["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	return directive["Dimensions"].([]any)
}

// blocked is a log that takes nothing until it is closed.
type blocked chan struct{}

func (b blocked) Write(p []byte) (int, error) { <-b; return len(p), nil }

func TestShutdownBlockedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := make(blocked)
		tel, err := telemetry.New(&telemetry.Options{Namespace: "CodeFlow", Log: log})
		require.NoError(t, err)
		tel.Refused("token")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorContains(t, tel.Shutdown(ctx), "exporting metrics: context deadline exceeded")
		close(log)
	})
}
