// Package telemetry is what the server tells about itself: logs, metrics and
// traces. A [Telemetry] is made once and its [Telemetry.Middleware] stands
// around everything else, so that each request has one identity in all three.
//
//   - Logs are JSON lines from [NewLogger]. A handler that logs with the
//     request's context gets requestId and traceId for free.
//   - Metrics live in a Prometheus registry of the server's own. They are read
//     from [Telemetry.MetricsHandler], and written to the log for CloudWatch
//     when a namespace is set; see package emf.
//   - Traces go to an OTLP endpoint with ids as AWS X-Ray needs them. Without an
//     endpoint nothing of OpenTelemetry runs.
//
// Nothing here holds what a user sent: no path, query, header or body. A route
// is the pattern of the mux, and labels are values from known sets.
package telemetry
