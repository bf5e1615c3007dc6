// These tests run the middleware under a real HTTP server, on loopback.
package telemetry_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

// TestPassThrough does through the middleware what only the server's own
// response writer can do.
func TestPassThrough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"flusher": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // before the first write
			_, _ = io.WriteString(w, "flushed")
		}, "flushed"},
		"controller": {func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			_, _ = io.WriteString(w, "first,")
			assert.NoError(t, c.Flush())
			assert.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
			_, _ = io.WriteString(w, "second")
		}, "first,second"},
		"hijack": {func(w http.ResponseWriter, _ *http.Request) {
			conn, buf, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close()
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
			_ = buf.Flush()
		}, "hijacked"},
		"informational": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "after hints")
		}, "after hints"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel, _ := start(t, "info", telemetry.Options{})
			middleware, counted := tel.Middleware(mux(map[string]http.HandlerFunc{"/x": tt.handler})), make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(counted)
				middleware.ServeHTTP(w, r)
			}))
			defer srv.Close()
			resp, err := srv.Client().Get(srv.URL + "/x")
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(body))
			<-counted
			assert.Equal(t, "1", scrape(t, tel)[`codeflow_http_requests_total{class="2xx",method="GET",route="/x"}`])
		})
	}
}

// TestFlushArrives reads an event before the handler is done.
func TestFlushArrives(t *testing.T) {
	t.Parallel()
	tel, _ := start(t, "info", telemetry.Options{})
	read := make(chan struct{})
	srv := httptest.NewServer(tel.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n")
		assert.NoError(t, http.NewResponseController(w).Flush())
		<-read
	})))
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "data: 1\n", line)
	assert.Equal(t, "1", scrape(t, tel)["codeflow_http_requests_in_flight"])
	close(read)
}

// TestCutConnection panics amid an answer: the client must see that it is not
// whole.
func TestCutConnection(t *testing.T) {
	t.Parallel()
	tel, _ := start(t, "error", telemetry.Options{})
	srv := httptest.NewServer(tel.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		assert.NoError(t, http.NewResponseController(w).Flush())
		panic("boom")
	})))
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// TestLatency counts an event stream as answered when it starts.
func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tel, log := start(t, "info", telemetry.Options{})
		handler := tel.Middleware(mux(map[string]http.HandlerFunc{
			"/slow": func(http.ResponseWriter, *http.Request) { time.Sleep(1500 * time.Millisecond) },
			"/stream": func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(40 * time.Millisecond)
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				w.WriteHeader(http.StatusOK)
				time.Sleep(time.Hour)
			},
		}))
		get(handler, "/slow")
		get(handler, "/stream")

		series := scrape(t, tel)
		assert.Equal(t, "1.5", series[`codeflow_http_request_duration_seconds_sum{route="/slow"}`])
		assert.Equal(t, "0", series[`codeflow_http_request_duration_seconds_bucket{route="/slow",le="1"}`])
		assert.Equal(t, "1", series[`codeflow_http_request_duration_seconds_bucket{route="/slow",le="2"}`])
		assert.Equal(t, "0.04", series[`codeflow_http_request_duration_seconds_sum{route="/stream"}`])
		assert.InDelta(t, 1500.0, log.lines(t)[0]["durationMs"], 0)
		assert.InDelta(t, 3600040.0, log.lines(t)[1]["durationMs"], 0, "the log has the whole")
	})
}
