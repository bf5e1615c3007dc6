// These tests export spans to a collector in this process, by OTLP over HTTP.
// That X-Ray takes them is not shown.
package telemetry_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

// collected is what a collector got.
type collected struct {
	url      string
	mu       sync.Mutex
	resource map[string]string
	spans    []*v1.Span
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); !assert.NoError(t, err) {
				return
			}
		}
		data, err := io.ReadAll(body)
		assert.NoError(t, err)
		var request collector.ExportTraceServiceRequest
		assert.NoError(t, proto.Unmarshal(data, &request))
		assert.Equal(t, "/base/v1/traces", r.URL.Path)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			c.resource = attributes(resource.GetResource().GetAttributes())
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(srv.Close)
	c.url = srv.URL + "/base"
	return c
}

func attributes(kvs []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range kvs {
		m[kv.GetKey()] = kv.GetValue().GetStringValue()
		if n := kv.GetValue().GetIntValue(); n != 0 {
			m[kv.GetKey()] = strconv.FormatInt(n, 10)
		}
	}
	return m
}

func TestSpans(t *testing.T) {
	t.Parallel()
	c := collect(t)
	tel, log := start(t, "info", telemetry.Options{OTLPEndpoint: c.url, SampleRatio: 1})
	handler := tel.Middleware(mux(map[string]http.HandlerFunc{
		"GET /health": ok,
		"POST /mcp": func(w http.ResponseWriter, r *http.Request) {
			_, end := tel.Observe(r.Context(), "prompts/get")
			end("reviewer", true)
			w.WriteHeader(http.StatusBadGateway)
		},
	}))
	get(handler, "/health")
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/mcp?token=secret", nil))
	get(handler, "/nothing")
	require.NoError(t, tel.Shutdown(t.Context()))

	assert.Equal(t, map[string]string{
		"service.name": "codeflow-server", "service.version": "1.2.3", "deployment.color": "blue",
	}, c.resource)
	require.Len(t, c.spans, 3, "health checks are not traced")
	call, request, unknown := c.spans[0], c.spans[1], c.spans[2]

	assert.Equal(t, "POST /mcp", request.GetName())
	assert.Equal(t, v1.Span_SPAN_KIND_SERVER, request.GetKind())
	assert.Equal(t, v1.Status_STATUS_CODE_ERROR, request.GetStatus().GetCode())
	assert.Equal(t, map[string]string{
		"http.request.method": "POST", "http.route": "/mcp", "http.response.status_code": "502", "error.type": "502",
	}, attributes(request.GetAttributes()))
	began, err := strconv.ParseInt(hex.EncodeToString(request.GetTraceId()[:4]), 16, 64)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(began, 0), time.Minute, "an X-Ray id begins with its time")
	assert.Equal(t, hex.EncodeToString(request.GetTraceId()), log.lines(t)[0]["traceId"])

	assert.Equal(t, "prompts/get reviewer", call.GetName())
	assert.Equal(t, request.GetSpanId(), call.GetParentSpanId())
	assert.Equal(t, v1.Status_STATUS_CODE_ERROR, call.GetStatus().GetCode())
	assert.Equal(t, map[string]string{"mcp.method.name": "prompts/get"}, attributes(call.GetAttributes()))

	assert.Equal(t, "GET", unknown.GetName())
	assert.Equal(t, map[string]string{"http.request.method": "GET", "http.response.status_code": "404"}, attributes(unknown.GetAttributes()))
}

// TestContinuedTraces sends requests that belong to a trace already.
func TestContinuedTraces(t *testing.T) {
	t.Parallel()
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tests := map[string]struct {
		ratio         float64
		headers       []string
		trace, parent string // empty: not sampled, no parent
	}{
		"X-Ray":                 {1, []string{"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"}, "67891233abcdef012345678912345678", "53995c3f42cd8ad8"},
		"X-Ray, not sampled":    {1, []string{"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0"}, "67891233abcdef012345678912345678", "53995c3f42cd8ad8"},
		"X-Ray, forced":         {0, []string{"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"}, "", ""},
		"W3C, forced":           {0, []string{"Traceparent", traceparent}, "", ""},
		"id that is low":        {1e-9, []string{"Traceparent", "00-00000000000000000000000000000001-b7ad6b7169203331-01"}, "", ""},
		"root that is low":      {1e-9, []string{"X-Amzn-Trace-Id", "Root=1-00000000-000000000000000000000001"}, "", ""},
		"load balancer":         {1, []string{"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"}, "67891233abcdef012345678912345678", ""},
		"load balancer, passed": {1, []string{"X-Amzn-Trace-Id", "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678"}, "67891233abcdef012345678912345678", ""},
		"load balancer, seldom": {0, []string{"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"}, "", ""},
		"W3C":                   {1, []string{"Traceparent", traceparent}, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"},
		"both":                  {1, []string{"Traceparent", traceparent, "X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"}, "67891233abcdef012345678912345678", "53995c3f42cd8ad8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := collect(t)
			tel, log := start(t, "info", telemetry.Options{OTLPEndpoint: c.url, SampleRatio: tt.ratio})
			get(tel.Middleware(mux(routes)), "/any/", tt.headers...)
			require.NoError(t, tel.Shutdown(t.Context()))
			if tt.trace == "" {
				assert.Empty(t, c.spans)
				return
			}
			require.Len(t, c.spans, 1)
			assert.Equal(t, tt.trace, hex.EncodeToString(c.spans[0].GetTraceId()))
			assert.Equal(t, tt.parent, hex.EncodeToString(c.spans[0].GetParentSpanId()))
			assert.Equal(t, tt.trace, log.lines(t)[0]["traceId"])
		})
	}
}

// TestDamagedTraces sends headers that are no traces: a new one begins.
func TestDamagedTraces(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", ";", "Root", "Root=1-2-3", "Root=1-67891233-abcdef012345678912345678;Parent=x", "Parent=53995c3f42cd8ad8"} {
		tel, log := start(t, "info", telemetry.Options{})
		get(tel.Middleware(mux(routes)), "/any/", "X-Amzn-Trace-Id", header)
		assert.NotContains(t, log.lines(t)[0], "traceId", header)
	}
}

func TestTracingOff(t *testing.T) {
	t.Parallel()
	tel, _ := start(t, "info", telemetry.Options{})
	handler := tel.Middleware(mux(map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) {
		ctx, end := tel.Observe(r.Context(), "ping")
		assert.False(t, trace.SpanContextFromContext(ctx).IsValid())
		end("", false)
	}}))
	get(handler, "/")
	assert.NoError(t, tel.Shutdown(t.Context()))
}

func TestTracingOptions(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"localhost:4318", "grpc://localhost:4317", "/v1", "http://", "http://a b"} {
		_, err := telemetry.New(&telemetry.Options{OTLPEndpoint: endpoint})
		assert.ErrorContains(t, err, "set OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	}
	for _, ratio := range []float64{-1, 1.1} {
		_, err := telemetry.New(&telemetry.Options{OTLPEndpoint: "http://localhost:4318", SampleRatio: ratio})
		assert.ErrorContains(t, err, "trace sample ratio must be from 0 to 1, got ")
	}
}

// TestShutdownGivesUp has a collector that does not answer.
func TestShutdownGivesUp(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer srv.Close()
	defer close(stop)
	tel, _ := start(t, "info", telemetry.Options{OTLPEndpoint: srv.URL, SampleRatio: 1})
	get(tel.Middleware(mux(routes)), "/any/")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	assert.ErrorContains(t, tel.Shutdown(ctx), "exporting spans: ")
	assert.Less(t, time.Since(began), 5*time.Second)
}
