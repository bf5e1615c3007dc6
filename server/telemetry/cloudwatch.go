package telemetry

import "github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry/emf"

// How CloudWatch splits metrics.
var (
	byRoute   = emf.By{Label: "route", Dimension: "Route"}
	byMethod  = emf.By{Label: "method", Dimension: "Method"}
	byReason  = emf.By{Label: "reason", Dimension: "Reason"}
	byBreaker = emf.By{Label: "name", Dimension: "Breaker"}
)

// exported is what CloudWatch gets. Each row costs a metric per colour and per
// value of its label; what is not here is for Prometheus only.
var exported = []emf.Metric{
	{Name: "Requests", Unit: "Count", Family: "codeflow_http_requests_total", By: byRoute},
	{Name: "Errors4xx", Unit: "Count", Family: "codeflow_http_requests_total", Label: "class", Value: "4xx", By: byRoute},
	{Name: "Errors5xx", Unit: "Count", Family: "codeflow_http_requests_total", Label: "class", Value: "5xx", By: byRoute},
	{Name: "Latency", Unit: "Milliseconds", Scale: 1000, Family: "codeflow_http_request_duration_seconds", By: byRoute},
	// Its average is the share of the requests that failed: Route 53's health checks
	// take an alarm on one metric and no expression.
	{Name: "FailedShare", Unit: "None", Family: "codeflow_http_requests_failed_total", Of: "codeflow_http_requests_total", By: byRoute},
	{Name: "InFlight", Unit: "Count", Family: "codeflow_http_requests_in_flight"},
	{Name: "Panics", Unit: "Count", Family: "codeflow_panics_total"},
	{Name: "Refused", Unit: "Count", Family: "codeflow_http_requests_refused_total", By: byReason},
	{Name: "McpCalls", Unit: "Count", Family: "codeflow_mcp_calls_total", By: byMethod},
	{Name: "McpErrors", Unit: "Count", Family: "codeflow_mcp_calls_total", Label: "outcome", Value: "error", By: byMethod},
	{Name: "McpLatency", Unit: "Milliseconds", Scale: 1000, Family: "codeflow_mcp_call_duration_seconds", By: byMethod},
	{Name: "UsageEventsRecorded", Unit: "Count", Family: "codeflow_usage_events_recorded_total"},
	{Name: "UsageEventsWritten", Unit: "Count", Family: "codeflow_usage_events_written_total"},
	{Name: "UsageEventsDropped", Unit: "Count", Family: "codeflow_usage_events_dropped_total"},
	{Name: "UsageEventsWaiting", Unit: "Count", Family: "codeflow_usage_events_waiting"},
	{Name: "DatabaseRestorableAge", Unit: "Seconds", Family: "codeflow_database_restorable_age_seconds"},
	{Name: "BreakerOpened", Unit: "Count", Family: "codeflow_breaker_transitions_total", Label: "to", Value: "open", By: byBreaker},
	// 1 is open, 0.5 half-open, 0 closed.
	{Name: "BreakerOpen", Unit: "None", Scale: 0.5, Family: "codeflow_breaker_state", By: byBreaker},
}
