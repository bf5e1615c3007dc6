package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

func getenv(env map[string]string) func(string) string {
	return func(key string) string { return env[key] }
}

func TestParse(t *testing.T) {
	t.Parallel()
	defaults := config{port: "3000", bundle: "/bundle"}
	env := map[string]string{"PORT": "8080", "CODEFLOW_BUNDLE": "/b", "CODEFLOW_COLOR": "green"}
	tests := map[string]struct {
		args []string
		env  map[string]string
		want config
	}{
		"defaults":    {nil, nil, defaults},
		"environment": {nil, env, config{port: "8080", bundle: "/b", color: "green"}},
		"flags win":   {[]string{"-port=1", "-bundle=/c", "-color=blue"}, env, config{port: "1", bundle: "/c", color: "blue"}},
		"healthcheck": {[]string{"healthcheck"}, nil, config{port: "3000", bundle: "/bundle", healthcheck: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.args, getenv(tt.env), new(bytes.Buffer))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	_, port, err := net.SplitHostPort(busy.Addr().String())
	require.NoError(t, err)

	tests := map[string]struct {
		args           []string
		env            map[string]string
		code           int
		stdout, stderr string
	}{
		"version":         {args: []string{"--version"}, stdout: server.Version + "\n"},
		"help":            {args: []string{"-h"}, stderr: "CODEFLOW_BUNDLE"},
		"unknown flag":    {args: []string{"-x"}, code: exitUsage, stderr: "not defined: -x"},
		"unknown command": {args: []string{"serve"}, code: exitUsage, stderr: "the only command is healthcheck"},
		"flag too late":   {args: []string{"healthcheck", "-port=1"}, code: exitUsage, stderr: "flags stand before it"},
		"port":            {env: map[string]string{"PORT": "http"}, code: exitUsage, stderr: `got "http": set -port or PORT`},
		"port range":      {args: []string{"-port=65536"}, code: exitUsage, stderr: "from 1 to 65535"},
		"port is taken":   {args: []string{"-port=" + port}, code: exitFailure, stderr: "listening on port " + port},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tt.code, run(t.Context(), tt.args, getenv(tt.env), &stdout, &stderr))
			assert.Equal(t, tt.stdout, stdout.String())
			assert.Contains(t, stderr.String(), tt.stderr)
		})
	}
}

// TestServeAndHealthcheck goes through a container's life: unreachable,
// healthy, stopped.
func TestServeAndHealthcheck(t *testing.T) {
	t.Parallel()
	env := getenv(map[string]string{"PORT": freePort(t), "CODEFLOW_BUNDLE": emptyBundle(t), "CODEFLOW_COLOR": "blue"})
	check := func() int {
		return run(t.Context(), []string{"healthcheck"}, env, new(bytes.Buffer), new(bytes.Buffer))
	}
	assert.Equal(t, exitFailure, check())

	ctx, stop := context.WithCancel(t.Context())
	var logs bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, nil, env, new(bytes.Buffer), &logs) }()
	require.Eventually(t, func() bool { return check() == exitOK }, 10*time.Second, 10*time.Millisecond)
	stop()
	assert.Equal(t, exitOK, <-code)
	assert.Equal(t, exitFailure, check())

	for line := range strings.Lines(logs.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		assert.Equal(t, "blue", entry["color"])
		assert.Equal(t, server.Version, entry["version"])
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

func emptyBundle(t *testing.T) string {
	t.Helper()
	m := manifest.Manifest{SchemaVersion: manifest.SchemaVersion}
	m.BundleDigest = m.Digest()
	data, err := m.Encode()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, manifest.FileName), data, 0o644))
	return dir
}
