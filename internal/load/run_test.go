//go:build linux

package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial connects to a server of its own.
func dial(t *testing.T, connections int, handler http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	client, err := Dial(strings.TrimPrefix(srv.URL, "http://"), connections)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client, srv
}

func TestRunCounts(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 100_000) // more than the server's buffer: in chunks
	for name, handler := range map[string]http.HandlerFunc{
		"whole":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) },
		"chunks": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(large)) },
		"closing": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = w.Write([]byte("ok"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := dial(t, 5, handler)
			got, err := client.Run(t.Context(), Plan{Request: Request("h", "/", nil), Duration: 10 * time.Second, Count: 50})
			require.NoError(t, err)
			assert.Equal(t, map[int]int{200: 50}, got.Answers)
			assert.Equal(t, 50, got.Latency.Count())
			assert.Positive(t, got.PerSecond())
			assert.Zero(t, got.Unanswered)
			require.NoError(t, got.Err)
		})
	}
}

// An open loop counts what a stalled server keeps others waiting for.
func TestRunRate(t *testing.T) {
	t.Parallel()
	first := true
	client, _ := dial(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			time.Sleep(100 * time.Millisecond)
		}
		first = false
		w.WriteHeader(http.StatusNoContent)
	})
	got, err := client.Run(t.Context(), Plan{Request: Request("h", "/", []byte("{}")), Duration: 200 * time.Millisecond, Rate: 1000})
	require.NoError(t, err)
	assert.Equal(t, map[int]int{204: 200}, got.Answers)
	assert.Greater(t, got.Latency.Quantile(0.7), 20*time.Millisecond, "a third waits for the first")
}

func TestRunUnanswered(t *testing.T) {
	t.Parallel()
	client, srv := dial(t, 1, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	got, err := client.Run(t.Context(), Plan{Request: Request("h", "/", nil), Duration: 100 * time.Millisecond, Rate: 50})
	require.NoError(t, err)
	assert.Empty(t, got.Answers)
	assert.Equal(t, 5, got.Unanswered)
	assert.Greater(t, got.Latency.Quantile(0.01), grace)
	assert.Zero(t, got.PerSecond())

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client.Run(ctx, Plan{Request: Request("h", "/", nil), Duration: time.Minute})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	srv.CloseClientConnections()
}

func TestRunBroken(t *testing.T) {
	t.Parallel()
	client, srv := dial(t, 2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	got, err := client.Run(t.Context(), Plan{Request: Request("h", "/", nil), Duration: 10 * time.Second, Count: 10})
	require.NoError(t, err)
	assert.Equal(t, 10, got.Broken)
	require.ErrorContains(t, got.Err, "EOF")

	srv.Close()
	_, err = client.Run(t.Context(), Plan{Request: Request("h", "/", nil), Duration: time.Second})
	assert.ErrorContains(t, err, "connect: connection refused")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"192.0.2.1:80", "[2001:db8::1]:80", "0.0.0.0:80"} {
		_, err := Dial(address, 1)
		require.ErrorContains(t, err, "loopback")
	}
	_, err := Dial("localhost:80", 1)
	require.ErrorContains(t, err, "dialing")
	_, err = Dial("[::1]:1", 1)
	require.ErrorContains(t, err, "connection 0")

	client, _ := dial(t, 1, http.NotFound)
	for want, plan := range map[string]Plan{
		"the request":  {Duration: time.Second},
		"the duration": {Request: []byte("x"), Duration: time.Hour},
		"the rate":     {Request: []byte("x"), Duration: time.Second, Rate: 1e9},
	} {
		_, err := client.Run(t.Context(), plan)
		assert.ErrorContains(t, err, want)
	}
}

// BenchmarkRun is the generator's own limit: the other side is a server that
// does nothing but answer.
func BenchmarkRun(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer srv.Close()
	client, err := Dial(strings.TrimPrefix(srv.URL, "http://"), 32)
	require.NoError(b, err)
	defer client.Close()
	got, err := client.Run(b.Context(), Plan{Request: Request("h", "/", nil), Duration: time.Minute, Count: b.N})
	require.NoError(b, err)
	b.ReportMetric(got.PerSecond(), "requests/s")
}
