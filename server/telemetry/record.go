package telemetry

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// Other is the label of what is not known: it keeps clients from inventing
// labels.
const Other = "other"

// breakerStates are the states of a circuit breaker, by their number in
// Prometheus. They are those of gobreaker.State.
var breakerStates = []string{"closed", "half-open", "open"}

// Refused counts a request that was not handled. The reason is one of few.
func (m *metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// BreakerChanged notes the new state of a circuit breaker: closed, half-open or
// open. A breaker is not among the metrics before it changes.
func (m *metrics) BreakerChanged(name, _, to string) {
	m.breakers.WithLabelValues(name).Set(float64(slices.Index(breakerStates, to)))
	m.transitions.WithLabelValues(name, to).Inc()
}

// Serving notes which bundle is served.
func (m *metrics) Serving(bundleDigest string) {
	m.build.Reset()
	m.build.WithLabelValues(bundleDigest).Set(1)
}

// CollectUsage asks for the counts of usage events whenever metrics are read.
// It is called once.
func (m *metrics) CollectUsage(stats func() usage.Stats) {
	total := func(name, help string, of func(usage.Stats) uint64) {
		m.factory.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(of(stats())) })
	}
	total("usage_events_recorded_total", "Usage events recorded.", func(s usage.Stats) uint64 { return s.Recorded })
	total("usage_events_written_total", "Usage events written to the store.", func(s usage.Stats) uint64 { return s.Written })
	total("usage_events_dropped_total", "Usage events lost.", func(s usage.Stats) uint64 { return s.Dropped })
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "usage_events_waiting", Help: "Usage events that wait to be written.",
	}, func() float64 { return float64(stats().Waiting) })
}

// CollectRestorable asks for the newest time that the database can be restored to,
// whenever metrics are read; the zero time is not known. It is called once.
func (m *metrics) CollectRestorable(newest func() time.Time) {
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "database_restorable_age_seconds", Help: "Age of the newest state that the database can be restored to; 0 if not known.",
	}, func() float64 {
		if at := newest(); !at.IsZero() {
			return time.Since(at).Seconds()
		}
		return 0
	})
}

// Observe begins an MCP request, and a span for it that is a child of the HTTP
// request's. The method is one that the server knows. What it returns ends the
// request; the name is that of an agent, command or tool of the server's, never
// one that a client made up, or empty.
func (t *Telemetry) Observe(ctx context.Context, method string) (context.Context, func(name string, failed bool)) {
	start := time.Now()
	ctx, endSpan := t.startCallSpan(ctx, method)
	return ctx, func(name string, failed bool) {
		outcome := "ok"
		if failed {
			outcome = "error"
		}
		s := t.calls.of(callKey{method, name, outcome})
		s.total.Inc()
		s.seconds.Observe(time.Since(start).Seconds())
		endSpan(name, failed)
	}
}
