package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Headers with the trace of a request, in canonical form.
const (
	xrayHeader = "X-Amzn-Trace-Id"
	w3cHeader  = "Traceparent"
)

// propagator reads both headers; X-Ray's, which comes last, wins.
var propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, xray.Propagator{})

// extract returns a context with the trace that a request belongs to.
func extract(ctx context.Context, h http.Header) context.Context {
	if len(h[xrayHeader]) == 0 && len(h[w3cHeader]) == 0 {
		return ctx
	}
	ctx = propagator.Extract(ctx, propagation.HeaderCarrier(h))
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return withRoot(ctx, h.Get(xrayHeader))
}

// withRoot continues the trace of a load balancer. An ALB names a trace, the
// same as in its access log, but no span of its own (Root without Parent), and
// the propagator drops that: so it is lent a parent. Without a parent the sender
// has not decided on sampling either, and this server does.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
func withRoot(ctx context.Context, header string) context.Context {
	lent := propagation.MapCarrier{xrayHeader: header + ";Parent=0000000000000001"}
	span := trace.SpanContextFromContext(xray.Propagator{}.Extract(ctx, lent))
	return trace.ContextWithRemoteSpanContext(ctx, span.WithSpanID(trace.SpanID{}))
}
