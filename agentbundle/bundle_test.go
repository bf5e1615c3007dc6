// These tests check which files Load takes, replaces and refuses. They do not
// prove that an agent's text is any good.
package agentbundle_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	m := load(t, fixtureConfig()).Manifest

	assert.Equal(t, manifest.Source{Name: "@example/agents", Version: "1.2.3"}, m.Source)
	assert.Equal(t, []string{"agents/code-reviewer.md", "agents/release-manager.md"}, paths(m.Agents))
	assert.Equal(t, []string{"commands/plan.md"}, paths(m.Commands))
	assert.Equal(t, []manifest.Exclusion{{Path: "command/broken.md", Reason: "invalid YAML"}}, m.Excluded)
	assert.Equal(t, m.Digest(), m.BundleDigest)
}

func TestLoadOverlay(t *testing.T) {
	t.Parallel()
	before := load(t, fixtureConfig()).Manifest
	cfg := fixtureConfig()
	cfg.Overlays = []string{filepath.Join("testdata", "own")}
	after := load(t, cfg).Manifest

	assert.Equal(t, before.Agents[0], after.Agents[0], "an agent that the overlay lacks stays")
	assert.Equal(t, before.Agents[1].Name, after.Agents[1].Name)
	assert.NotEqual(t, before.Agents[1].SHA256, after.Agents[1].SHA256, "an agent of the overlay wins by name")
	assert.Equal(t, []string{"commands/broken.md", "commands/plan.md"}, paths(after.Commands))
	assert.NotEqual(t, before.BundleDigest, after.BundleDigest)
}

func paths(entries []manifest.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Path)
	}
	return list
}

func TestLoadProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files   map[string]string
		exclude map[string]string
		want    []string // "path:line: rule: message", without the hint
	}{
		"no front matter": {
			files: map[string]string{"agents/a.md": "# A\n"},
			want:  []string{`agents/a.md:1: front-matter: must start with YAML between two lines "---"`},
		},
		"unclosed front matter": {
			files: map[string]string{"agents/a.md": "---\nname: a\n"},
			want:  []string{`agents/a.md:1: front-matter: must start with YAML between two lines "---"`},
		},
		"front matter not first": {
			files: map[string]string{"agents/a.md": "\n" + doc("a")},
			want:  []string{`agents/a.md:1: front-matter: must start with YAML between two lines "---"`},
		},
		"front matter too large": {
			files: map[string]string{"agents/a.md": "---\nname: a\n# " + strings.Repeat("x", 64<<10) + "\n---\n"},
			want:  []string{"agents/a.md:1: front-matter: must have at most 65536 bytes of front matter, got 65551"},
		},
		"invalid YAML": {
			files: map[string]string{"commands/c.md": "---\nname: c\ninputs:\n   - one\n  - two\n---\n"},
			want:  []string{"commands/c.md:5: yaml: did not find expected key"},
		},
		"two documents": {
			files: map[string]string{"agents/a.md": "---\nname: a\n...\nname: b\n---\n"},
			want:  []string{"agents/a.md:1: yaml: must be a single YAML document"},
		},
		"not a mapping": {
			files: map[string]string{"agents/a.md": "---\n- name\n---\n"},
			want:  []string{"agents/a.md:2: yaml: must be a mapping of keys to values"},
		},
		"empty front matter": {
			files: map[string]string{"agents/a.md": "---\n---\n"},
			want:  []string{"agents/a.md:2: yaml: must be a mapping of keys to values"},
		},
		"duplicate keys": {
			files: map[string]string{"agents/a.md": "---\nname: a\ntools:\n  read: true\n  read: false\nname: b\n---\n"},
			want: []string{
				`agents/a.md:5: yaml: key "read" is already defined at line 4`,
				`agents/a.md:6: yaml: key "name" is already defined at line 2`,
			},
		},
		"aliases and complex keys": {
			files: map[string]string{"agents/a.md": "---\nname: &n a\ndescription: *n\n? [x]\n: y\n---\n"},
			want: []string{
				"agents/a.md:3: yaml: must not use aliases, got *n",
				"agents/a.md:4: yaml: keys must be plain words",
			},
		},
		"missing name and description": {
			files: map[string]string{"agents/a.md": "---\nmodel: x\n---\n"},
			want: []string{
				"agents/a.md:1: description: must be a text, got nothing",
				"agents/a.md:1: name: must be a string matching ^[a-z0-9][a-z0-9_-]{0,63}$, got nothing",
			},
		},
		"name is a number, description is blank": {
			files: map[string]string{"agents/a.md": "---\ndescription: ' '\nname: 12\n---\n", "agents/b.md": "---\nname: b\ndescription: [x]\n---\n"},
			want: []string{
				`agents/a.md:2: description: must be a text, got " "`,
				"agents/a.md:3: name: must be a string matching ^[a-z0-9][a-z0-9_-]{0,63}$, got 12 (int)",
				"agents/b.md:3: description: must be a text, got a seq",
			},
		},
		"name leaves the bundle": {
			files: map[string]string{"agents/a.md": "---\nname: ../a\ndescription: d\n---\n"},
			want:  []string{`agents/a.md:2: name: must be a string matching ^[a-z0-9][a-z0-9_-]{0,63}$, got "../a"`},
		},
		"duplicate agent": {
			files: map[string]string{"agents/a.md": doc("same"), "agents/b/b.md": doc("same"), "commands/same.md": doc("same")},
			want:  []string{`agents/b/b.md: duplicate-name: agent name "same" is taken by agents/a.md`},
		},
		"command name is not the file name": {
			files: map[string]string{"commands/c.md": doc("other")},
			want:  []string{`commands/c.md:2: file-name: name must be the file name "c", got "other"`},
		},
		"unknown cache strategy": {
			files: map[string]string{"commands/c.md": "---\nname: c\ndescription: d\ncache_strategy:\n  type: agent_specific\n---\n"},
			want:  []string{`commands/c.md:5: cache-strategy: cache_strategy.type must be one of content_based, time_based, none, got "agent_specific"`},
		},
		"cache strategy of another shape": {
			files: map[string]string{"commands/c.md": "---\nname: c\ndescription: d\ncache_strategy: none\n---\n"},
			want:  []string{`commands/c.md:4: cache-strategy: cache_strategy.type must be one of content_based, time_based, none, got nothing`},
		},
		"not UTF-8": {
			files: map[string]string{"agents/a.md": doc("a") + "\xff"},
			want:  []string{"agents/a.md: utf-8: must be UTF-8 text"},
		},
		"too large": {
			files: map[string]string{"agents/a.md": doc("a") + strings.Repeat("x", 1<<20)},
			want:  []string{"agents/a.md: size: must have at most 1048576 bytes, got 1048617"},
		},
		"folder is a file": {
			files: map[string]string{"agents/a.md": doc("a"), "commands": "x"},
			want:  []string{"commands: regular-file: must be a directory, got mode -rw-r--r--"},
		},
		"no folders": {
			files: map[string]string{"README.md": "x"},
			want:  []string{": empty-source: must hold agents or commands, has no such folder"},
		},
		"exclusions without match or reason": {
			files:   map[string]string{"agents/a.md": "bad", "agents/b.md": doc("b")},
			exclude: map[string]string{"agents/a.md": " ", "agents/gone.md": "bad"},
			want: []string{
				"agents/a.md: exclude: must have a reason, got none",
				"agents/gone.md: exclude: must name an agent or command of the package, matches none",
			},
		},
		"all problems of all files": {
			files: map[string]string{"agents/a.md": "", "commands/c.md": "", "commands/nested/ignored.md": "", "agents/b.txt": ""},
			want: []string{
				`agents/a.md:1: front-matter: must start with YAML between two lines "---"`,
				`commands/c.md:1: front-matter: must start with YAML between two lines "---"`,
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writePackage(t, tt.files)
			_, err := agentbundle.Load(agentbundle.Config{Package: dir, Exclude: tt.exclude})
			assert.Equal(t, tt.want, problems(t, dir, err))
		})
	}
}

// problems formats the problems in err, with paths relative to dir and
// without hints.
func problems(t *testing.T, dir string, err error) []string {
	t.Helper()
	var joined interface{ Unwrap() []error }
	require.ErrorAs(t, err, &joined)
	var list []string
	for _, err := range joined.Unwrap() {
		var p agentbundle.Problem
		require.ErrorAs(t, err, &p)
		p.Hint = ""
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(p.Error(), dir), "/"))
	}
	return list
}

func TestLoadRefusesIrregularFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and named pipes")
	}
	dir := writePackage(t, map[string]string{"agents/a.md": doc("a")})
	require.NoError(t, os.Symlink("a.md", filepath.Join(dir, "agents", "b.md")))
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "agents", "dir")))
	require.NoError(t, os.Symlink("agents", filepath.Join(dir, "command")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "agents", "pipe.md"), 0o644))

	_, err := agentbundle.Load(agentbundle.Config{Package: dir})
	assert.Equal(t, []string{
		"agents/b.md: symlink: must not be a symbolic link",
		"agents/dir: symlink: must not be a symbolic link",
		"agents/pipe.md: regular-file: must be a regular file, got mode prw-r--r--",
		"command: regular-file: must be a directory, got mode Lrwxrwxrwx",
	}, problems(t, dir, err))
}

func TestLoadUnreadable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := writePackage(t, map[string]string{"agents/a.md": doc("a"), "agents/sub/b.md": doc("b")})
	require.NoError(t, os.Chmod(filepath.Join(dir, "agents", "a.md"), 0))
	sub := filepath.Join(dir, "agents", "sub")
	require.NoError(t, os.Chmod(sub, 0))
	t.Cleanup(func() { _ = os.Chmod(sub, 0o700) }) // or the directory cannot be removed

	_, err := agentbundle.Load(agentbundle.Config{Package: dir})
	assert.ErrorContains(t, err, "agents/a.md: read: ")
	assert.ErrorContains(t, err, "agents/sub: read: ")
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	notJSON, noVersion := t.TempDir(), t.TempDir()
	write(t, notJSON, "package.json", "{")
	write(t, noVersion, "package.json", `{"name": "p"}`)
	fixture := filepath.Join("testdata", "package")

	tests := map[string]struct {
		cfg  agentbundle.Config
		want []string
	}{
		"nothing set":       {agentbundle.Config{}, []string{`config "package": must name the directory`}},
		"two mistakes":      {agentbundle.Config{Port: 70000}, []string{`config "package": `, `config "port": must be from 1 to 65535, got 70000`}},
		"not installed":     {agentbundle.Config{Package: "missing"}, []string{"install it with `npm ci --ignore-scripts --prefix agents`"}},
		"not a directory":   {agentbundle.Config{Package: filepath.Join(fixture, "package.json")}, []string{"reading the agents' package"}},
		"package.json text": {agentbundle.Config{Package: notJSON}, []string{"decoding", "unexpected end of JSON input"}},
		"no version":        {agentbundle.Config{Package: noVersion}, []string{`name and version must be set, got "p" and ""`}},
		"missing overlay": {
			agentbundle.Config{Package: fixture, Exclude: fixtureConfig().Exclude, Overlays: []string{"missing"}},
			[]string{"missing: read: ", "(check the path)"},
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

func TestProblemHint(t *testing.T) {
	t.Parallel()
	p := agentbundle.Problem{Path: "a.md", Line: 3, Rule: "name", Message: "must be set", Hint: "set it"}
	assert.Equal(t, "a.md:3: name: must be set (set it)", p.Error())
}
