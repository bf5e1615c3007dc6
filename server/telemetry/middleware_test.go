// These tests run the middleware around an http.ServeMux in this process.
package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

var routes = map[string]http.HandlerFunc{
	"GET /health":               ok,
	"GET /livez":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"GET /api/v1/agents/{name}": ok,
	"POST /mcp":                 ok,
	"/any/":                     ok,
	"example.com/hosted":        ok,
	"/":                         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
}

func TestRequestLine(t *testing.T) {
	t.Parallel()
	tel, log := start(t, "info", telemetry.Options{})
	rec := get(tel.Middleware(mux(routes)), "/api/v1/agents/secret-path?token=secret-query",
		"Authorization", "Bearer secret-token", "Cookie", "secret-cookie", "X-Request-Id", "a.b_c-1",
		"X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678")
	assert.Equal(t, http.StatusOK, rec.Code)

	line := log.lines(t)[0]
	assert.Equal(t, []string{
		"bytes", "color", "durationMs", "level", "method", "msg", "requestId", "route", "service", "status", "timestamp", "traceId", "version",
	}, keys(line))
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, line["timestamp"])
	assert.GreaterOrEqual(t, line["durationMs"], 0.0)
	delete(line, "timestamp")
	delete(line, "durationMs")
	assert.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "service": "codeflow-server", "color": "blue", "version": "1.2.3",
		"route": "/api/v1/agents/{name}", "method": "GET", "status": 200.0, "bytes": 4.0,
		"requestId": "a.b_c-1", "traceId": "67891233abcdef012345678912345678",
	}, line)
	assert.NotContains(t, log.String(), "secret")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, target string
		level, route   string
		status         int
	}{
		"health check":        {"GET", "/health", "DEBUG", "/health", 200},
		"failed health check": {"GET", "/livez", "ERROR", "/livez", 503},
		"parameter":           {"GET", "/api/v1/agents/a", "INFO", "/api/v1/agents/{name}", 200},
		"any method":          {"BREW", "/any/thing", "INFO", "/any/", 200},
		"host":                {"GET", "http://example.com/hosted", "INFO", "example.com/hosted", 200},
		"catch-all":           {"GET", "/wp-admin", "INFO", "other", 404},
		"cleaned path":        {"GET", "/any/../wp", "INFO", "other", 307},
		"connect":             {"CONNECT", "/any", "INFO", "other", 307},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel, log := start(t, "debug", telemetry.Options{})
			rec := httptest.NewRecorder()
			tel.Middleware(mux(routes)).ServeHTTP(rec, httptest.NewRequest(tt.method, tt.target, nil))
			line := log.lines(t)[0]
			assert.Equal(t, tt.status, rec.Code)
			assert.EqualValues(t, tt.status, line["status"])
			assert.Equal(t, tt.route, line["route"])
			assert.Equal(t, tt.level, line["level"])
			method := strings.Replace(strings.Replace(tt.method, "BREW", "other", 1), "CONNECT", "other", 1)
			assert.Equal(t, method, line["method"])
		})
	}
}

// TestExpected has a handler that tells that its answer is no failure.
func TestExpected(t *testing.T) {
	t.Parallel()
	tel, log := start(t, "debug", telemetry.Options{})
	get(tel.Middleware(mux(map[string]http.HandlerFunc{"/health": func(w http.ResponseWriter, _ *http.Request) {
		w.(interface{ Expected() }).Expected()
		w.WriteHeader(http.StatusServiceUnavailable)
	}})), "/health")
	assert.Equal(t, "DEBUG", log.lines(t)[0]["level"])
}

// TestNoRoute has a mux without catch-all.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	tel, log := start(t, "info", telemetry.Options{})
	handler := tel.Middleware(mux(map[string]http.HandlerFunc{"POST /mcp": ok}))
	assert.Equal(t, http.StatusNotFound, get(handler, "/nothing").Code)
	assert.Equal(t, http.StatusMethodNotAllowed, get(handler, "/mcp").Code)
	for _, line := range log.lines(t) {
		assert.Equal(t, "other", line["route"])
	}
}

// TestRouted has a middleware in between that copies the request.
func TestRouted(t *testing.T) {
	t.Parallel()
	tel, log := start(t, "info", telemetry.Options{})
	type key struct{}
	copying := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
		})
	}
	get(tel.Middleware(copying(mux(routes))), "/any/1")
	get(tel.Middleware(copying(telemetry.Routed(mux(routes)))), "/any/1")
	assert.Equal(t, "other", log.lines(t)[0]["route"], "the copy hides it")
	assert.Equal(t, "/any/", log.lines(t)[1]["route"])
	assert.Equal(t, http.StatusOK, get(telemetry.Routed(mux(routes)), "/any/1").Code, "it needs no middleware")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"abc": true, "A-Z_0.9": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\n": false, "é": false, `"`: false,
	}
	for sent, keep := range tests {
		tel, log := start(t, "info", telemetry.Options{})
		got := get(tel.Middleware(mux(routes)), "/any/", "X-Request-Id", sent).Header().Get("X-Request-Id")
		assert.Equal(t, got, log.lines(t)[0]["requestId"])
		if keep {
			assert.Equal(t, sent, got)
		} else {
			assert.Regexp(t, "^[0-9a-f]{32}$", got, sent)
		}
	}
}

// TestHandlerLogs finds the request's ids in a handler's own lines.
func TestHandlerLogs(t *testing.T) {
	t.Parallel()
	log := &container{}
	level, err := telemetry.ParseLevel("info")
	require.NoError(t, err)
	logger := telemetry.NewLogger(log, level, "s", "1", "")
	tel, err := telemetry.New(&telemetry.Options{Logger: logger})
	require.NoError(t, err)
	handler := tel.Middleware(mux(map[string]http.HandlerFunc{"/x": func(_ http.ResponseWriter, r *http.Request) {
		logger.With("k", "v").InfoContext(r.Context(), "inside")
	}}))
	get(handler, "/x", "X-Request-Id", "one", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	get(handler, "/x", "X-Request-Id", "two")

	lines := log.lines(t)
	assert.Equal(t, []any{"inside", "v", "one", "0af7651916cd43dd8448eb211c80319c"},
		[]any{lines[0]["msg"], lines[0]["k"], lines[0]["requestId"], lines[0]["traceId"]})
	assert.Equal(t, []any{"two", nil}, []any{lines[2]["requestId"], lines[2]["traceId"]})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	tel, log := start(t, "info", telemetry.Options{})
	handler := tel.Middleware(mux(map[string]http.HandlerFunc{
		"/early": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			panic(errors.New("boom"))
		},
		"/late": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic("boom")
		},
		"/abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"/code":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(0) },
	}))

	rec := get(handler, "/early")
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	assert.NotEmpty(t, rec.Header().Get("X-Request-Id"))
	assert.Empty(t, rec.Header().Get("Content-Length"))
	assert.JSONEq(t, `{"error":"internal error"}`, rec.Body.String())
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { get(handler, "/late") }, "half an answer must not look whole")
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { get(handler, "/abort") })
	assert.Equal(t, http.StatusInternalServerError, get(handler, "/code").Code, "a status that net/http refuses")

	lines := log.lines(t)
	assert.Equal(t, []any{"panic", "ERROR", "boom"}, []any{lines[0]["msg"], lines[0]["level"], lines[0]["panic"]})
	assert.Contains(t, lines[0]["stack"], "middleware_test.go")
	assert.Equal(t, rec.Header().Get("X-Request-Id"), lines[0]["requestId"])
	assert.Equal(t, []any{"request", "ERROR", "/early", 500.0}, []any{lines[1]["msg"], lines[1]["level"], lines[1]["route"], lines[1]["status"]})

	series := scrape(t, tel)
	assert.Equal(t, "3", series["codeflow_panics_total"])
	assert.Equal(t, "0", series["codeflow_http_requests_in_flight"])
	assert.Equal(t, "1", series[`codeflow_http_requests_total{class="2xx",method="GET",route="/late"}`])
	assert.Equal(t, "1", series[`codeflow_http_requests_total{class="5xx",method="GET",route="/abort"}`])
}
