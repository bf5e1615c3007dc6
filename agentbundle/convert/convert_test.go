package convert_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

// folders are where the published package keeps what it converted.
var folders = map[string]struct{ agents, commands string }{
	"claude-code": {".claude/agents", ".claude/commands"},
	"opencode":    {".opencode/agent", ".opencode/command"},
}

func TestPublishedPackage(t *testing.T) {
	t.Parallel()
	installed := filepath.Join("..", "..", "agents", "node_modules", "@agentic-codeflow", "cli")
	if _, err := os.Stat(installed); err != nil {
		t.Fatal("the package is not installed: run `npm ci --ignore-scripts --prefix agents`")
	}
	files := map[string]string{}
	for source, data := range readTree(t, installed, "codeflow-agents") {
		files["agents/"+path.Base(source)] = data
	}
	delete(files, "agents/api-builder-enhanced.md") // invalid, and never converted
	require.Len(t, files, 33)
	for source, data := range readTree(t, installed, "command") {
		files["commands/"+path.Base(source)] = data
	}
	require.Len(t, files, 33+9)

	for format, in := range folders {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			want := readTree(t, installed, in.agents)
			for _, leftover := range []string{"dryrun-test.md", "health-test.md"} {
				delete(want, in.agents+"/"+leftover)
			}
			for name, data := range readTree(t, installed, in.commands) {
				want[name] = data
			}
			got, err := to(format, files)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// The expected files in testdata were written by the converter in the
// package's src/conversion, run in Node.
func TestUpstreamConverter(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "upstream")
	files := readTree(t, dir, "agents")
	for format, in := range folders {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			got, err := to(format, files)
			require.NoError(t, err)
			assert.Equal(t, readTree(t, dir, in.agents), got)
		})
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	got, err := to("cursor", map[string]string{
		"agents/a.md":   "---\nname: a\ndescription: d\nmodel: m\ntemperature: 0.1\ntools: {read: true, bash: false}\n---\nbody\n",
		"commands/c.md": "as it is\n",
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		".cursor/agents/a.md":   "---\nname: a\ndescription: d\ntools: read\nmodel: m\n---\nbody",
		".cursor/commands/c.md": "as it is\n",
	}, got)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	agent := func(lines ...string) map[string]string {
		return map[string]string{"agents/a.md": "---\n" + strings.Join(lines, "\n") + "\n---\n"}
	}
	for name, tc := range map[string]struct {
		format string
		files  map[string]string
		want   string
	}{
		"unknown format": {"vim", nil, `format must be one of claude-code, cursor, opencode, uats, got "vim"`},
		"colliding names": {
			"opencode",
			map[string]string{"agents/a.md": "---\nname: same\n---\n", "agents/b.md": "---\nname: same\n---\n"},
			"agents/b.md: .opencode/agent/same.md is taken by agents/a.md",
		},
		"colliding commands": {
			"claude-code",
			map[string]string{"commands/c.md": "", "commands/sub/c.md": ""},
			"commands/sub/c.md: .claude/commands/c.md is taken by commands/c.md",
		},
		"other file":      {"cursor", map[string]string{"agents/a.txt": ""}, "agents/a.txt: must be agents/<name>.md or commands/<name>.md"},
		"other folder":    {"cursor", map[string]string{"docs/a.md": ""}, "docs/a.md: must be"},
		"no front matter": {"cursor", map[string]string{"agents/a.md": "text"}, `agents/a.md: must start with YAML`},
		"invalid YAML":    {"cursor", agent("a: b: c"), "agents/a.md: parsing front matter: yaml:"},
		"no mapping":      {"cursor", agent("- a"), "agents/a.md: front matter must be a mapping"},
		"name outside":    {"cursor", agent("name: ../a"), `agents/a.md:2: name must match`},
		"name of a list":  {"cursor", agent("name: [a]"), `agents/a.md:2: name must match`},
		"nested value":    {"opencode", agent("tags: {a: b}"), "agents/a.md:2: tags must be one value or a list of values"},
		"nested list":     {"opencode", agent("tags:", "  - [a]"), "agents/a.md:3: tags must be one value or a list of values"},
		"alias":           {"opencode", agent("x: &x a", "model: *x"), "agents/a.md:3: model must be one value or a list of values"},
		"tools as text":   {"claude-code", agent("tools: read, bash"), "agents/a.md:2: tools must be a mapping of names to true or false"},
		"tool not boolean": {
			"opencode", agent("tools:", "  read: true", "  bash: no"),
			`agents/a.md:4: tools.bash must be true or false, got "no"`,
		},
		"quoted boolean": {"opencode", agent(`tools: {bash: "true"}`), "agents/a.md:2: tools.bash must be true or false"},
		"two tools in one": {
			"claude-code", agent(`tools: {"read, bash": true}`),
			`agents/a.md:2: the name of a tool must match ^[\w.*:()/-]{1,128}$, got "read, bash"`,
		},
		"two tools in one permission": {
			"opencode", agent(`permissions: {opencode: {tools: ["a b"]}}`),
			"agents/a.md:2: the name of a tool must match",
		},
		"every file is named": {
			"cursor",
			map[string]string{"agents/a.md": "", "agents/b.md": ""},
			`agents/b.md: must start with YAML`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := to(tc.format, tc.files)
			require.ErrorContains(t, err, tc.want)
			assert.Empty(t, got)
		})
	}
}

// to is [convert.To] with texts, which tests can show.
func to(format string, files map[string]string) (map[string]string, error) {
	data := map[string][]byte{}
	for name, text := range files {
		data[name] = []byte(text)
	}
	converted, err := convert.To(format, data)
	out := map[string]string{}
	for name, data := range converted {
		out[name] = string(data)
	}
	return out, err
}

// readTree returns the Markdown files under root/dir by their path in root.
func readTree(t *testing.T, root, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(file string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".md" {
			return err
		}
		data, err := os.ReadFile(file)
		name, _ := filepath.Rel(root, file)
		files[filepath.ToSlash(name)] = string(data)
		return err
	}))
	require.NotEmpty(t, files)
	return files
}
