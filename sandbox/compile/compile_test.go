package compile

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is built is proven by all tests that run the engine. These prove what is said,
// and that a CLI which is there is not built again.

func TestProgress(t *testing.T) {
	t.Parallel()
	said := &counter{}
	assert.Equal(t, "comparing with the build cache", said.String())
	for _, part := range []string{"go: downloading a.example/b v1.0.0\ngo: down", "loading a.example/c v1.2.0\n"} {
		_, err := said.Write([]byte(part))
		require.NoError(t, err)
	}
	assert.Equal(t, "2 modules downloaded", said.String())
	_, err := said.Write([]byte("a.example/b\nstrings\n# a.example/c\nc.go:1:1: undefined: x\n"))
	require.NoError(t, err)
	assert.Equal(t, "2 packages", said.String())
	assert.Equal(t, "# a.example/c\nc.go:1:1: undefined: x\n", said.rest.String())
}

func TestFailedBuild(t *testing.T) {
	t.Parallel()
	module := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module a.example\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { x() }\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(text), 0o600))
	}
	command := exec.CommandContext(t.Context(), "go", "build", "-v", ".")
	command.Dir = module
	err := run(command, "compiling it", "a second", &bytes.Buffer{})
	require.ErrorContains(t, err, "compiling it: exit status 1\n# a.example\n")
	require.ErrorContains(t, err, "undefined: x")
}

func TestCLIThatIsThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // without pulumi, and without Go
	dir := t.TempDir()
	_, err := CLI(context.Background(), ".", dir, &bytes.Buffer{})
	require.ErrorContains(t, err, `"go": executable file not found`)
	pulumi := binary(dir, "pulumi")
	require.NoError(t, os.MkdirAll(filepath.Dir(pulumi), 0o755))
	require.NoError(t, os.WriteFile(pulumi, nil, 0o600))
	root, err := CLI(context.Background(), ".", dir, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, Version), root)
}

// An older CLI on PATH is passed over: the newer one of [Version] is built.
func TestCLIOnPath(t *testing.T) {
	path := t.TempDir()
	t.Setenv("PATH", path+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for version, newEnough := range map[string]bool{"v" + Version: true, "v3.999.0": true, "v4.0.0": false, "v3.250.0": false, "no version": false} {
		script := "#!/bin/sh\necho " + version + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(path, "pulumi"), []byte(script), 0o755))
		assert.Equal(t, newEnough, onPath(t.Context()), version)
	}
}

func TestInterruptedBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := filepath.Join(dir, Version, "bin", "go-build123")
	require.NoError(t, os.MkdirAll(left, 0o755))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, build(ctx, dir, dir, &bytes.Buffer{}, "it", "", "."), context.Canceled)
	assert.NoDirExists(t, left, "what a killed build left")
}

func TestWaitForAnotherBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := flock.New(filepath.Join(dir, "lock"))
	require.NoError(t, other.Lock())
	defer func() { require.NoError(t, other.Unlock()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out bytes.Buffer
	require.ErrorIs(t, build(ctx, dir, dir, &out, "it", "", "."), context.DeadlineExceeded)
	assert.Equal(t, "waiting for another process that compiles\n", out.String())
}
