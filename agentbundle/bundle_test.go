// These tests check which files Load takes, replaces and refuses. They do not
// prove that an agent's text is any good.
package agentbundle_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	m := load(t, fixtureConfig()).Manifest

	assert.Equal(t, manifest.Source{Name: "@example/agents", Version: "1.2.3", License: "MIT OR Apache-2.0"}, m.Source)
	assert.Equal(t, []string{"agents/code-reviewer.md", "agents/release-manager.md"}, paths(m.Agents))
	assert.Equal(t, []string{"commands/plan.md"}, paths(m.Commands))
	assert.Equal(t, []manifest.Exclusion{{Path: "command/broken.md", Reason: "invalid YAML"}}, m.Excluded)
	assert.Equal(t, manifest.Counts{Agents: 2, Commands: 1, Excluded: 1}, m.Counts)
	assert.Equal(t, m.Digest(), m.BundleDigest)
}

func TestBundleFiles(t *testing.T) {
	t.Parallel()
	b := load(t, fixtureConfig())
	m := b.Manifest
	files := b.Files()
	assert.Len(t, files, 3)
	for _, e := range slices.Concat(m.Agents, m.Commands) {
		assert.Equal(t, e.SHA256, manifest.Sum(files[e.Path]), e.Path)
	}
}

func TestLoadOverlay(t *testing.T) {
	t.Parallel()
	before := load(t, fixtureConfig()).Manifest
	cfg := fixtureConfig()
	cfg.Overlays = []agentbundle.Source{{Path: filepath.Join("testdata", "own")}}
	after := load(t, cfg).Manifest

	assert.Equal(t, before.Agents[0], after.Agents[0], "an agent that the overlay lacks stays")
	assert.Equal(t, before.Agents[1].Name, after.Agents[1].Name)
	assert.NotEqual(t, before.Agents[1].SHA256, after.Agents[1].SHA256, "an agent of the overlay wins by name")
	assert.Equal(t, []string{"commands/broken.md", "commands/plan.md"}, paths(after.Commands))
	assert.NotEqual(t, before.BundleDigest, after.BundleDigest)
	assert.Empty(t, after.Overlays, "an overlay without a package.json has no version")
}

// An overlay may be a package too, and then its version is in the manifest.
func TestLoadOverlayPackage(t *testing.T) {
	t.Parallel()
	cfg := fixtureConfig()
	cfg.Overlays = []agentbundle.Source{{Path: writePackage(t, map[string]string{"agents/own.md": agentDoc("own")})}}
	m := load(t, cfg).Manifest
	assert.Equal(t, []manifest.Source{{Name: "p", Version: "1.0.0"}}, m.Overlays)
	assert.Equal(t, manifest.Counts{Agents: 3, Commands: 1, Excluded: 1}, m.Counts)
}

// A plain directory is a source too. It has no version.
func TestLoadDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "agents/own.md", agentDoc("own"))
	write(t, dir, "package.json", `{"name": "never-published"}`)
	m := load(t, agentbundle.Config{Package: agentbundle.Source{Path: dir}}).Manifest
	assert.Empty(t, m.Source)
	assert.Equal(t, []string{"agents/own.md"}, paths(m.Agents))
}

// The layouts of all versions of the package, with names in snake_case.
func TestLoadLayouts(t *testing.T) {
	t.Parallel()
	dir := writePackage(t, map[string]string{
		"codeflow-agents/x/one.md": agentDoc("one"),
		"base-agents/x/two_b.md":   strings.Replace(agentDoc("two-b"), "followups: []", "followups: [three_c, one]", 1),
		"agent/x/three_c.md":       agentDoc("three_c"),
		"agents/four.md":           agentDoc("four"),
		"command/five.md":          commandDoc("five"),
		"commands/six_d.md":        commandDoc("six_d"),
	})
	assert.Equal(t, []string{
		`agent/x/three_c.md:2: warning: uats: name should match ^[a-z0-9-]+$, got "three_c"`,
	}, problems(t, dir, agentbundle.Config{Package: agentbundle.Source{Path: dir}}))
	m := load(t, agentbundle.Config{Package: agentbundle.Source{Path: dir}}).Manifest
	assert.Equal(t, []string{"agents/four.md", "agents/one.md", "agents/three_c.md", "agents/two-b.md"}, paths(m.Agents))
	assert.Equal(t, []string{"commands/five.md", "commands/six_d.md"}, paths(m.Commands))
}

func paths(entries []manifest.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Path)
	}
	return list
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	dir := writePackage(t, map[string]string{"agents/a.md": "", "agents/b_b.md": agentDoc("b_b"), "commands/c.md": ""})
	_, err := agentbundle.Load(agentbundle.Config{Package: agentbundle.Source{Path: dir}})
	var joined interface{ Unwrap() []error }
	require.ErrorAs(t, err, &joined)
	require.Len(t, joined.Unwrap(), 2, "every error of every file, and no warning")
	var p agentbundle.Problem
	require.ErrorAs(t, err, &p)
	assert.Equal(t, agentbundle.Problem{
		Path: filepath.Join(dir, "agents", "a.md"), Line: 1, Severity: agentbundle.SeverityError, Rule: "front-matter",
		Message: `must start with YAML between two lines "---"`, Hint: "add front matter with name and description, or name the file in .agentbundleignore",
	}, p)
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	notJSON := t.TempDir()
	write(t, notJSON, "package.json", "{")
	fixture := filepath.Join("testdata", "package")

	tests := map[string]struct {
		cfg  agentbundle.Config
		want []string
	}{
		"nothing set":       {agentbundle.Config{}, []string{`config "package": must name the directory`}},
		"two mistakes":      {agentbundle.Config{Port: 70000}, []string{`config "package": `, `config "port": must be from 1 to 65535, got 70000`}},
		"not installed":     {agentbundle.Config{Package: agentbundle.Source{Path: "missing"}}, []string{"install it with `npm ci --ignore-scripts --prefix agents`"}},
		"not a directory":   {agentbundle.Config{Package: agentbundle.Source{Path: filepath.Join(fixture, "package.json")}}, []string{"reading the source"}},
		"package.json text": {agentbundle.Config{Package: agentbundle.Source{Path: notJSON}}, []string{"decoding", "unexpected end of JSON input"}},
		"missing overlay": {
			agentbundle.Config{Package: fixtureConfig().Package, Overlays: []agentbundle.Source{{Path: "missing"}}},
			[]string{"missing: error: read: ", "(check the path)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := agentbundle.Load(tt.cfg)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}
