// These tests compare with the specification. That CloudWatch takes the lines
// is not shown.
package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry/emf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var byRoute = emf.By{Label: "route", Dimension: "Route"}

func options() emf.Options {
	return emf.Options{
		Namespace:  "CodeFlow",
		Dimensions: []emf.Dimension{{Name: "Service", Value: "s"}, {Name: "Color", Value: "blue"}, {Name: "Zone"}},
		Metrics: []emf.Metric{
			{Name: "Requests", Unit: "Count", Family: "requests_total", By: byRoute},
			{Name: "Errors5xx", Unit: "Count", Family: "requests_total", Label: "class", Value: "5xx", By: byRoute},
			{Name: "ErrorShare", Unit: "None", Family: "requests_total", Label: "class", Value: "5xx", Of: "requests_total", By: byRoute},
			{Name: "Latency", Unit: "Milliseconds", Scale: 1000, Family: "seconds", By: byRoute},
			{Name: "InFlight", Unit: "Count", Family: "in_flight"},
			{Name: "Missing", Unit: "Count", Family: "missing"},
		},
		Apart: []string{"/health"},
	}
}

// source is a registry with a metric of each kind.
type source struct {
	*prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newSource() source {
	r := prometheus.NewRegistry()
	f := promauto.With(r)
	return source{
		r,
		f.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"route", "class"}),
		f.NewHistogramVec(prometheus.HistogramOpts{Name: "seconds", Buckets: []float64{.5, 2, 10}}, []string{"route"}),
		f.NewGauge(prometheus.GaugeOpts{Name: "in_flight"}),
	}
}

// TestGolden exports two intervals.
func TestGolden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, out := newSource(), &bytes.Buffer{}
		e := emf.New(s, out, options())
		s.inFlight.Set(2)
		s.requests.WithLabelValues("/a", "2xx").Add(3)
		s.requests.WithLabelValues("/a", "5xx").Add(1)
		s.requests.WithLabelValues("/health", "2xx").Add(9)
		for _, seconds := range []float64{.25, .25, 1, 2, 11} {
			s.seconds.WithLabelValues("/a").Observe(seconds)
		}
		require.NoError(t, e.Export())
		assert.Equal(t, golden(t, "minute1.jsonl"), out.String())
		validate(t, out.String())

		out.Reset()
		time.Sleep(time.Minute)
		s.requests.WithLabelValues("/a", "2xx").Add(5)
		s.seconds.WithLabelValues("/a").Observe(3)
		s.inFlight.Set(0)
		require.NoError(t, e.Export())
		assert.Equal(t, golden(t, "minute2.jsonl"), out.String())
		validate(t, out.String())

		out.Reset()
		s.inFlight.Set(1)
		require.NoError(t, e.Export())
		assert.Empty(t, out.String(), "a gauge alone is no news")
	})
}

func golden(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(data)
}

// validate checks lines by the specification:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func validate(t *testing.T, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		assert.Less(t, len(line), 256<<10, "a log event's limit")
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &members))
		var meta struct {
			Timestamp         *int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		}
		root, err := json.Marshal(members["_aws"])
		require.NoError(t, err)
		strict := json.NewDecoder(bytes.NewReader(root))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(&meta))
		require.NotNil(t, meta.Timestamp)
		require.NotEmpty(t, meta.CloudWatchMetrics)
		for _, d := range meta.CloudWatchMetrics {
			assert.Regexp(t, `^.{1,1000}$`, d.Namespace)
			require.NotEmpty(t, d.Dimensions)
			for _, set := range d.Dimensions {
				assert.LessOrEqual(t, len(set), 30)
				for _, name := range set {
					assert.Regexp(t, `^[ -~]{1,1000}$`, members[name], "a dimension's value is ASCII text")
				}
			}
			assert.NotEmpty(t, d.Metrics)
			assert.LessOrEqual(t, len(d.Metrics), 100)
			for _, m := range d.Metrics {
				assert.Contains(t, []string{"Count", "Milliseconds", "None"}, m.Unit)
				if distribution, ok := members[m.Name].(map[string]any); ok {
					values, counts := distribution["Values"].([]any), distribution["Counts"].([]any)
					assert.Len(t, counts, len(values))
					assert.LessOrEqual(t, len(values), 100)
					continue
				}
				assert.IsType(t, 0.0, members[m.Name])
			}
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, out := newSource(), &bytes.Buffer{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			emf.New(s, out, options()).Run(ctx)
		}()
		count := func() {
			s.requests.WithLabelValues("/a", "2xx").Inc()
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		s.requests.WithLabelValues("/a", "2xx").Inc()
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		assert.Empty(t, out.String(), "the minute is not over")
		count()
		assert.Equal(t, 1, strings.Count(out.String(), `"Requests":2`))
		count()
		assert.Equal(t, 1, strings.Count(out.String(), `"Requests":1`))
		s.requests.WithLabelValues("/a", "2xx").Add(7)
		stop()
		<-done
		assert.Equal(t, 1, strings.Count(out.String(), `"Requests":7`), "the end is written too")
		validate(t, out.String())
	})
}

// failing is a log that takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailures(t *testing.T) {
	t.Parallel()
	many := newSource()
	for range 2 {
		many.requests.WithLabelValues("/a", "2xx").Inc()
	}
	wide := options()
	wide.Dimensions = nil
	for i := range 31 {
		wide.Dimensions = append(wide.Dimensions, emf.Dimension{Name: strings.Repeat("d", i+1), Value: "v"})
	}
	long := options()
	for i := range 101 {
		long.Metrics = append(long.Metrics, emf.Metric{Name: strings.Repeat("m", i+1), Family: "requests_total"})
	}
	fine := newSource()
	var bounds []float64
	for i := range 101 {
		bounds = append(bounds, float64(i))
	}
	h := promauto.With(fine).NewHistogram(prometheus.HistogramOpts{Name: "fine", Buckets: bounds})
	for _, bound := range bounds {
		h.Observe(bound)
	}
	fineOptions := emf.Options{Metrics: []emf.Metric{{Name: "Fine", Family: "fine"}}}

	tests := map[string]struct {
		source source
		opts   emf.Options
		want   string
	}{
		"dimensions": {many, wide, `metrics of "/a": 32 dimensions, CloudWatch takes 30`},
		"metrics":    {many, long, `metrics of "": 102 in one document, CloudWatch takes 100`},
		"values":     {fine, fineOptions, `metric "Fine": 101 values, CloudWatch takes 100`},
		"log":        {many, options(), "writing metrics: disk full"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, emf.New(tt.source, failing{}, tt.opts).Export(), tt.want)
		})
	}

	log := &bytes.Buffer{}
	opts := options()
	opts.Log = slog.New(slog.NewTextHandler(log, nil))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	emf.New(many, failing{}, opts).Run(ctx)
	assert.Contains(t, log.String(), `msg="metrics not exported" error="writing metrics: disk full"`)
}

// TestNoDimensions has an exporter without any.
func TestNoDimensions(t *testing.T) {
	t.Parallel()
	s, out := newSource(), &bytes.Buffer{}
	s.requests.WithLabelValues("/a", "2xx").Inc()
	e := emf.New(s, out, emf.Options{Namespace: "N", Metrics: []emf.Metric{{Name: "R", Unit: "Count", Family: "requests_total"}}})
	require.NoError(t, e.Export())
	assert.Contains(t, out.String(), `"Dimensions":[[]]`)
	validate(t, out.String())
}
