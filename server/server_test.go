// These tests run the server in this process; cmd/codeflow-server starts the
// program itself.
package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

func newServer(bundle fstest.MapFS, opts server.Options) *server.Server {
	opts.Color, opts.Logger = "blue", slog.New(slog.DiscardHandler)
	return server.New(bundle, &opts)
}

func get(handler http.Handler, method, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	return rec
}

// health returns the status of /health and the fields that are the same for
// every server.
func health(t *testing.T, handler http.Handler) (status int, body map[string]any) {
	t.Helper()
	rec := get(handler, http.MethodGet, "/health")
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &body))
	_, err := time.Parse(time.RFC3339, body["timestamp"].(string))
	require.NoError(t, err)
	assert.Equal(t, server.Version, body["version"])
	assert.Equal(t, "blue", body["color"])
	assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
	return rec.Code, body
}

type object = map[string]any

func TestHealthOfTheBundle(t *testing.T) {
	t.Parallel()
	good := newServer(bundletest.Small(t), server.Options{})
	status, body := health(t, good)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "healthy", body["status"])
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", body["bundleDigest"])
	assert.Equal(t, object{"bundle": object{"status": "healthy"}, "database": object{"status": "off"}}, body["checks"])

	damaged := bundletest.Small(t)
	damaged["agents/seo-master.md"].Data = []byte("changed")
	for name, tc := range map[string]struct {
		bundle fstest.MapFS
		want   string
	}{
		"none":    {fstest.MapFS{}, "reading the bundle's manifest: open manifest.json: file does not exist"},
		"damaged": {damaged, `verifying "seo-master"`},
	} {
		bad := newServer(tc.bundle, server.Options{})
		status, body := health(t, bad)
		assert.Equal(t, http.StatusServiceUnavailable, status, name)
		assert.Equal(t, "unhealthy", body["status"])
		assert.Contains(t, body["checks"].(object)["bundle"].(object)["reason"], tc.want)
		assert.Nil(t, bad.MCP())
		for _, path := range []string{"/", "/mcp", "/api/v1/agents"} {
			assert.Equal(t, http.StatusServiceUnavailable, get(bad, http.MethodGet, path).Code, path)
		}
	}
}

func TestHealthOfTheDatabase(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		required bool
		status   int
		want     string
	}{{false, http.StatusOK, "degraded"}, {true, http.StatusServiceUnavailable, "unhealthy"}} {
		synctest.Test(t, func(t *testing.T) {
			var checks atomic.Int32
			var failure error
			srv := newServer(bundletest.Small(t), server.Options{Database: &server.Database{
				Check: func(ctx context.Context) error {
					checks.Add(1)
					deadline, ok := ctx.Deadline()
					assert.True(t, ok)
					assert.LessOrEqual(t, time.Until(deadline), 2*time.Second)
					return failure
				},
				Breaker: func() string { return "closed" }, Required: tc.required,
			}})
			status, body := health(t, srv)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, object{"status": "healthy", "breaker": "closed"}, body["checks"].(object)["database"])

			failure = errors.New("password of host")
			status, _ = health(t, srv)
			assert.Equal(t, http.StatusOK, status, "an answer is good for a second")
			assert.Equal(t, int32(1), checks.Load())
			time.Sleep(time.Second + time.Millisecond)
			status, body = health(t, srv)
			assert.Equal(t, tc.status, status)
			assert.Equal(t, tc.want, body["status"])
			assert.Equal(t, object{"status": tc.want, "breaker": "closed", "reason": "the database cannot be used: see the log"},
				body["checks"].(object)["database"], "anybody may read it")

			failure = nil
			time.Sleep(time.Second + time.Millisecond)
			_, body = health(t, srv)
			assert.Equal(t, "healthy", body["status"])
			assert.Equal(t, int32(3), checks.Load())
		})
	}
}

// TestDatabaseFailureIsLoggedOnce repeats one failure, which names another port
// each time, before a different one.
func TestDatabaseFailureIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var failure error
		srv := server.New(bundletest.Small(t), &server.Options{
			Logger:   slog.New(slog.NewTextHandler(&log, nil)),
			Database: &server.Database{Check: func(context.Context) error { return failure }, Breaker: func() string { return "closed" }},
		})
		for _, text := range []string{
			"read tcp 10.0.0.1:40001->10.0.1.7:5432: reset", "read tcp 10.0.0.1:41234->10.0.2.9:5432: reset", "login failed", "",
			"read tcp 10.0.0.1:50002->10.0.1.7:5432: reset",
		} {
			failure = nil
			if text != "" {
				failure = errors.New(text)
			}
			get(srv, http.MethodGet, "/health")
			time.Sleep(time.Second + time.Millisecond)
		}
		assert.Equal(t, 3, strings.Count(log.String(), "database cannot be used"), log.String())
		assert.Equal(t, 1, strings.Count(log.String(), "can be used again"))
		assert.Contains(t, log.String(), "40001", "the text is logged as it is")
	})
}

// TestPage shows people how the server is, and its errors as pages.
func TestPage(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	ask := func(srv http.Handler) string {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Accept", "text/html")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		assert.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"))
		return rec.Body.String()
	}
	assert.Contains(t, ask(newServer(bundletest.Small(t), server.Options{Image: "sha256:0123456789abcdef"})),
		`blue · <a href="/health">healthy</a> · image <code title="sha256:0123456789abcdef">sha256:0123456789ab</code>`)
	assert.Contains(t, ask(newServer(bundletest.Small(t), server.Options{Guard: guard.Options{Tokens: tokens}})), "<h1>A token is needed</h1>")
	noBundle := ask(newServer(fstest.MapFS{}, server.Options{}))
	assert.Contains(t, noBundle, "<h1>Not available</h1>")
	assert.Contains(t, noBundle, `<a href="/health">unhealthy</a>`)
}

// TestRoutes lists who answers what; the packages test what they answer.
func TestRoutes(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	public := newServer(bundletest.Small(t), server.Options{})
	private := newServer(bundletest.Small(t), server.Options{Guard: guard.Options{Tokens: tokens}})
	for _, tc := range []struct {
		method, path             string
		public, private          int
		publicBody, publicHeader string
	}{
		{"GET", "/health", 200, 200, `"status":"healthy"`, "application/json"},
		{"HEAD", "/health", 200, 200, "", "application/json"},
		{"GET", "/livez", 200, 200, `{"status":"alive"}`, "application/json"},
		{"HEAD", "/livez", 200, 200, "", "application/json"},
		{"GET", "/api/v1/agents", 200, 401, "seo-master", "application/json"},
		{"GET", "/", 200, 401, "<!doctype html>", "text/html; charset=utf-8"},
		{"GET", "/mcp", 405, 401, `"error":{"code":-32600`, "application/json"},
		{"GET", "/mcp/", 405, 401, `"error":{"code":-32600`, "application/json"},
		{"POST", "/mcp/x", 405, 401, "", ""},
		{"GET", "/.well-known/oauth-protected-resource", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/.well-known/oauth-protected-resource/mcp", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/.well-known/oauth-authorization-server", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/.well-known/oauth-authorization-server/mcp", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/.well-known/openid-configuration", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/mcp/.well-known/openid-configuration", 404, 404, `{"error":"not_found"`, "application/json"},
		{"POST", "/register", 404, 404, `{"error":"not_found"`, "application/json"},
		{"POST", "/token", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/authorize", 404, 404, `{"error":"not_found"`, "application/json"},
		{"GET", "/registers", 404, 401, "", ""},
		{"GET", "/assets/", 404, 401, "", ""},
		{"GET", "/nothing", 404, 401, "", ""},
		{"POST", "/health", 405, 401, "", ""},
	} {
		rec := get(public, tc.method, tc.path)
		assert.Equal(t, tc.public, rec.Code, "%s %s", tc.method, tc.path)
		if tc.publicHeader != "" {
			assert.Equal(t, tc.publicHeader, rec.Header().Get("Content-Type"), tc.path)
		}
		assert.Contains(t, rec.Body.String(), tc.publicBody)
		assert.Equal(t, tc.private, get(private, tc.method, tc.path).Code, "%s %s, private", tc.method, tc.path)
	}
}

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	healthy := httptest.NewServer(newServer(bundletest.Small(t), server.Options{}))
	defer healthy.Close()
	require.NoError(t, server.CheckHealth(t.Context(), healthy.URL))

	unhealthy := httptest.NewServer(newServer(fstest.MapFS{}, server.Options{}))
	defer unhealthy.Close()
	err := server.CheckHealth(t.Context(), unhealthy.URL)
	assert.ErrorContains(t, err, "answered 503 Service Unavailable")
	assert.ErrorContains(t, err, "reading the bundle's manifest", "the reason is passed on")

	unhealthy.Close()
	assert.ErrorContains(t, server.CheckHealth(t.Context(), unhealthy.URL), "checking health")
	assert.ErrorContains(t, server.CheckHealth(t.Context(), ":bad"), "checking health")
}

// TestServeDrains stops the server while a request is being answered. At first
// new requests are still taken, though /health says no; then they are refused;
// the one in flight finishes.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	started, release := make(chan struct{}), make(chan struct{})
	srv := newServer(bundletest.Small(t), server.Options{})
	var expected atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			srv.ServeHTTP(expecting{w, &expected}, r)
			return
		}
		close(started)
		<-release
		_, _ = io.WriteString(w, "done")
	})

	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- srv.Serve(ctx, listener, handler, server.Drain{Notice: 500 * time.Millisecond, Timeout: time.Minute})
	}()
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(url + "/slow")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()

	<-started
	require.NoError(t, server.CheckHealth(t.Context(), url))
	assert.Zero(t, expected.Load())
	stop()
	require.Eventually(t, func() bool {
		err := server.CheckHealth(t.Context(), url)
		return err != nil && assert.ErrorContains(t, err, `"draining":true`)
	}, 400*time.Millisecond, time.Millisecond)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond, "then the listener closes")
	assert.Positive(t, expected.Load(), "the log must not take it for a failure")
	close(release)
	assert.Equal(t, "done", <-answer)
	assert.NoError(t, <-served)
}

// expecting counts the answers that are no failure, as telemetry does not log them.
type expecting struct {
	http.ResponseWriter
	calls *atomic.Int32
}

func (e expecting) Expected() { e.calls.Add(1) }

func TestServeCutsOff(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
	}()
	go func() {
		<-started
		stop()
	}()
	err = newServer(bundletest.Small(t), server.Options{}).Serve(ctx, listener, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}), server.Drain{Timeout: 50 * time.Millisecond})
	assert.ErrorContains(t, err, "draining requests for 50ms")
}

func TestServeClosedListener(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	srv := newServer(bundletest.Small(t), server.Options{})
	assert.ErrorContains(t, srv.Serve(t.Context(), listener, srv, server.Drain{}), "serving on 127.0.0.1")
}
