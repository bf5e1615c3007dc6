// These benchmarks show what the middleware adds to a mux; sockets are not in
// them.
package telemetry_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

// nowhere is a response writer that costs nothing.
type nowhere http.Header

func (n nowhere) Header() http.Header       { return http.Header(n) }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func BenchmarkMiddleware(b *testing.B) {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }
	mux.HandleFunc("GET /health", answer)
	mux.HandleFunc("GET /api/v1/agents/{name}", answer)
	level, err := telemetry.ParseLevel("info")
	require.NoError(b, err)
	t, err := telemetry.New(&telemetry.Options{Logger: telemetry.NewLogger(io.Discard, level, "s", "1", "blue")})
	require.NoError(b, err)
	traced, err := telemetry.New(&telemetry.Options{Logger: slog.New(slog.DiscardHandler), OTLPEndpoint: "http://127.0.0.1:1"})
	require.NoError(b, err)

	alb := http.Header{"X-Amzn-Trace-Id": {"Root=1-67891233-abcdef012345678912345678"}}
	for _, bench := range []struct {
		name    string
		handler http.Handler
		path    string
		header  http.Header
	}{
		{"mux only", mux, "/health", nil},
		{"health", t.Middleware(mux), "/health", nil},
		{"logged", t.Middleware(mux), "/api/v1/agents/a", nil},
		{"logged, behind ALB", t.Middleware(mux), "/api/v1/agents/a", alb},
		{"unsampled span, no log", traced.Middleware(mux), "/api/v1/agents/a", alb},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest(http.MethodGet, bench.path, nil)
			r.Header = bench.header
			w := nowhere{}
			for b.Loop() {
				bench.handler.ServeHTTP(w, r)
			}
		})
	}
}
