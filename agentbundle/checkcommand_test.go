package agentbundle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header, body string
		want         []string // "line: severity: rule: message"; the header starts at line 2
	}{
		"complete": {
			"name: c\ndescription: d\nmode: command\ninputs: [{name: a, type: string, required: false}]\noutputs: []\ncache_strategy: {type: none, ttl: 0}",
			"{{a}} {{ a }}", nil,
		},
		"nothing": {"x: y", "", []string{
			"2: error: command: name must be a string matching ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$, got nothing",
			"2: error: command: description must be a text, got nothing",
		}},
		"mode of an agent": {"name: c\ndescription: d\nmode: primary", "", []string{`4: error: command: mode must be "command", got "primary"`}},
		"other file":       {"name: d\ndescription: d", "", []string{`2: error: file-name: name must be the file name "c", got "d"`}},
		"text as inputs":   {"name: c\ndescription: d\ninputs: a", "", []string{`4: error: command: inputs must be a list, got "a"`}},
		"text as outputs":  {"name: c\ndescription: d\noutputs: a", "", []string{`4: error: command: outputs must be a list, got "a"`}},
		"empty input": {"name: c\ndescription: d\ninputs: [{}]", "", []string{
			"4: error: inputs: inputs[0].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got nothing",
			"4: error: inputs: inputs[0].type must be one of string, number, integer, boolean, array, got nothing",
			"4: error: inputs: inputs[0].required must be true or false, got nothing",
		}},
		"text as input": {"name: c\ndescription: d\ninputs:\n  - a", "", []string{
			"5: error: inputs: inputs[0].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got nothing",
			"5: error: inputs: inputs[0].type must be one of string, number, integer, boolean, array, got nothing",
			"5: error: inputs: inputs[0].required must be true or false, got nothing",
		}},
		"word as required": {"name: c\ndescription: d\ninputs:\n  - {name: a, type: string, required: 'yes'}", "{{a}}", []string{
			`5: error: inputs: inputs[0].required must be true or false, got "yes"`,
		}},
		"names that clients refuse": {"name: c\ndescription: d\ninputs:\n  - {name: bad name, type: string, required: true}\n  - {name: a.b, type: string, required: true}\n  - name: é\n    type: string\n    required: true\n  - {name: " + strings.Repeat("x", 65) + ", type: string, required: true}", "`bad name` `a.b` `é` `" + strings.Repeat("x", 65) + "`", []string{
			`5: error: inputs: inputs[0].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got "bad name"`,
			`6: error: inputs: inputs[1].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got "a.b"`,
			`7: error: inputs: inputs[2].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got "é"`,
			`10: error: inputs: inputs[3].name must be a string matching ^[A-Za-z0-9_-]{1,64}$, got "` + strings.Repeat("x", 60) + `"`,
		}},
		"types without a schema": {"name: c\ndescription: d\ninputs:\n  - {name: a, type: object, required: true}\n  - {name: b, type: [string, 'null'], required: true}", "`a` `b`", []string{
			`5: error: inputs: inputs[0].type must be one of string, number, integer, boolean, array, got "object"`,
			`6: error: inputs: inputs[1].type must be one of string, number, integer, boolean, array, got a seq`,
		}},
		"a list as description": {"name: c\ndescription: d\ninputs:\n  - {name: a, type: integer, required: true, description: [x]}\n  - {name: b, type: string, required: true, description: ''}", "`a` `b`", []string{
			`5: error: inputs: inputs[0].description must be a text, got a seq`,
		}},
		"same name twice": {"name: c\ndescription: d\ninputs:\n  - {name: a, type: string, required: true}\n  - {name: a, type: number, required: true}", "`a`", []string{
			`6: error: inputs: inputs[1].name must be unique, got "a" again`,
		}},
		"longest name": {"name: c\ndescription: d\ninputs:\n  - {name: " + strings.Repeat("x", 64) + ", type: array, required: true}", "`" + strings.Repeat("x", 64) + "`", nil},
		"unknown cache": {"name: c\ndescription: d\ncache_strategy:\n  ttl: 1\n  type: agent_specific", "", []string{
			`6: error: cache-strategy: cache_strategy.type must be one of content_based, time_based, none, got "agent_specific"`,
		}},
		"cache for a word": {"name: c\ndescription: d\ncache_strategy: {type: none, ttl: long}", "", []string{
			`4: error: cache-strategy: cache_strategy.ttl must be a number, got "long"`,
		}},
		"cache of another shape": {"name: c\ndescription: d\ncache_strategy: none", "", []string{
			"4: error: cache-strategy: cache_strategy.type must be one of content_based, time_based, none, got nothing",
			"4: error: cache-strategy: cache_strategy.ttl must be a number, got nothing",
		}},
		"undeclared, once each": {"name: c\ndescription: d", "{{b}}\n{{a}} {{b}}\n{{/a}}", []string{
			"5: error: variable: {{b}} must be declared in inputs",
			"6: error: variable: {{a}} must be declared in inputs",
			"7: error: variable: {{/a}} must be declared in inputs",
		}},
		"unused": {"name: c\ndescription: d\ninputs:\n  - {name: plan, type: string, required: true}", "the plan", []string{
			`5: warning: variable: input "plan" should be used in the text`,
		}},
		"explained, not placed": {
			"name: c\ndescription: d\ninputs: [{name: a, type: string, required: true}, {name: b, type: string, required: true}]",
			"- **a**: what\n- `b`: what", nil,
		},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			want := []string{}
			for _, w := range tt.want {
				want = append(want, "commands/c.md:"+w)
			}
			assert.ElementsMatch(t, want, check(t, map[string]string{"commands/c.md": "---\n" + tt.header + "\n---\n" + tt.body}))
		})
	}
}
