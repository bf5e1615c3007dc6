package agentbundle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// TestCheckNames is about names and the files that several names lead to.
func TestCheckNames(t *testing.T) {
	t.Parallel()
	registry := func(name, base string) string {
		return `{"canonical_agents": [
			{"name": "` + name + `", "sources": {"base": "` + base + `"}}
		]}`
	}
	tests := map[string]struct {
		files   map[string]string
		exclude map[string]string
		want    []string
	}{
		"an agent and a command of one name": {
			files: map[string]string{"agents/same.md": agentDoc("same"), "commands/same.md": commandDoc("same")},
			want:  []string{},
		},
		"name is not the file name": {
			files: map[string]string{"agents/a.md": agentDoc("b")},
			want:  []string{`agents/a.md:2: error: file-name: name must be the file name "a", got "b"`},
		},
		"duplicate": {
			files: map[string]string{"agents/a/x.md": agentDoc("x"), "agents/b/x.md": agentDoc("x")},
			want:  []string{`agents/b/x.md:2: error: duplicate-name: agent name "x" is taken by agents/a/x.md`},
		},
		"duplicate before the file that is called so": {
			files: map[string]string{"agents/a.md": agentDoc("x"), "agents/x.md": agentDoc("x")},
			want: []string{
				`agents/a.md:2: error: duplicate-name: agent name "x" is taken by agents/x.md`,
				`agents/a.md:2: error: file-name: name must be the file name "a", got "x"`,
			},
		},
		"case-only collision": {
			files: map[string]string{"commands/plan.md": commandDoc("plan"), "commands/Plan.md": commandDoc("Plan")},
			want:  []string{`commands/plan.md:2: error: duplicate-name: name "plan" must differ from "Plan" of commands/Plan.md in more than case`},
		},
		"follow-up to a broken agent": {
			files: map[string]string{"agents/a.md": set(agentDoc("a"), "intended_followups: [b]"), "agents/b.md": ""},
			want:  []string{`agents/b.md:1: error: front-matter: must start with YAML between two lines "---"`},
		},
		"follow-up to an excluded agent": {
			files:   map[string]string{"agents/a.md": set(agentDoc("a"), "intended_followups: [b]"), "agents/b.md": ""},
			exclude: map[string]string{"agents/b.md": "broken"},
			want:    []string{`agents/a.md:18: error: followups: intended_followups must name agents of the bundle, got "b"`},
		},
		"follow-up to a command": {
			files: map[string]string{"agents/a.md": set(agentDoc("a"), "intended_followups: [c]"), "commands/c.md": commandDoc("c")},
			want:  []string{`agents/a.md:18: error: followups: intended_followups must name agents of the bundle, got "c"`},
		},
		"exclusions without match or reason": {
			files:   map[string]string{"agents/a.md": "bad", "agents/b.md": agentDoc("b")},
			exclude: map[string]string{"agents/a.md": " ", "agents/gone.md": "bad"},
			want: []string{
				"agents/a.md: error: exclude: must have a reason, got none",
				`agents/gone.md: error: exclude: must name a file of the source, "agents/gone.md" is none`,
			},
		},
		"exclusion by other paths": {
			files:   map[string]string{"agents/b.md": agentDoc("b")},
			exclude: map[string]string{"/agents/b.md": "absolute", "x/../agents/b.md": "leaves a folder"},
			want: []string{
				`agents/b.md: error: exclude: must name a file of the source, "/agents/b.md" is none`,
				`agents/b.md: error: exclude: must name a file of the source, "x/../agents/b.md" is none`,
			},
		},
		"registry agrees": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": registry("a", "agents/a.md")},
			want:  []string{},
		},
		"registry lists an excluded file": {
			files:   map[string]string{"agents/a.md": "", "AGENT_MANIFEST.json": registry("a", "agents/a.md")},
			exclude: map[string]string{"agents/a.md": "broken"},
			want:    []string{},
		},
		"registry without the file": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": registry("a", "agents/b.md")},
			want:  []string{`AGENT_MANIFEST.json:2: error: registry: agent "a" must have its file, "agents/b.md" is none`},
		},
		"registry leaves the package": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": registry("a", "../agents/a.md")},
			want:  []string{`AGENT_MANIFEST.json:2: error: registry: agent "a" must have its file, "../agents/a.md" is none`},
		},
		"registry with another name": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": registry("b", "agents/a.md")},
			want:  []string{`AGENT_MANIFEST.json:2: error: registry: agent "b" must be what "agents/a.md" holds, got "a"`},
		},
		"registry without the agent": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": `{}`},
			want:  []string{`agents/a.md:2: error: registry: agent "a" must be listed in AGENT_MANIFEST.json`},
		},
		"registry is no JSON": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": `{`},
			want:  []string{"AGENT_MANIFEST.json: error: registry: unexpected end of JSON input"},
		},
		"registry is no text": {
			files: map[string]string{"agents/a.md": agentDoc("a"), "AGENT_MANIFEST.json": "{\x00}"},
			want:  []string{"AGENT_MANIFEST.json:1: error: text: must be UTF-8 text without NUL bytes"},
		},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := writePackage(t, tt.files)
			assert.Equal(t, tt.want, problems(t, dir, agentbundle.Config{Package: agentbundle.Source{Path: dir, Exclude: tt.exclude}}))
		})
	}
}

// A collision between sources is one too: neither replaces the other.
func TestCheckNamesOfSources(t *testing.T) {
	t.Parallel()
	dir := writePackage(t, map[string]string{"commands/plan.md": commandDoc("plan")})
	own := writePackage(t, map[string]string{"commands/PLAN.md": commandDoc("PLAN")})
	assert.Equal(t, []string{
		own + `/commands/PLAN.md:2: error: duplicate-name: name "PLAN" must differ from "plan" of commands/plan.md in more than case`,
	}, problems(t, dir, agentbundle.Config{Package: agentbundle.Source{Path: dir}, Overlays: []agentbundle.Source{{Path: own}}}))
}
