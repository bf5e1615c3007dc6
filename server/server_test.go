// These tests run the server in this process; the image is not started.
package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// testBundle returns a valid bundle of one agent and its digest.
func testBundle(t *testing.T) (fstest.MapFS, string) {
	t.Helper()
	agent := []byte("text")
	m := &manifest.Manifest{
		SchemaVersion: manifest.SchemaVersion,
		Agents:        []manifest.Entry{{Name: "a", Path: "agents/a.md", SHA256: manifest.Sum(agent)}},
	}
	m.BundleDigest = m.Digest()
	data, err := m.Encode()
	require.NoError(t, err)
	return fstest.MapFS{"manifest.json": {Data: data}, "agents/a.md": {Data: agent}}, m.BundleDigest
}

func options() *server.Options {
	return &server.Options{
		Color:  "blue",
		Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return time.Date(2025, 9, 13, 14, 0, 0, 0, time.FixedZone("", 7200)) },
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	good, digest := testBundle(t)
	bad, _ := testBundle(t)
	bad["agents/a.md"].Data = []byte("changed")

	tests := map[string]struct {
		bundle       fstest.MapFS
		method, path string
		status       int
		want         map[string]any // nil: no body
	}{
		"healthy": {good, "GET", "/health", 200, map[string]any{
			"status": "healthy", "timestamp": "2025-09-13T12:00:00Z",
			"version": server.Version, "bundleDigest": digest, "color": "blue",
		}},
		"head": {good, "HEAD", "/health", 200, nil},
		"no bundle": {fstest.MapFS{}, "GET", "/health", 503, map[string]any{
			"status": "unhealthy", "timestamp": "2025-09-13T12:00:00Z",
			"version": server.Version, "bundleDigest": "", "color": "blue",
			"reason": "reading the bundle's manifest: open manifest.json: file does not exist",
		}},
		"damaged bundle, head": {bad, "HEAD", "/health", 503, nil},
		"unknown path":         {good, "GET", "/nothing", 404, map[string]any{"error": "not found"}},
		"wrong method":         {good, "POST", "/health", 404, map[string]any{"error": "not found"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(server.New(tt.bundle, options()))
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, srv.URL+tt.path, nil)
			require.NoError(t, err)
			resp, err := srv.Client().Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)

			assert.Equal(t, tt.status, resp.StatusCode)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
			if tt.want == nil {
				assert.Empty(t, body)
				return
			}
			var got map[string]any
			require.NoError(t, json.Unmarshal(body, &got))
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestNewDefaults(t *testing.T) {
	t.Parallel()
	bundle, _ := testBundle(t)
	rec := httptest.NewRecorder()
	server.New(bundle, nil).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/health", nil))
	var body struct{ Timestamp time.Time }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &body))
	assert.WithinDuration(t, time.Now(), body.Timestamp, time.Minute)
}

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	good, _ := testBundle(t)
	healthy := httptest.NewServer(server.New(good, options()))
	defer healthy.Close()
	require.NoError(t, server.CheckHealth(t.Context(), healthy.URL))

	unhealthy := httptest.NewServer(server.New(fstest.MapFS{}, options()))
	defer unhealthy.Close()
	err := server.CheckHealth(t.Context(), unhealthy.URL)
	assert.ErrorContains(t, err, "answered 503 Service Unavailable")
	assert.ErrorContains(t, err, "reading the bundle's manifest", "the reason is passed on")

	unhealthy.Close()
	assert.ErrorContains(t, server.CheckHealth(t.Context(), unhealthy.URL), "checking health")
	assert.ErrorContains(t, server.CheckHealth(t.Context(), ":bad"), "checking health")
}

// TestServeDrains stops the server while a request is being answered: the
// request must finish, new ones must be refused.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	started, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-release
		_, _ = io.WriteString(w, "done")
	})

	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener, handler) }()
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()

	<-started
	stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond, "the listener closes at once")
	close(release)
	assert.Equal(t, "done", <-answer)
	assert.NoError(t, <-served)
}

func TestServeClosedListener(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	assert.ErrorContains(t, server.Serve(t.Context(), listener, http.NotFoundHandler()), "serving on 127.0.0.1")
}
