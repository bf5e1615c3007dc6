package agentbundle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUATSRequiresEveryKey(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(strings.TrimPrefix(agentDoc("a"), "---\n"), "\n---\n")
	lines := strings.Split(head, "\n")
	assert.Len(t, lines, 23)
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			got := check(t, map[string]string{"agents/a.md": strings.Replace(agentDoc("a"), line+"\n", "", 1)})
			assert.Len(t, got, 1)
			assert.Regexp(t, `^agents/a.md:2: error: uats: `+key+` must be .*, got nothing$`, got[0])
		})
	}
}

func TestUATS(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 501)
	tests := map[string]struct{ line, want string }{
		"name leaves bundle":    {"name: ../a", `2: error: uats: name must be a string matching ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$, got "../a"`},
		"absolute name":         {"name: /a", `2: error: uats: name must be a string matching ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$, got "/a"`},
		"number as version":     {"uats_version: 1.0", `3: error: uats: uats_version must be "1.0", got "1.0" (float)`},
		"other standard":        {"spec_version: UATS_V1", `4: error: uats: spec_version must be "UATS-1.0", got "UATS_V1"`},
		"blank description":     {"description: ' '", `5: error: uats: description must be a text, got " "`},
		"short description":     {"description: Short.", `5: warning: uats: description should have 10 to 500 characters, got 6`},
		"long description":      {"description: " + long, `5: warning: uats: description should have 10 to 500 characters, got 501`},
		"unknown mode":          {"mode: command", `6: error: uats: mode must be one of subagent, primary, agent, all, got "command"`},
		"mode of a validator":   {"mode: agent", ""},
		"mode of the other":     {"mode: all", ""},
		"list as model":         {"model: [a]", `7: error: uats: model must be a text, got a seq`},
		"cold":                  {"temperature: -0.1", `8: error: uats: temperature must be a number from 0 to 2, got "-0.1" (float)`},
		"hot":                   {"temperature: 2.5", `8: error: uats: temperature must be a number from 0 to 2, got "2.5" (float)`},
		"hottest":               {"temperature: 2", ""},
		"word as temperature":   {"temperature: '1'", `8: error: uats: temperature must be a number from 0 to 2, got "1"`},
		"no number":             {"temperature: .nan", `8: error: uats: temperature must be a number from 0 to 2, got ".nan" (float)`},
		"null category":         {"category:", `9: error: uats: category must be a text, got "" (null)`},
		"text as tags":          {"tags: one, two", `10: error: uats: tags must be a list of texts, got "one, two"`},
		"number in tags":        {"tags: [1]", `10: error: uats: tags must be a list of texts, got a seq`},
		"mapping as objectives": {"anti_objectives: {a: b}", `12: error: uats: anti_objectives must be a list of texts, got a map`},
		"quoted date":           {`last_updated: "2025-09-13"`, ""},
		"number as date":        {"last_updated: 2025", `15: error: uats: last_updated must be a date, got "2025" (int)`},
		"unknown stability":     {"stability: shaky", `16: warning: uats: stability must be one of experimental, stable, deprecated, got "shaky"`},
		"unknown maturity":      {"maturity: alpha", `17: warning: uats: maturity must be one of prototype, beta, production, got "alpha"`},
		"unknown follow-up":     {"intended_followups: [a, gone]", `18: error: followups: intended_followups must name agents of the bundle, got "gone"`},
		"text as follow-up":     {"intended_followups: a", `18: error: uats: intended_followups must be a list of texts, got "a"`},
		"whole machine":         {"allowed_directories: [/srv, /]", `19: error: uats: allowed_directories must be a list of directories, none of them the system's, got a seq`},
		"system's directory":    {"allowed_directories: [/etc/ssl]", `19: error: uats: allowed_directories must be a list of directories, none of them the system's, got a seq`},
		"list as tools":         {"tools: [read]", `20: error: uats: tools must be a mapping to true or false, got a seq`},
		"word as tool":          {"tools: {read: 'yes'}", `20: error: uats: tools must be a mapping to true or false, got a map`},
		"write without read":    {"tools: {write: true, read: false}", `20: warning: uats: tools should have read where they have write or edit`},
		"edit without read":     {"tools: {edit: true}", `20: warning: uats: tools should have read where they have write or edit`},
		"asking permission":     {"permission: {bash: ask}", ""},
		"unknown permission":    {"permission: {bash: maybe}", `21: error: uats: permission must be a mapping to one of allow, ask, deny, got a map`},
		"other output":          {"output_format: text", `22: error: uats: output_format must be "AGENT_OUTPUT_V1", got "text"`},
		"unstructured":          {"requires_structured_output: false", `23: error: uats: requires_structured_output must be true, got "false" (bool)`},
		"no rules":              {"validation_rules: []", `24: error: uats: validation_rules must be a list of texts, not empty, got a seq`},
		"unknown key":           {"color: green", ""},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			want := []string{}
			if tt.want != "" {
				want = append(want, "agents/a.md:"+tt.want)
			}
			assert.Equal(t, want, check(t, map[string]string{"agents/a.md": set(agentDoc("a"), tt.line)}))
		})
	}
}

// set replaces the line with the same key in a front matter, or adds it.
func set(doc, line string) string {
	key, _, _ := strings.Cut(line, ":")
	before, rest, ok := strings.Cut(doc, "\n"+key+":")
	if !ok {
		return strings.Replace(doc, "---\n", "---\n"+line+"\n", 1)
	}
	_, after, _ := strings.Cut(rest, "\n")
	return before + "\n" + line + "\n" + after
}

// Text in back-ticks and exec( are good agents.
func TestAgentBodyIsFree(t *testing.T) {
	t.Parallel()
	body := "Run `exec(\"ls\")` and show {{anything}}.\n"
	assert.Empty(t, check(t, map[string]string{"agents/a.md": agentDoc("a") + body}))
}
