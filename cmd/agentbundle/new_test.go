// The commands for one's own agents. npm is not run here: a package is added in
// the same way once npm has installed it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// put writes a file below dir.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestInit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "team")
	config := strings.TrimSpace(succeed(t, "init", dir))
	assert.Equal(t, filepath.Join(dir, "bundle.yaml"), config)
	assert.Contains(t, succeed(t, "check", config), "1 agents, 1 commands: 0 errors, 0 warnings")

	again := execute(t, "init", dir)
	assert.Equal(t, exitFailure, again.code)
	assert.Contains(t, again.stderr, "is there already: choose another directory")
}

func TestAdd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := strings.TrimSpace(succeed(t, "init", dir))
	more := filepath.Join(dir, "more")
	put(t, more, "agents/good.md", "---\nname: good\ndescription: d\n---\nx")
	put(t, more, "agents/bad.md", "---\ndescription: d\n---\nx")
	r := execute(t, "add", more, "--config", config)
	require.Equal(t, exitOK, r.code, r.stderr)
	assert.Contains(t, r.stderr, "added 1 agents and commands, 1 files excluded")
	assert.Contains(t, succeed(t, "check", config), "agents/bad.md: excluded: must have a name, as every agent of Claude Code")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	assert.Contains(t, string(text), "# What goes into the bundle.", "comments stay")

	for want, args := range map[string][]string{
		"it has this source already":                             {"add", more, "--config", config},
		"a package with its exact version":                       {"add", "left-pad", "--config", config},
		"must be a directory":                                    {"add", "left-pad@latest", "--config", config},
		"begin one with agentbundle init":                        {"add", more, "--config", filepath.Join(dir, "none.yaml")},
		"must be one of auto, claude-code, cursor, opencode, ua": {"add", more, "--config", config, "--format", "vim"},
	} {
		failed := execute(t, args...)
		assert.NotEqual(t, exitOK, failed.code, args)
		assert.Contains(t, failed.stderr, want)
	}
}

func TestCheckFix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "agents/a.MD", "---\nname: a\ndescription: Use it: now\n---\nx")
	assert.Equal(t, exitProblems, execute(t, "check", dir).code)
	r := execute(t, "check", "--fix", dir)
	assert.Equal(t, exitOK, r.code, r.stdout)
	assert.Contains(t, r.stderr, "renamed to a.md")
	assert.Contains(t, succeed(t, "check", "--fix", dir), "0 errors, 0 warnings", "a second time mends what the first could not see")
	assert.Equal(t, exitProblems, execute(t, "check", "--format", "uats", dir).code)
}

func TestConvertTellsLosses(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		put(t, dir, "agents/"+name+".md", "---\nname: "+name+"\ndescription: d\nmodel: sonnet\n---\nx")
	}
	r := execute(t, "convert", "--to", "opencode", "--out", out, dir)
	require.Equal(t, exitOK, r.code, r.stderr)
	assert.Contains(t, r.stderr, `lost model: OpenCode cannot resolve "sonnet": its session's model is used: agents/a.md, agents/b.md, agents/c.md, and 1 more`)
	text, err := os.ReadFile(filepath.Join(out, ".opencode", "agent", "a.md"))
	require.NoError(t, err)
	assert.Equal(t, "---\ndescription: d\nmode: subagent\n---\nx\n", string(text))
}

// Nothing that the command prints acts on a terminal, whatever files are called
// and hold.
func TestNoEscapesReachTheTerminal(t *testing.T) {
	t.Parallel()
	before, after := t.TempDir(), t.TempDir()
	put(t, before, "agents/a.md", "---\nname: a\ndescription: d\n---\nx")
	put(t, after, "agents/a.md", "---\nname: a\ndescription: d\n---\nx\u202e\x1b[31m")
	put(t, after, "agents/\x1b[2Jb.md", "---\nname: b\ndescription: d\n---\nx\u202e")
	for _, args := range [][]string{
		{"check", after},
		{"check", "--json", after},
		{"build", after, module},
		{"show", "no\x1b[31m\u202ethere"},
		{"\x1b[31m"},
	} {
		r := execute(t, args...)
		assert.NotEqual(t, exitOK, r.code)
		for _, hidden := range []string{"\x1b", "\u202e"} {
			assert.NotContains(t, r.stdout+r.stderr, hidden, args)
		}
	}
	assert.Contains(t, execute(t, "check", after).stdout, "got U+202E")
	var report struct{ Problems []struct{ Path string } }
	require.NoError(t, json.Unmarshal([]byte(execute(t, "check", "--json", after).stdout), &report))
	assert.Contains(t, report.Problems[0].Path, "\x1b[2Jb.md", "JSON is the same value")
}

// lockedBuffer is written by the command and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "commands/plan.md", "Plan it.")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cmd, stderr := command(), new(lockedBuffer)
	cmd.SetContext(ctx)
	cmd.SetErr(stderr)
	done := make(chan error, 1)
	go func() { done <- serve(cmd, listener, dir) }()

	serves := func(want string) func(*assert.CollectT) {
		return func(t *assert.CollectT) {
			response, err := http.Get("http://" + listener.Addr().String() + "/api/v1/commands") //nolint:noctx // a test's own server
			if !assert.NoError(t, err) {
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			assert.NoError(t, err)
			assert.Contains(t, string(body), want)
		}
	}
	const wait, tick = 30 * time.Second, 50 * time.Millisecond
	require.EventuallyWithT(t, serves(`"description":"Plan it."`), wait, tick)
	put(t, dir, "commands/plan.md", "Plan it better.")
	require.EventuallyWithT(t, serves(`"description":"Plan it better."`), wait, tick)
	put(t, dir, "commands/plan.md", "broken\x1b")
	require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Contains(t, stderr.String(), "still serving what was before") }, wait, tick)
	require.EventuallyWithT(t, serves(`"description":"Plan it better."`), wait, tick)
	cancel()
	require.NoError(t, <-done)
}
