package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

func load(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(bundletest.Small(t))
	require.NoError(t, err)
	return c
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c := load(t)
	require.Len(t, c.Agents, 3)
	assert.Equal(t, "api-builder", c.Agents[0].Name, "sorted by name")
	assert.Nil(t, c.Agent("no-such"))
	assert.Nil(t, c.Command("no-such"))

	a := c.Agent("database-expert")
	assert.Equal(t, []string{"postgresql", "database"}, a.Tags)
	assert.Equal(t, "# Databases\n\nIndexes and sql.", a.Body)
	assert.Len(t, a.Digest, 64)
	for format, want := range map[string]string{
		"base":        "category: development",
		"claude-code": "tools: read",
		"opencode":    "permission:",
	} {
		text, err := a.Text(format)
		require.NoError(t, err)
		assert.Contains(t, text, want)
	}
	_, err := a.Text("cursor")
	require.ErrorContains(t, err, `format must be one of base, claude-code, opencode, got "cursor"`)

	k := c.Command("plan")
	assert.Equal(t, catalog.Input{Name: "ticket", Type: "string", Required: true, Description: "What for."}, k.Inputs[0])
	assert.Equal(t, "# Plan {{ticket}}\n\nRead the files first.", k.Body)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	good := bundletest.Agent("a", "Text.", "x", "body")
	for name, tc := range map[string]struct {
		agents, commands map[string]string
		damage           func(fstest.MapFS)
		want             string
	}{
		"no manifest":     {damage: func(b fstest.MapFS) { delete(b, manifest.FileName) }, want: "reading the bundle's manifest"},
		"changed":         {agents: map[string]string{"a": good}, damage: func(b fstest.MapFS) { b["agents/a.md"].Data = []byte("x") }, want: `verifying "a"`},
		"no front matter": {agents: map[string]string{"a": "text"}, want: `loading agent "a": must start with YAML`},
		"wrong type":      {agents: map[string]string{"a": "---\ntags: 1\n---\n"}, want: `loading agent "a": reading front matter`},
		"command":         {commands: map[string]string{"k": "---\ninputs: 1\n---\n"}, want: `loading command "k": reading front matter`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := bundletest.FS(t, tc.agents, tc.commands)
			if tc.damage != nil {
				tc.damage(files)
			}
			_, err := catalog.Load(files)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	c := load(t)
	for query, want := range map[string][]string{
		"sql":            {"database-expert", "seo-master"}, // of the description before a mention
		"SQL, please":    {"database-expert", "seo-master"},
		"database":       {"database-expert", "api-builder"}, // the name before a word that it begins
		"postgres":       {"database-expert"},
		"seo sql":        {"seo-master", "database-expert"},
		"nothing of it":  {},
		" -- ":           {},
		"sql sql sql":    {"database-expert", "seo-master"},
		"ranking search": {"seo-master"},
		"Optimizing":     {"database-expert"},
		"for the sql":    {"database-expert", "seo-master"}, // words of every question do not count
	} {
		names := []string{}
		for _, hit := range c.Search(query, 10) {
			assert.Positive(t, hit.Score)
			names = append(names, hit.Agent.Name)
		}
		assert.Equal(t, want, names, query)
	}
	assert.Len(t, c.Search(strings.Repeat("x ", 31)+"sql", 10), 2)
	assert.Empty(t, c.Search(strings.Repeat("x ", 32)+"sql", 10), "no more words count")
	assert.Len(t, c.Search("sql", 1), 1)
	assert.Empty(t, c.Search("sql", 0))
	assert.Empty(t, c.Search("sql", -1))
}

func TestSearchCommands(t *testing.T) {
	t.Parallel()
	c := load(t)
	for query, want := range map[string][]string{
		"write the docs":      {"project-docs"},
		"planning":            {"plan"},
		"document the ticket": {"project-docs", "plan"}, // of some of the words
		"nothing of it":       {},
	} {
		names := []string{}
		for _, command := range c.SearchCommands(query, 10) {
			names = append(names, command.Name)
		}
		assert.Equal(t, want, names, query)
	}
	assert.Len(t, c.SearchCommands("document the ticket", 1), 1)
}
