package telemetry_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// container is the log of a container, with what was written so far.
type container struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (c *container) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *container) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

// lines decodes every line.
func (c *container) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(c.String()) {
		var l map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		lines = append(lines, l)
	}
	return lines
}

// start returns telemetry that logs to a container, from a level on.
func start(t *testing.T, level string, opts telemetry.Options) (*telemetry.Telemetry, *container) {
	t.Helper()
	log := &container{}
	l, err := telemetry.ParseLevel(level)
	require.NoError(t, err)
	opts.Service, opts.Version, opts.Color = "codeflow-server", "1.2.3", "blue"
	opts.Logger, opts.Log = telemetry.NewLogger(log, l, opts.Service, opts.Version, opts.Color), log
	tel, err := telemetry.New(&opts)
	require.NoError(t, err)
	return tel, log
}

// get asks a handler for a path, with headers as name and value.
func get(handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

// scrape is what Prometheus reads, by series.
func scrape(t *testing.T, tel *telemetry.Telemetry) map[string]string {
	t.Helper()
	series := map[string]string{}
	for line := range strings.Lines(get(tel.MetricsHandler(), "/metrics").Body.String()) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			series[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return series
}

// mux is a server's, with a route of each kind.
func mux(handlers map[string]http.HandlerFunc) *http.ServeMux {
	m := http.NewServeMux()
	for pattern, handler := range handlers {
		m.HandleFunc(pattern, handler)
	}
	return m
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) }
