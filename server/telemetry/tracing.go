package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"

// newTracerProvider returns nil when nothing is traced. Environment variables of
// OpenTelemetry, such as OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES,
// apply to what the options do not say.
func newTracerProvider(opts *Options, log *slog.Logger) (*sdktrace.TracerProvider, error) {
	if opts.OTLPEndpoint == "" {
		return nil, nil
	}
	endpoint, err := url.Parse(opts.OTLPEndpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return nil, fmt.Errorf("OTLP endpoint must be a URL like http://localhost:4318, got %q: set OTEL_EXPORTER_OTLP_ENDPOINT", opts.OTLPEndpoint)
	}
	if opts.SampleRatio < 0 || opts.SampleRatio > 1 {
		return nil, fmt.Errorf("trace sample ratio must be from 0 to 1, got %v", opts.SampleRatio)
	}
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(endpoint.JoinPath("v1/traces").String()))
	if err != nil {
		return nil, fmt.Errorf("starting the OTLP exporter: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans not exported", "error", err) }))
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithIDGenerator(xray.NewIDGenerator()),
		sdktrace.WithSampler(sampler(opts.SampleRatio)),
		sdktrace.WithResource(resource.NewSchemaless(
			semconv.ServiceName(opts.Service),
			semconv.ServiceVersion(opts.Version),
			attribute.String("deployment.color", opts.Color),
		)),
	), nil
}

// share samples a share of all requests by chance. What the sender says does not
// count, nor the id of its trace: anybody could have everything traced.
type share float64

func sampler(ratio float64) sdktrace.Sampler {
	s := share(ratio)
	return sdktrace.ParentBased(s, sdktrace.WithRemoteParentSampled(s), sdktrace.WithRemoteParentNotSampled(s))
}

// ShouldSample implements [sdktrace.Sampler].
func (s share) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if rand.Float64() < float64(s) { //nolint:gosec // it guards nothing
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// Description implements [sdktrace.Sampler].
func (s share) Description() string { return fmt.Sprintf("share{%g}", float64(s)) }

// startSpan starts the span of a request, or returns nil when it is not traced.
func (t *Telemetry) startSpan(ctx context.Context, method string) (context.Context, trace.Span) {
	if t.tracer == nil {
		return ctx, nil
	}
	return t.tracer.Start(ctx, knownMethod(method), trace.WithSpanKind(trace.SpanKindServer))
}

// endSpan ends the span by the conventions for HTTP servers, but without the
// path, which may hold what the user sent:
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/
func (ex *exchange) endSpan(route, method string, status int) {
	if ex.span == nil {
		return
	}
	ex.span.SetAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCode(status))
	if route != Other {
		ex.span.SetName(method + " " + route)
		ex.span.SetAttributes(semconv.HTTPRoute(route))
	}
	if status >= http.StatusInternalServerError {
		ex.span.SetStatus(codes.Error, "")
		ex.span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	ex.span.End()
}

// startCallSpan starts the span of an MCP request and returns what ends it:
// https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/
func (t *Telemetry) startCallSpan(ctx context.Context, method string) (context.Context, func(name string, failed bool)) {
	if t.tracer == nil {
		return ctx, func(string, bool) {}
	}
	ctx, span := t.tracer.Start(ctx, method, trace.WithAttributes(attribute.String("mcp.method.name", method)))
	return ctx, func(name string, failed bool) {
		if name != "" {
			span.SetName(method + " " + name)
		}
		if failed {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
