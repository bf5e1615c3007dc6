package smoke_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/smoke"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// real is the server in this process.
func real(t *testing.T, bundle fstest.MapFS, opts server.Options) *server.Server {
	t.Helper()
	opts.Color, opts.Logger = "blue", slog.New(slog.DiscardHandler)
	return server.New(bundle, &opts)
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

func run(t *testing.T, opts smoke.Options) (report smoke.Report, text string) {
	t.Helper()
	opts.Pause = 5 * time.Millisecond
	if opts.Timeout == 0 {
		opts.Timeout = 150 * time.Millisecond
	}
	report, err := smoke.Run(t.Context(), opts)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, report.WriteText(&b))
	return report, b.String()
}

func TestPasses(t *testing.T) {
	t.Parallel()
	srv := real(t, bundletest.Small(t), server.Options{})
	report, text := run(t, smoke.Options{URL: serve(t, srv) + "/", Digest: srv.BundleDigest(), Color: "blue", Timeout: 10 * time.Second})
	require.NoError(t, report.Err(), text)
	assert.Regexp(t, `^pass  health  blue healthy, version \S+, bundle sha256:\w{64} \(attempt 1, \d`, text)
	assert.Regexp(t, `\npass  mcp     protocol 20\d\d-\d\d-\d\d, 7 tools \(attempt 1, `, text)
	assert.Regexp(t, `\npass  api     3 agents, api-builder has \d+ bytes \(attempt 1, `, text)
}

// without answers some routes in place of the server.
func without(next http.Handler, routes map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, ok := routes[r.URL.Path]; ok {
			_, _ = io.WriteString(w, body)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestFails(t *testing.T) {
	t.Parallel()
	good := real(t, bundletest.Small(t), server.Options{})
	damaged := bundletest.Small(t)
	damaged["agents/seo-master.md"].Data = []byte("changed")
	degraded := real(t, bundletest.Small(t), server.Options{Database: &server.Database{
		Check: func(context.Context) error { return errors.New("down") }, Breaker: func() string { return "open" },
	}})
	other := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		handler http.Handler
		opts    smoke.Options
		want    string
	}{
		"another bundle": {good, smoke.Options{Digest: other}, "FAIL  health  bundleDigest must be " + other + ", got \"sha256:"},
		"another colour": {good, smoke.Options{Color: "green"}, `FAIL  health  color must be green, got "blue": the name leads to another service`},
		"damaged bundle": {real(t, damaged, server.Options{}), smoke.Options{}, "FAIL  health  /health answered 503 Service Unavailable: "},
		"degraded":       {degraded, smoke.Options{}, `FAIL  health  status must be healthy, got "degraded"`},
		"no MCP":         {without(good, map[string]string{"/mcp": "<html>"}), smoke.Options{}, "FAIL  mcp     initialize: "},
		"no agents":      {without(good, map[string]string{"/api/v1/agents": `{"agents": []}`}), smoke.Options{}, "FAIL  api     /api/v1/agents lists no agents"},
		"empty agent": {
			without(good, map[string]string{"/api/v1/agents/api-builder": `{"name": "api-builder"}`}),
			smoke.Options{},
			`FAIL  api     agent "api-builder" must have its name and text`,
		},
		"two releases": {without(good, map[string]string{"/api/v1/manifest": `{}`}), smoke.Options{}, "tasks of two releases answer"},
		"no JSON":      {without(good, map[string]string{"/health": "hello"}), smoke.Options{}, "FAIL  health  /health answered no JSON of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.opts.URL = serve(t, c.handler)
			if c.opts.Digest == "" {
				c.opts.Digest = good.BundleDigest()
			}
			report, text := run(t, c.opts)
			assert.ErrorContains(t, report.Err(), "the service failed ")
			assert.Contains(t, text, c.want)
			assert.Len(t, report, 3, "the others are asked too")
		})
	}

	report, text := run(t, smoke.Options{URL: serve(t, degraded), Digest: degraded.BundleDigest(), AllowDegraded: true, Timeout: 10 * time.Second})
	require.NoError(t, report.Err(), text)
	assert.Contains(t, text, "blue degraded")
}

// A service that nothing listens for is reported, each check with its reason.
func TestNobody(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(nil)
	srv.Close()
	report, text := run(t, smoke.Options{URL: srv.URL, Digest: "sha256:1"})
	assert.ErrorContains(t, report.Err(), "the service failed 3 of 3 checks: health, mcp, api")
	assert.Contains(t, text, "connection refused")
}

// A service that is not up yet is asked again.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	srv := real(t, bundletest.Small(t), server.Options{})
	var asked atomic.Int32
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 4 {
			http.Error(w, "starting", http.StatusBadGateway)
			return
		}
		srv.ServeHTTP(w, r)
	}))
	report, text := run(t, smoke.Options{URL: url, Digest: srv.BundleDigest(), Timeout: 10 * time.Second})
	require.NoError(t, report.Err(), text)
	assert.Equal(t, 4, report[0].Attempts)
}

func TestToken(t *testing.T) {
	t.Parallel()
	token, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	srv := real(t, bundletest.Small(t), server.Options{Guard: guard.Options{Tokens: tokens}})
	url := serve(t, srv)
	report, text := run(t, smoke.Options{URL: url, Digest: srv.BundleDigest(), Token: token, Timeout: 10 * time.Second})
	require.NoError(t, report.Err(), text)

	for _, wrong := range []string{"", "cf_wrong"} {
		report, text = run(t, smoke.Options{URL: url, Digest: srv.BundleDigest(), Token: wrong})
		assert.ErrorContains(t, report.Err(), "the service failed 2 of 3 checks: mcp, api")
		assert.Contains(t, text, "401")
		assert.NotContains(t, text, "cf_wrong")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]smoke.Options{
		`url must be like https://blue.example.com, got "blue.example.com"`: {URL: "blue.example.com"},
		`got "ftp://a"`:                     {URL: "ftp://a"},
		`got "https://a/mcp"`:               {URL: "https://a/mcp"},
		`digest must be the stack's output`: {URL: "https://a", Digest: "latest"},
		`url must be https to send a token`: {URL: "http://a", Digest: "sha256:1", Token: "t"},
	} {
		_, err := smoke.Run(t.Context(), opts)
		assert.ErrorContains(t, err, want)
	}
}
