// These tests run the command as a shell would. They do not prove that its
// server works: it is a program that does nothing.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	source = "testdata/bundle.yaml"
	module = "--module=testdata/module"
)

// result is what a run of the command left.
type result struct {
	code           int
	stdout, stderr string
}

func execute(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// succeed runs the command, which must not fail, and returns its output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	r := execute(t, args...)
	require.Equal(t, exitOK, r.code, r.stderr)
	return r.stdout
}

func newRegistry() http.Handler {
	return registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
}

// repository returns the name of an empty repository.
func repository(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(newRegistry())
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://") + "/codeflow"
}

// edited returns the config of the fixture's bundle after an edit of the agent
// release-manager.
func edited(t *testing.T, old, replacement string) string {
	t.Helper()
	fixture, err := filepath.Abs("../../agentbundle/testdata/package")
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(fixture, "codeflow-agents", "operations", "release-manager.md"))
	require.NoError(t, err)
	text := strings.Replace(string(data), old, replacement, 1)
	require.NotEqual(t, string(data), text)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "agents"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "agents", "release-manager.md"), []byte(text), 0o644))
	config := "package: " + fixture + "\noverlays: [.]\nexclude: {command/broken.md: broken}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bundle.yaml"), []byte(config), 0o644))
	return filepath.Join(dir, "bundle.yaml")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	broken := edited(t, "temperature:", "temperature: [")
	tests := map[string]struct {
		args []string
		code int
		want string // on standard error
	}{
		"help":                 {[]string{"--help"}, exitOK, ""},
		"nothing":              {nil, exitOK, ""},
		"unknown command":      {[]string{"bake"}, exitUsage, `unknown command "bake"`},
		"unknown flag":         {[]string{"check", "--strict"}, exitUsage, "unknown flag: --strict"},
		"too many arguments":   {[]string{"build", "a", "b"}, exitUsage, "accepts at most 1 arg(s), received 2"},
		"too few arguments":    {[]string{"diff", "a"}, exitUsage, "accepts 2 arg(s), received 1"},
		"no repository":        {[]string{"push", "Not A Repository"}, exitUsage, "Not A Repository"},
		"no format":            {[]string{"convert", "--out", "x", source}, exitUsage, "--to must be one of claude-code, "},
		"missing source":       {[]string{"check", "testdata/missing.yaml"}, exitFailure, "name a bundle's config file or a directory of agents"},
		"missing bundle":       {[]string{"show", "agents/bundel.yaml"}, exitFailure, "name a source, an OCI layout, or an image with its tag or digest"},
		"wrong config":         {[]string{"check", "testdata/module/go.mod"}, exitFailure, "keys: package, overlays, exclude"},
		"missing module":       {[]string{"build", source, "--module=testdata"}, exitFailure, `config "module" must be a Go module`},
		"wrong port":           {[]string{"build", source, module, "--port=70000"}, exitFailure, "must be from 1 to 65535, got 70000"},
		"output holds files":   {[]string{"build", source, module, "--output=testdata"}, exitFailure, "must be empty or an OCI layout"},
		"problems in check":    {[]string{"check", broken}, exitProblems, ""},
		"problems in build":    {[]string{"build", broken, module}, exitProblems, "release-manager.md:"},
		"problems in push":     {[]string{"push", "localhost:1/xx", broken, module}, exitProblems, "release-manager.md:"},
		"problems in show":     {[]string{"show", broken}, exitProblems, "release-manager.md:"},
		"problems in convert":  {[]string{"convert", "--to=opencode", "--out=" + t.TempDir(), broken}, exitProblems, "release-manager.md:"},
		"registry unreachable": {[]string{"push", "localhost:1/xx", source, module}, exitFailure, "looking for the tag"},
		"image unreachable":    {[]string{"show", "localhost:1/xx:y"}, exitFailure, `opening image "localhost:1/xx:y"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := execute(t, tt.args...)
			assert.Equal(t, tt.code, r.code, r.stderr)
			assert.Contains(t, r.stderr, tt.want)
			if r.code == exitFailure || r.code == exitUsage {
				assert.Empty(t, r.stdout, "a failure prints no result")
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	help := succeed(t, "--help")
	for _, part := range []string{"0  success", "1  failure", "2  wrong usage", "3  problems"} {
		assert.Contains(t, help, part)
	}
	for _, cmd := range append(command().Commands(), command()) {
		assert.NotEmpty(t, cmd.Example, "an example of %s", cmd.Name())
		assert.NotEmpty(t, cmd.Long, "what %s does", cmd.Name())
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	assert.Contains(t, succeed(t, "check", source), "2 agents, 1 commands: 0 errors")

	key := "AKIA" + strings.Repeat("Q", 16)
	leaking := edited(t, "\n---\n", "\n---\n"+key+"\n")
	at := filepath.Join(filepath.Dir(leaking), "agents", "release-manager.md") + ":"
	for _, args := range [][]string{{"check", leaking}, {"build", leaking, module}, {"push", "localhost:1/xx", leaking, module}} {
		r := execute(t, args...)
		assert.Equal(t, exitProblems, r.code)
		out := r.stdout + r.stderr
		assert.Contains(t, out, at)
		assert.Contains(t, out, ": error: secret: must not hold secrets, got an AWS access key")
		assert.NotContains(t, out, key)
	}

	var report struct{ Problems []struct{ Path, Rule string } }
	require.NoError(t, json.Unmarshal([]byte(execute(t, "check", "--json", leaking).stdout), &report))
	rules := map[string]bool{}
	for _, p := range report.Problems {
		rules[p.Rule] = true
	}
	assert.True(t, rules["secret"])
}

// TestBuildDefault changes the working directory: it is not parallel.
func TestBuildDefault(t *testing.T) {
	fixture, err := filepath.Abs("../../agentbundle/testdata/package")
	require.NoError(t, err)
	server, err := filepath.Abs("testdata/module")
	require.NoError(t, err)
	digest := succeed(t, "build", source, module)

	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("agents", 0o755))
	config := "package: " + fixture + "\nexclude: {command/broken.md: broken}\n"
	require.NoError(t, os.WriteFile(defaultSource, []byte(config), 0o644))
	assert.NotEqual(t, digest, succeed(t, "build", "--module="+server), "another reason in the manifest")
	r := execute(t, "build", "--module="+server, "--output=dist")
	require.Equal(t, exitOK, r.code, r.stderr)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}\n$`, r.stdout)
	assert.Contains(t, r.stderr, "wrote oci:dist:bundle-")
	assert.Contains(t, succeed(t, "show", "dist"), "image     "+r.stdout)
}

func TestPushShowDiff(t *testing.T) {
	t.Parallel()
	repo, dist := repository(t), filepath.Join(t.TempDir(), "dist")
	var built struct{ Digest, Tag, SBOM, BundleDigest, Reference, Output string }
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "build", "--json", source, module, "--output", dist)), &built))
	assert.Equal(t, dist, built.Output)
	r := execute(t, "push", "--tag=next", repo, source, module)
	require.Equal(t, exitOK, r.code, r.stderr)
	assert.Equal(t, repo+"@"+built.Digest+"\n", r.stdout)
	assert.Regexp(t, `pushed \d+ of \d+ KiB\n`, r.stderr)
	assert.Contains(t, r.stderr, "tagged "+built.Tag+", next\n")

	for _, ref := range []string{repo + ":next", repo + "@" + built.Digest, dist} {
		var shown struct {
			Image    string
			Manifest struct {
				BundleDigest string
				Agents       []struct{ Name string }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(succeed(t, "show", "--json", ref)), &shown))
		assert.Equal(t, built.Digest, shown.Image)
		assert.Equal(t, built.BundleDigest, shown.Manifest.BundleDigest)
		assert.Len(t, shown.Manifest.Agents, 2)
		assert.Equal(t, "0 added, 0 removed, 0 changed\n", succeed(t, "diff", ref, source))
	}
	out := succeed(t, "show", source)
	assert.Contains(t, out, "source    @example/agents 1.2.3\n")
	assert.Contains(t, out, "  command/broken.md: its front matter is not valid YAML\n")

	out = succeed(t, "diff", dist, edited(t, "temperature: 0.2", "temperature: 0.3"))
	assert.Contains(t, out, "0 added, 0 removed, 1 changed\n")
	assert.Contains(t, out, "temperature: 0.2 -> 0.3\n")
}

func TestShowRefusesOtherLayouts(t *testing.T) {
	t.Parallel()
	for name, index := range map[string]string{
		"no index": "{}", "no image": `{"schemaVersion":2,"manifests":[]}`,
		"lost": `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":1}]}`,
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644))
		r := execute(t, "show", dir)
		assert.Equal(t, exitFailure, r.code, name)
		assert.Contains(t, r.stderr, "opening OCI layout", name)
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	names := strings.Fields(succeed(t, "convert", "--to=claude-code", "--out="+dir, source))
	assert.Equal(t, []string{".claude/agents/code-reviewer.md", ".claude/agents/release-manager.md", ".claude/commands/plan.md"}, names)
	for _, name := range names {
		assert.FileExists(t, filepath.Join(dir, name))
	}

	outside := t.TempDir()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, ".claude")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, ".claude")))
	r := execute(t, "convert", "--to=claude-code", "--out="+dir, source)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.stderr, "writing to")
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, entries, "a link must not lead out of the directory")
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	digest := strings.TrimSpace(succeed(t, "unpack", "--out="+dir, source))
	m, err := manifest.Read(os.DirFS(dir))
	require.NoError(t, err, "as the server reads it")
	assert.Equal(t, m.BundleDigest, digest)

	r := execute(t, "unpack", "--out="+dir, source)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.stderr, `must be empty, has "agents"`)
	assert.Equal(t, exitUsage, execute(t, "unpack", source).code)
}
