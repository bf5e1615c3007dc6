package telemetry

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins the name of every metric of the server's own.
const namespace = "codeflow"

// buckets are the bounds of a duration in seconds. 2 is among them since the
// alarm is on a p95 above 2 s.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10}

// metrics is everything that is counted.
type metrics struct {
	registry    *prometheus.Registry
	factory     promauto.Factory
	requests    kept[requestKey]
	calls       kept[callKey]
	failed      *prometheus.CounterVec
	inFlight    prometheus.Gauge
	panics      prometheus.Counter
	refused     *prometheus.CounterVec
	breakers    *prometheus.GaugeVec
	transitions *prometheus.CounterVec
	build       *prometheus.GaugeVec
}

func newMetrics(opts *Options) *metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &metrics{registry: registry, factory: promauto.With(registry)}
	requests := m.counters("http_requests_total", "Requests answered, by route, method and class of status.", "route", "method", "class")
	seconds := m.seconds("http_request_duration_seconds", "Time to the end of an answer, of an event stream to its start.", "route")
	m.requests.find = func(k requestKey) series {
		return series{requests.WithLabelValues(k.route, k.method, classes[k.class]), seconds.WithLabelValues(k.route)}
	}
	m.failed = m.counters("http_requests_failed_total", "Requests answered with 5xx but 503, or later than after two seconds, by route.", "route")
	m.inFlight = m.gauges("http_requests_in_flight", "Requests being answered.").WithLabelValues()
	m.panics = m.counters("panics_total", "Requests that ended in a panic.").WithLabelValues()
	m.refused = m.counters("http_requests_refused_total", "Requests not handled, by reason.", "reason")
	calls := m.counters("mcp_calls_total", "MCP calls, by method, name and outcome.", "method", "name", "outcome")
	callSeconds := m.seconds("mcp_call_duration_seconds", "Time to answer an MCP call.", "method", "name")
	m.calls.find = func(k callKey) series {
		return series{calls.WithLabelValues(k.method, k.name, k.outcome), callSeconds.WithLabelValues(k.method, k.name)}
	}
	m.breakers = m.gauges("breaker_state", "State of a circuit breaker: 0 closed, 1 half-open, 2 open.", "name")
	m.transitions = m.counters("breaker_transitions_total", "Changes of state of a circuit breaker.", "name", "to")
	m.build = m.factory.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What runs; always 1.",
		ConstLabels: prometheus.Labels{"version": opts.Version, "color": opts.Color},
	}, []string{"bundle_digest"})
	return m
}

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return m.factory.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m *metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return m.factory.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m *metrics) seconds(name, help string, labels ...string) *prometheus.HistogramVec {
	return m.factory.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// MetricsHandler answers with all metrics in the format of Prometheus. It
// belongs on a port that is not public.
func (m *metrics) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// kept are the series that something counts in: looking them up by label, as
// Prometheus does, would hash each label each time. There are few, since what
// clients invent is [Other].
type kept[K comparable] struct {
	find func(K) series

	mu    sync.RWMutex
	found map[K]series
}

type series struct {
	total   prometheus.Counter
	seconds prometheus.Observer
}

type requestKey struct {
	route, method string
	class         int // 2 is 2xx
}

type callKey struct{ method, name, outcome string }

var classes = [...]string{1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

func (k *kept[K]) of(key K) series {
	k.mu.RLock()
	s, ok := k.found[key]
	k.mu.RUnlock()
	if ok {
		return s
	}
	s = k.find(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found == nil {
		k.found = map[K]series{}
	}
	k.found[key] = s
	return s
}
