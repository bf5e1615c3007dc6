// Package collector stands in for the AWS Distro for OpenTelemetry's collector,
// whose image the sandbox cannot pull: it receives spans by OTLP/HTTP, as protobuf
// or JSON, counts them and remembers the last traces.
//
// It has no configuration, takes no metrics and no logs, samples nothing, and sends
// nothing to X-Ray.
//
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
package collector

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds a request, unpacked, and remembered the traces that are kept.
const maxBody, remembered = 16 << 20, 20

// Collector is an http.Handler for the requests of exporters. Its zero value has
// received nothing.
type Collector struct {
	mu       sync.Mutex
	received Received
}

// Received is what exporters have sent.
type Received struct {
	Spans int `json:"spans"`
	// Traces are the last ones, the newest first.
	Traces []Trace `json:"traces"`
}

// Trace is a trace by its root: the span without a parent, or a server's, whose
// parent is the client's.
type Trace struct {
	ID       string        `json:"id"` // in hexadecimal.
	Name     string        `json:"name"`
	Service  string        `json:"service"`
	Duration time.Duration `json:"duration"`
}

// Received returns what was received until now.
func (c *Collector) Received() Received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Received{c.received.Spans, slices.Clone(c.received.Traces)}
}

const (
	tracesPath = "/v1/traces"
	protobuf   = "application/x-protobuf"
	jsonText   = "application/json"
)

func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != tracesPath {
		http.Error(w, "the sandbox's collector takes POST "+tracesPath+" only", http.StatusNotFound)
		return
	}
	var request collected.ExportTraceServiceRequest
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := read(r)
	switch {
	case err != nil:
	case kind == protobuf:
		err = proto.Unmarshal(body, &request)
	case kind == jsonText:
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, &request)
	default:
		err = fmt.Errorf("Content-Type must be %s or %s, got %q", protobuf, jsonText, kind)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.take(&request, kind == jsonText)
	w.Header().Set("Content-Type", kind)
	if kind == jsonText {
		_, _ = io.WriteString(w, "{}") // to a client that is gone.
	}
}

func read(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unpacked
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if len(data) > maxBody {
		return nil, fmt.Errorf("the body must have at most %d bytes", maxBody)
	}
	return data, err
}

func (c *Collector) take(request *collected.ExportTraceServiceRequest, text bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		service := serviceName(resource.GetResource().GetAttributes())
		for _, scope := range resource.ScopeSpans {
			c.received.Spans += len(scope.Spans)
			for _, span := range scope.Spans {
				if len(span.ParentSpanId) > 0 && span.Kind != trace.Span_SPAN_KIND_SERVER {
					continue
				}
				id := hex.EncodeToString(span.TraceId)
				if text { // OTLP's JSON has ids in hexadecimal, which was read as base64.
					id = base64.StdEncoding.EncodeToString(span.TraceId)
				}
				root := Trace{id, span.Name, service, time.Duration(span.EndTimeUnixNano - span.StartTimeUnixNano)}
				c.received.Traces = slices.Insert(c.received.Traces, 0, root)
			}
		}
	}
	c.received.Traces = c.received.Traces[:min(len(c.received.Traces), remembered)]
}

func serviceName(attributes []*common.KeyValue) string {
	for _, a := range attributes {
		if a.Key == "service.name" {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
