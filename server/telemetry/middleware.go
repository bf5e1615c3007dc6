package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// probes are the paths of health checks. While they succeed they are logged at
// debug level only; they are never traced, do not count in CloudWatch's metrics
// over all routes, and their handlers get the request as it came, without ids.
var probes = []string{"/health", "/livez"}

// tooSlow is when an answer comes too late to count as one. 503 is left out of what
// counts as failed: the server answers it to those who ask for too much, and
// whether the traffic leaves a colour must not be theirs to decide.
const tooSlow = 2 * time.Second

// Middleware gives every request of next an id, counts, times, logs and traces
// it, and answers panics with status 500. It belongs outside of everything
// else.
//
// The route is the pattern that an [http.ServeMux] leaves in the request. It
// cannot be seen when a middleware in between passes on a copy, such as one
// from [http.Request.WithContext]: then wrap the mux in [Routed].
func (t *Telemetry) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ex := t.begin(w, r)
		defer ex.end()
		next.ServeHTTP(ex, ex.request)
	})
}

// Routed tells [Telemetry.Middleware] the route of a request that was copied on
// its way to the mux. It stands directly around the mux.
func Routed(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ex, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
			defer func() { ex.pattern = r.Pattern }()
		}
		mux.ServeHTTP(w, r)
	})
}

func (t *Telemetry) begin(w http.ResponseWriter, r *http.Request) *exchange {
	ex := &exchange{ResponseWriter: w, t: t, start: time.Now(), id: [1]string{requestID(r.Header)}, request: r}
	w.Header()[requestIDHeader] = ex.id[:]
	ex.ctx = context.WithValue(r.Context(), exchangeKey{}, ex)
	if ex.probe = slices.Contains(probes, r.URL.Path); !ex.probe {
		ex.ctx, ex.span = t.startSpan(extract(ex.ctx, r.Header), r.Method)
		ex.request = r.WithContext(ex.ctx)
	}
	t.inFlight.Inc()
	return ex
}

// end is deferred by the middleware, since only there a panic can be recovered.
func (ex *exchange) end() {
	cause := recover()
	cut := cause != nil && ex.panicked(cause)
	now := time.Now()
	status := cmp.Or(ex.status, http.StatusOK)
	route, method := ex.route(), knownMethod(ex.request.Method)

	ex.t.inFlight.Dec()
	s := ex.t.requests.of(requestKey{route, method, min(status/100, len(classes)-1)})
	s.total.Inc()
	took := cmp.Or(ex.started, now).Sub(ex.start)
	s.seconds.Observe(took.Seconds())
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable || took > tooSlow {
		ex.t.failed.WithLabelValues(route).Inc()
	}
	ex.endSpan(route, method, status)
	ex.log(now, route, method, status)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// panicked answers with status 500, or reports that the connection must be cut:
// because the handler wants it, or because an answer has begun that must not
// look complete.
func (ex *exchange) panicked(cause any) (cut bool) {
	begun := ex.status != 0
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		ex.status = cmp.Or(ex.status, http.StatusInternalServerError)
		return true
	}
	ex.t.panics.Inc()
	ex.t.log.ErrorContext(ex.ctx, "panic", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if begun {
		return true
	}
	h := ex.Header()
	h.Del("Content-Length") // of the answer that was planned
	h.Del("Content-Encoding")
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	ex.WriteHeader(http.StatusInternalServerError)
	_, _ = ex.Write([]byte(`{"error":"internal error"}` + "\n"))
	return false
}

// log writes the request's line. It does without [slog.Logger.LogAttrs], which
// looks up its caller.
func (ex *exchange) log(now time.Time, route, method string, status int) {
	level := slog.LevelInfo
	switch {
	case ex.meant, ex.probe && status < http.StatusBadRequest:
		level = slog.LevelDebug
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	h := ex.t.log.Handler()
	if !h.Enabled(ex.ctx, level) {
		return
	}
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(
		slog.String("route", route),
		slog.String("method", method),
		slog.Int("status", status),
		slog.Float64("durationMs", float64(now.Sub(ex.start).Microseconds())/1000),
		slog.Int64("bytes", ex.bytes),
	)
	_ = h.Handle(ex.ctx, line)
}

// route is the path of the pattern that matched. "/" matches what nothing else
// does, so it is Other too. So is CONNECT, for which the mux leaves the path of
// the request where it redirects.
func (ex *exchange) route() string {
	pattern := cmp.Or(ex.pattern, ex.request.Pattern)
	if i := strings.LastIndexByte(pattern, ' '); i >= 0 {
		pattern = pattern[i+1:] // behind the method
	}
	if pattern == "" || pattern == "/" || ex.request.Method == http.MethodConnect {
		return Other
	}
	return pattern
}

// knownMethod keeps clients from inventing labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return Other
}
