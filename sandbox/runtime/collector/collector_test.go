// These tests do not prove what AWS's collector does with spans.
package collector_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/collector"
)

func send(c *collector.Collector, path, kind, encoding string, body []byte) int {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Content-Encoding", encoding)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code
}

func TestSpans(t *testing.T) {
	t.Parallel()
	name := &common.KeyValue{Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "codeflow"}}}
	body, err := proto.Marshal(&collected.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{name}},
		ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{
			{TraceId: []byte{0xab, 1}, Name: "GET /", StartTimeUnixNano: 1000, EndTimeUnixNano: 3500},
			{TraceId: []byte{0xab, 1}, ParentSpanId: []byte{1}, Name: "tools/call"},
			{TraceId: []byte{0xcd}, ParentSpanId: []byte{1}, Name: "POST /mcp", Kind: trace.Span_SPAN_KIND_SERVER},
		}}},
	}}})
	require.NoError(t, err)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(body)
	require.NoError(t, w.Close())

	var c collector.Collector
	require.Equal(t, http.StatusOK, send(&c, "/v1/traces", "application/x-protobuf", "", body))
	assert.Equal(t, collector.Received{Spans: 3, Traces: []collector.Trace{
		{ID: "cd", Name: "POST /mcp", Service: "codeflow"}, {ID: "ab01", Name: "GET /", Service: "codeflow", Duration: 2500},
	}}, c.Received())
	for range 20 {
		require.Equal(t, http.StatusOK, send(&c, "/v1/traces", "application/x-protobuf", "gzip", packed.Bytes()))
	}
	assert.Equal(t, 63, c.Received().Spans)
	assert.Len(t, c.Received().Traces, 20)

	for want, request := range map[int][2]string{
		http.StatusNotFound:   {"/v1/metrics", "application/x-protobuf"},
		http.StatusBadRequest: {"/v1/traces", "text/plain"},
	} {
		assert.Equal(t, want, send(&c, request[0], request[1], "", body))
	}
	assert.Equal(t, http.StatusBadRequest, send(&c, "/v1/traces", "application/json", "", []byte(strings.Repeat("{", 9))))
}
