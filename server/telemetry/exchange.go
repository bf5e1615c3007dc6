package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// exchange is one request and its answer. It is the [http.ResponseWriter] of
// the handlers and the value of their context. It is not reused: a handler may
// keep its context.
type exchange struct {
	http.ResponseWriter
	t       *Telemetry
	ctx     context.Context
	request *http.Request // a copy, which carries the context
	probe   bool          // a health check
	meant   bool          // set by Expected
	pattern string        // set by Routed
	span    trace.Span    // nil: not traced
	id      [1]string     // the value of the response header
	start   time.Time
	started time.Time // of an event stream
	status  int       // 0: nothing is written yet
	bytes   int64
}

type exchangeKey struct{}

// Unwrap lets [http.ResponseController] do what the exchange does not, such as
// hijacking and deadlines.
func (ex *exchange) Unwrap() http.ResponseWriter { return ex.ResponseWriter }

// WriteHeader notes the first final status.
func (ex *exchange) WriteHeader(status int) {
	ex.ResponseWriter.WriteHeader(status)
	if ex.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		ex.status = status
		// An event stream is open for as long as its client likes: its latency
		// is the time until it starts.
		if t := ex.Header()["Content-Type"]; len(t) > 0 && strings.HasPrefix(t[0], "text/event-stream") {
			ex.started = time.Now()
		}
	}
}

// Write notes the bytes of the body.
func (ex *exchange) Write(p []byte) (int, error) {
	if ex.status == 0 {
		ex.WriteHeader(http.StatusOK)
	}
	n, err := ex.ResponseWriter.Write(p)
	ex.bytes += int64(n)
	return n, err
}

// Expected says that the answer is no failure whatever its status, such as that
// of a health check of a server that stops: its line is for debugging. A handler
// finds it by asking the [http.ResponseWriter] for this method.
func (ex *exchange) Expected() { ex.meant = true }

// Flush is for handlers that ask for an [http.Flusher].
func (ex *exchange) Flush() { _ = ex.FlushError() }

// FlushError is what [http.ResponseController] calls.
func (ex *exchange) FlushError() error {
	if ex.status == 0 {
		ex.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(ex.ResponseWriter).Flush()
}
