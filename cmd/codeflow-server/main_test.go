package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/oidctest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// output is what a program writes while a test reads it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (*output) Close() error { return nil }

// execute runs the program to its end.
func execute(ctx context.Context, args, environ []string) (code int, stdout, stderr string) {
	var out, errs output
	code = run(ctx, args, environ, io.NopCloser(strings.NewReader("")), &out, &errs)
	return code, out.String(), errs.String()
}

// bundleDir is the directory of the small bundle.
func bundleDir(t *testing.T, bundle fstest.MapFS) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, bundle))
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	taken := strconv.Itoa(busy.Addr().(*net.TCPAddr).Port)
	small := "-bundle=" + bundleDir(t, bundletest.Small(t))
	empty := "-bundle=" + t.TempDir()

	for name, tc := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"version":         {[]string{"--version"}, exitOK, server.Version + "\n", ""},
		"help":            {[]string{"-h"}, exitOK, "", "CODEFLOW_BUNDLE"},
		"token":           {[]string{"token"}, exitOK, "for CODEFLOW_TOKENS: sha256:", ""},
		"good config":     {[]string{"-public", "-check-config", small}, exitOK, "the settings are good; the bundle has 3 agents and 2 commands, sha256:", ""},
		"bad bundle":      {[]string{"-public", "-check-config", empty}, exitFailure, "", "reading the bundle's manifest"},
		"unknown flag":    {[]string{"-x"}, exitUsage, "", "not defined: -x"},
		"unknown command": {[]string{"serve"}, exitUsage, "", `unknown command ["serve"]: the commands are healthcheck, migrate and token`},
		"flag too late":   {[]string{"healthcheck", "-port=1"}, exitUsage, "", "flags stand before them"},
		"no access":       {[]string{small}, exitUsage, "", "nobody may use this server"},
		"no database":     {[]string{"migrate", "up"}, exitUsage, "", "migrate needs -database-url"},
		"port is taken":   {[]string{"-public", "-port=" + taken, "-metrics-port=0", small}, exitFailure, "", "listening on port " + taken},
		"no metrics port": {[]string{"-public", "-port=" + freePort(t), "-metrics-port=" + taken, small}, exitFailure, "", "listening on port " + taken},
		"stdio, bundle":   {[]string{"-stdio", empty}, exitFailure, "", "cannot be served: set -bundle"},
		"stdio, no input": {[]string{"-stdio", small}, exitOK, "", "bundle loaded"},
		"not healthy":     {[]string{"-port=" + freePort(t), "healthcheck"}, exitFailure, "", "checking health"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t.Context(), tc.args, nil)
			assert.Equal(t, tc.code, code, stderr)
			assert.Contains(t, stdout, tc.stdout)
			assert.Contains(t, stderr, tc.stderr)
		})
	}
}

// TestServeWithoutIssuer starts before its issuer does, and lets people in when that
// is there. No token is in the log.
func TestServeWithoutIssuer(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	down := true
	issuer.With(func(i *oidctest.Issuer) {
		i.Override = func(w http.ResponseWriter, _ *http.Request) bool {
			is := false
			issuer.With(func(*oidctest.Issuer) { is = down })
			if is {
				w.WriteHeader(http.StatusBadGateway)
			}
			return is
		}
	})
	port := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	var logs, errs output
	code := make(chan int, 1)
	args := []string{
		"-port=" + port, "-metrics-port=0", "-bundle=" + bundleDir(t, bundletest.Small(t)), "-url=http://localhost:" + port,
		"-oidc-issuer=" + issuer.URL, "-oidc-audience=here", "-oidc-scopes=read", "-drain-notice=0s", "-log-level=debug",
	}
	go func() { code <- run(ctx, args, nil, io.NopCloser(strings.NewReader("")), &logs, &errs) }()
	require.Eventually(t, func() bool {
		return server.CheckHealth(t.Context(), "http://127.0.0.1:"+port) == nil
	}, 10*time.Second, 10*time.Millisecond, "it is healthy without one")
	token := issuer.Sign(nil, issuer.Claims("here", oidctest.Claims{"scope": "read"}))
	ask := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/api/v1/agents", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusServiceUnavailable, ask())
	issuer.With(func(*oidctest.Issuer) { down = false })
	require.Eventually(t, func() bool { return ask() == http.StatusOK }, 20*time.Second, 100*time.Millisecond)
	stop()
	assert.Equal(t, exitOK, <-code, errs.String())
	assert.Contains(t, logs.String(), "the issuer of the tokens is known")
	assert.NotContains(t, logs.String(), token)
	assert.NotContains(t, logs.String(), "eyJ")
}

// TestServe goes through a container's life: unreachable, healthy, asked,
// logging more, stopped. It sends its process a signal, so it is not parallel.
func TestServe(t *testing.T) {
	port, metrics := freePort(t), freePort(t)
	environ := []string{
		"PORT=" + port, "CODEFLOW_METRICS_PORT=" + metrics, "CODEFLOW_BUNDLE=" + bundleDir(t, bundletest.Small(t)),
		"CODEFLOW_COLOR=blue", "CODEFLOW_PUBLIC=true", "CODEFLOW_DRAIN_NOTICE=0s", "CODEFLOW_METRICS_NAMESPACE=CodeFlow",
	}
	check := func() bool {
		code, _, _ := execute(t.Context(), []string{"healthcheck"}, environ)
		return code == exitOK
	}
	require.False(t, check())

	ctx, stop := context.WithCancel(t.Context())
	var logs, errs output
	code := make(chan int, 1)
	go func() { code <- run(ctx, nil, environ, io.NopCloser(strings.NewReader("")), &logs, &errs) }()
	require.Eventually(t, check, 10*time.Second, 10*time.Millisecond)

	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: "http://127.0.0.1:" + port + "/mcp"}, nil)
	require.NoError(t, err)
	tools, err := session.ListTools(ctx, nil)
	require.NoError(t, err)
	assert.Len(t, tools.Tools, 7)
	require.NoError(t, session.Close())

	resp, err := http.Get("http://127.0.0.1:" + metrics + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), `codeflow_mcp_calls_total{method="tools/list",name="",outcome="ok"} 1`)

	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.Eventually(t, func() bool {
		return check() && strings.Contains(logs.String(), `"level":"DEBUG"`)
	}, 10*time.Second, 10*time.Millisecond, "a health check is logged only now")
	stop()
	assert.Equal(t, exitOK, <-code, errs.String())
	assert.False(t, check())

	routes := map[any]bool{}
	for line := range strings.Lines(logs.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		if _, embedded := entry["_aws"]; embedded {
			continue
		}
		for _, key := range []string{"timestamp", "level", "msg", "service", "color", "version"} {
			assert.Contains(t, entry, key)
		}
		routes[entry["route"]] = true
	}
	assert.Contains(t, routes, "/mcp")
	assert.Contains(t, logs.String(), `"_aws":`, "the metrics are written at the end")
}

// TestStdio serves a client over standard input and output, on which nothing
// but the protocol may be.
func TestStdio(t *testing.T) {
	t.Parallel()
	workspace, bundle := t.TempDir(), bundleDir(t, bundletest.Small(t))
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	var logs output
	code := make(chan int, 1)
	go func() {
		args := []string{"-stdio", "-workspace", workspace, "-bundle", bundle}
		code <- run(t.Context(), args, nil, in, out, &logs)
	}()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(workspace+"/docs", 0o755))
	require.NoError(t, os.Symlink("/etc", workspace+"/docs/etc"))
	for file, want := range map[string]string{"docs/a.md": `"allowed":true`, "docs/etc/passwd": `"allowed":false`} {
		result, err := session.CallTool(t.Context(), &mcp.CallToolParams{
			Name: "validate_agent_file_access", Arguments: map[string]any{"agentName": "seo-master", "filePath": file},
		})
		require.NoError(t, err)
		assert.Contains(t, result.Content[0].(*mcp.TextContent).Text, want)
	}
	require.NoError(t, session.Close())
	assert.Equal(t, exitOK, <-code, logs.String())
	assert.Contains(t, logs.String(), "bundle loaded")
}
