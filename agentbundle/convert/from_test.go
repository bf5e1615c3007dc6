// Each file is read as its own tool documents it. What the tools really do with
// a file is not run here.
package convert

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// from reads a file whose front matter is valid YAML.
func from(t require.TestingT, tool string, kind Kind, path, text string) Read {
	f := File{Tool: tool, Kind: kind, Path: path, Body: []byte(text), BodyLine: 1}
	if header, rest, ok := frontmatter.Split([]byte(text)); ok {
		front, body, err := frontmatter.Parse([]byte(text))
		require.NoError(t, err)
		f.Front, f.Body, f.BodyLine = front, body, strings.Count(string(header), "\n")+2
		_ = rest
	}
	return From(f)
}

func TestFrom(t *testing.T) {
	t.Parallel()
	for title, tc := range map[string]struct {
		tool  string
		kind  Kind
		path  string
		text  string
		want  string
		notes []string // "line: rule: message"
	}{
		"agent of Claude Code": {
			ClaudeCode, Agent, "agents/go-reviewer.md",
			"---\nname: go-reviewer\ndescription: Reviews Go.\\n\\nExamples\\nof it\ntools: Read, Grep, Bash(git log:*, git diff:*), mcp__x__y\nmodel: inherit\ncolor: blue\nversion: 1.0\n---\n\nYou review.\n",
			"---\nname: go-reviewer\ndescription: |-\n  Reviews Go.\n\n  Examples\n  of it\nformat: claude-code\nmode: subagent\ntools:\n  read: true\n  grep: true\n  Bash(git log:*, git diff:*): true\n  mcp__x__y: true\ncolor: blue\nversion: 1\n---\nYou review.\n",
			nil,
		},
		"denied tools and a model": {
			ClaudeCode, Agent, "a.md", "---\nname: a\ndescription: d\ntools: [Read]\ndisallowedTools: Write\nmodel: sonnet\nmaxTurns: 3\n---\nx",
			"---\nname: a\ndescription: d\nformat: claude-code\nmode: subagent\ntools:\n  read: true\n  write: false\nmodel: sonnet\nsteps: 3\n---\nx\n", nil,
		},
		"all tools":          {ClaudeCode, Agent, "a.md", "---\nname: a\ndescription: d\ntools: '*'\n---\nx", "---\nname: a\ndescription: d\nformat: claude-code\nmode: subagent\n---\nx\n", nil},
		"agent without name": {ClaudeCode, Agent, "agents/My Agent.md", "---\ndescription: d\n---\nx", "", []string{"1: name: must have a name, as every agent of Claude Code"}},
		"agent without description": {
			ClaudeCode, Agent, "a.md", "---\nname: a\n---\nx", "", []string{"1: description: must have a description, as every agent of Claude Code"},
		},
		"name with spaces": {
			ClaudeCode, Agent, "a.md", "---\nname: Code Reviewer\ndescription: d\n---\nx",
			"---\nname: code-reviewer\ndescription: d\nformat: claude-code\nmode: subagent\n---\nx\n",
			[]string{`2: name: "Code Reviewer" is called "code-reviewer" in the bundle`},
		},
		"name of other letters": {
			ClaudeCode, Agent, "a.md", "---\nname: p\u0430ypal\ndescription: d\n---\nx", "",
			[]string{`2: name: name must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$, got "pаypal": "а" is U+0430, which looks like "a"`},
		},
		"command of Claude Code": {
			ClaudeCode, Command, "commands/git/fix-issue.md",
			"---\nargument-hint: \"[number] [priority]\"\nallowed-tools: Bash(git:*)\n---\nFix issue $1 with $2.\nState: !`git status`\nSee @src/main.go and a@b.com, @scope/package, `@x.go`.\n```\n@in/code.go\n```\nawk '{print $1}'\n{{ number }} \\{{x}}\n",
			"---\nname: fix-issue\ndescription: Fix issue $1 with $2.\nformat: claude-code\nallowed-tools: Bash(git:*)\nargument-hint: \"[number] [priority]\"\ninputs:\n  - name: number\n    type: string\n    required: false\n    description: number\n  - name: priority\n    type: string\n    required: false\n    description: priority\n---\nFix issue {{number}} with {{priority}}.\nState: !`git status`\nSee @src/main.go and a@b.com, @scope/package, `@x.go`.\n```\n@in/code.go\n```\nawk '{print $1}'\n\\{{ number }} \\\\{{x}}\n",
			[]string{
				"6: reference: \"!`git status`\" runs in Claude Code and OpenCode, a server cannot run it: it is served as text",
				`7: reference: "@src/main.go" is a file's text in its own tool, a server has no such file: it is served as text`,
			},
		},
		"command without front matter": {
			ClaudeCode, Command, "commands/plan.md", "# Plan the work\n\nPlan $ARGUMENTS.\n",
			"---\nname: plan\ndescription: Plan the work\nformat: claude-code\ninputs:\n  - name: arguments\n    type: string\n    required: false\n    description: What follows the command's name.\n---\n# Plan the work\n\nPlan {{arguments}}.\n",
			nil,
		},
		"hint without a place": {
			ClaudeCode, Command, "c.md", "---\ndescription: d\nargument-hint: [topic]\n---\nx",
			"---\nname: c\ndescription: d\nformat: claude-code\nargument-hint: \"[topic]\"\ninputs:\n  - name: arguments\n    type: string\n    required: false\n    description: \"[topic]\"\n---\nx\n", nil,
		},
		"skill": {
			ClaudeCode, Command, "skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDFs.\nlicense: MIT\n---\nRun ${CLAUDE_SKILL_DIR}/x.\n",
			"---\nname: pdf\ndescription: Reads PDFs.\nformat: claude-code\nlicense: MIT\n---\nRun ${CLAUDE_SKILL_DIR}/x.\n",
			[]string{`6: reference: "${CLAUDE_SKILL_DIR}" is a value of Claude Code, a server has none: it is served as text`},
		},
		"agent of OpenCode": {
			OpenCode, Agent, ".opencode/agent/review.md",
			"---\ndescription: Reviews.\nmode: primary\nmodel: anthropic/claude-sonnet-4-5\ntemperature: 0.1\ntools:\n  write: false\npermission:\n  edit: deny\n  bash:\n    git *: allow\n---\nx",
			"---\nname: review\ndescription: Reviews.\nformat: opencode\nmode: primary\nmodel: anthropic/claude-sonnet-4-5\ntemperature: 0.1\ntools:\n  write: false\npermission:\n  edit: deny\n  bash:\n    git *: allow\n---\nx\n",
			nil,
		},
		"agent of OpenCode with defaults": {OpenCode, Agent, "agent/a.md", "---\npermission: ask\n---\nDoes it.", "---\nname: a\ndescription: Does it.\nformat: opencode\nmode: all\npermission:\n  \"*\": ask\n---\nDoes it.\n", nil},
		"prompt in the front matter":      {OpenCode, Agent, "agent/a.md", "---\ndescription: d\nprompt: Do it.\n---\n", "---\nname: a\ndescription: d\nformat: opencode\nmode: all\n---\nDo it.\n", nil},
		"unknown permission": {
			OpenCode, Agent, "agent/a.md", "---\ndescription: d\npermission: {edit: maybe}\n---\nx", "",
			[]string{"3: value: permission must be allow, ask or deny, or a mapping of tools to them, got a map"},
		},
		"rule of Cursor": {
			Cursor, Agent, ".cursor/rules/go.mdc", "---\ndescription: Go style\nglobs: \"**/*.go, *.{mod,sum}\"\nalwaysApply: false\n---\nUse gofmt. See @style.md.\n",
			"---\nname: go\ndescription: Go style\nformat: cursor\nglobs:\n  - \"**/*.go\"\n  - \"*.{mod,sum}\"\nalways_apply: false\n---\nUse gofmt. See @style.md.\n",
			[]string{`6: reference: "@style.md" is a file's text in its own tool, a server has no such file: it is served as text`},
		},
		"old rule of Cursor": {Cursor, Agent, "react/.cursorrules", "You know React.\n", "---\nname: react\ndescription: You know React.\nformat: cursor\nalways_apply: true\n---\nYou know React.\n", nil},
		"agent of Cursor":    {Cursor, Agent, ".cursor/agents/a.md", "---\nname: a\ndescription: d\nreadonly: true\nis_background: true\n---\nx", "---\nname: a\ndescription: d\nformat: cursor\nmode: subagent\ntools:\n  write: false\n  edit: false\nbackground: true\n---\nx\n", nil},
		"command of Cursor":  {Cursor, Command, ".cursor/commands/c.md", "# Review\n\nDo it.\n", "---\nname: c\ndescription: Review\nformat: cursor\n---\n# Review\n\nDo it.\n", nil},
		"keys of the bundle": {
			ClaudeCode, Agent, "a.md", "---\nname: a\ndescription: d\ntags: one, two\ninputs: x\nformat: y\n---\nx",
			"---\nname: a\ndescription: d\nformat: claude-code\nmode: subagent\ntags:\n  - one\n  - two\n---\nx\n",
			[]string{"5: unknown-key: inputs is no key of Claude Code and is left out", "6: unknown-key: format is no key of Claude Code and is left out"},
		},
		"no text": {ClaudeCode, Agent, "a.md", "---\nname: a\ndescription: d\n---\n\n", "---\nname: a\ndescription: d\nformat: claude-code\nmode: subagent\n---\n\n", []string{"5: body: has no text"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			read := from(t, tc.tool, tc.kind, tc.path, tc.text)
			var notes []string
			for _, n := range read.Notes {
				notes = append(notes, strings.Join([]string{string(rune('0' + n.Line)), n.Rule, n.Message}, ": "))
				assert.NotEmpty(t, n.Hint, n.Message)
			}
			assert.Equal(t, tc.notes, notes)
			assert.Equal(t, tc.want, string(read.Data))
		})
	}
}

func TestFromDisabled(t *testing.T) {
	t.Parallel()
	read := from(t, OpenCode, Agent, "a.md", "---\ndescription: d\ndisable: true\n---\nx")
	assert.Equal(t, "is disabled by disable: true", read.Disabled)
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for title, tc := range map[string]struct {
		path, front string
		kind        Kind
		tool        string
		sure        bool
	}{
		"nothing":            {"a.md", "", Agent, ClaudeCode, false},
		"plain":              {"a.md", "name: a\ndescription: d", Agent, ClaudeCode, false},
		"tools of Claude":    {"a.md", "name: a\ndescription: d\ntools: Read", Agent, ClaudeCode, true},
		"model of Claude":    {"a.md", "name: a\nmodel: inherit", Agent, ClaudeCode, true},
		"hint":               {"c.md", "argument-hint: x", Command, ClaudeCode, true},
		"mode":               {"a.md", "mode: subagent", Agent, OpenCode, true},
		"mode of a command":  {"c.md", "name: c\nmode: command", Command, ClaudeCode, false},
		"tools of OpenCode":  {"a.md", "tools: {write: false}", Agent, OpenCode, true},
		"model of OpenCode":  {"a.md", "model: a/b", Agent, OpenCode, true},
		"rule":               {"x.mdc", "", Agent, Cursor, true},
		"globs":              {"x.md", "globs: '*'", Agent, Cursor, true},
		"UATS":               {"a.md", "uats_version: '1.0'\nmode: subagent", Agent, UATS, true},
		"command of UATS":    {"c.md", "inputs: []", Command, UATS, true},
		"file of a bundle":   {"a.md", "name: a\nformat: opencode\nmode: all", Agent, UATS, true},
		"folder of Claude":   {".claude/agents/a.md", "mode: subagent", Agent, ClaudeCode, true},
		"folder of OpenCode": {"x/.opencode/agent/a.md", "", Agent, OpenCode, true},
		"folder of Cursor":   {".cursor/commands/a.md", "", Command, Cursor, true},
		"skill":              {"skills/x/SKILL.md", "name: x", Command, ClaudeCode, true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			tool, sure := Detect(tc.path, tc.kind, nil)
			if tc.front != "" {
				front, _, err := frontmatter.Parse([]byte("---\n" + tc.front + "\n---\n"))
				require.NoError(t, err)
				tool, sure = Detect(tc.path, tc.kind, front)
			}
			assert.Equal(t, tc.tool, tool)
			assert.Equal(t, tc.sure, sure)
		})
	}
}

func TestConvertLosses(t *testing.T) {
	t.Parallel()
	claude := string(from(t, ClaudeCode, Agent, "a.md", "---\nname: a\ndescription: d\ntools: Read, Grep\nmodel: sonnet\nhooks: {x: y}\n---\nx").Data)
	open := string(from(t, OpenCode, Agent, "a.md", "---\ndescription: d\nmode: primary\ntemperature: 0.1\npermission: {edit: deny, bash: ask}\n---\nx").Data)
	rule := string(from(t, Cursor, Agent, "a.mdc", "---\ndescription: d\nglobs: '*.go'\n---\nx").Data)
	command := string(from(t, ClaudeCode, Command, "a.md", "---\ndescription: d\nargument-hint: '[n]'\n---\nDo $1.").Data)
	for title, tc := range map[string]struct {
		target, path, text string
		want, file         string
		lost               string
	}{
		"Claude Code to OpenCode": {
			OpenCode, "agents/a.md", claude, "---\ndescription: d\nmode: subagent\npermission:\n  \"*\": deny\n  read: allow\n  grep: allow\n---\nx\n",
			".opencode/agent/a.md", "model hooks",
		},
		"Claude Code to Cursor": {Cursor, "agents/a.md", claude, "---\nname: a\ndescription: d\nreadonly: true\n---\nx\n", ".cursor/agents/a.md", "tools model hooks"},
		"OpenCode to Claude Code": {
			ClaudeCode, "agents/a.md", open, "---\nname: a\ndescription: d\ndisallowedTools: Edit\n---\nx\n", ".claude/agents/a.md", "mode temperature permission",
		},
		"rule to Claude Code":       {ClaudeCode, "agents/a.md", rule, "---\nname: a\ndescription: d\n---\nx\n", ".claude/agents/a.md", "globs always_apply"},
		"rule back":                 {Cursor, "agents/a.md", rule, "---\ndescription: d\nglobs: \"*.go\"\nalwaysApply: false\n---\nx\n", ".cursor/rules/a.mdc", ""},
		"command to OpenCode":       {OpenCode, "commands/a.md", command, "---\ndescription: d\n---\nDo $1.\n", ".opencode/command/a.md", "argument-hint"},
		"command back":              {ClaudeCode, "commands/a.md", command, "---\ndescription: d\nargument-hint: \"[n]\"\n---\nDo $1.\n", ".claude/commands/a.md", ""},
		"command to Cursor":         {Cursor, "commands/a.md", command, "Do $1.\n", ".cursor/commands/a.md", "description argument-hint inputs"},
		"to UATS":                   {UATS, "agents/a.md", rule, "---\nname: a\ndescription: d\nglobs:\n  - \"*.go\"\nalways_apply: false\n---\nx\n", "agents/a.md", ""},
		"UATS to Claude Code":       {ClaudeCode, "agents/a.md", "---\nname: a\ndescription: d\nmode: primary\nowner: o\n---\nx", "---\nname: a\ndescription: d\n---\nx", ".claude/agents/a.md", "mode owner"},
		"UATS with Claude's word":   {OpenCode, "agents/a.md", "---\nname: a\ndescription: d\nmodel: inherit\n---\nx", "---\nname: a\ndescription: d\nmode: subagent\npermission:\n  edit: deny\n  bash: deny\n  webfetch: allow\n---\nx", ".opencode/agent/a.md", ""},
		"command of UATS":           {ClaudeCode, "commands/a.md", "---\nname: a\ndescription: d\ninputs: [{name: n, type: string, required: true}]\n---\n{{n}} \\{{x}}", "---\nname: a\ndescription: d\ninputs: [{name: n, type: string, required: true}]\n---\n{{n}} {{x}}", ".claude/commands/a.md", "inputs"},
		"UATS stays in every byte":  {UATS, "commands/a.md", "no front matter \\{{", "no front matter \\{{", "commands/a.md", ""},
		"UATS agent in every byte":  {UATS, "agents/a.md", "---\nname:  a\n---\n", "---\nname:  a\n---\n", "agents/a.md", ""},
		"an agent of OpenCode back": {OpenCode, "agents/a.md", open, "---\ndescription: d\nmode: primary\ntemperature: 0.1\npermission:\n  edit: deny\n  bash: ask\n---\nx\n", ".opencode/agent/a.md", ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			files, lost, err := Convert(tc.target, map[string][]byte{tc.path: []byte(tc.text)})
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(files[tc.file]), "%v", files)
			var keys []string
			for _, loss := range lost {
				assert.Equal(t, tc.path, loss.Path)
				assert.NotEmpty(t, loss.Reason)
				keys = append(keys, loss.Key)
			}
			assert.Equal(t, tc.lost, strings.Join(keys, " "))
		})
	}
}

// words are values that YAML could take for something else.
var words = rapid.OneOf(
	rapid.SampledFrom([]string{"true", "1.0", "a: b", "#x y", "- a", "'q'", `say "hi"`, "two\nlines", "trailing:", "@x", "*a", "ü 🚀", "{a}", "%x"}),
	rapid.StringMatching(`[A-Za-z][a-z ,.'"#:]{0,30}[a-z]`),
)

// drawAgent draws the front matter of an agent from the keys that both tools have.
func drawAgent(t *rapid.T, tool, other string) map[string]string {
	front := map[string]string{"description": words.Draw(t, "description")}
	has := func(tools ...string) bool {
		for _, name := range []string{tool, other} {
			found := false
			for _, t := range tools {
				found = found || t == name
			}
			if !found {
				return false
			}
		}
		return rapid.Bool().Draw(t, "has")
	}
	if tool != OpenCode {
		front["name"] = "agent-a"
	}
	if has(ClaudeCode, OpenCode, Cursor) {
		model := "claude-" + rapid.SampledFrom([]string{"sonnet-4-5", "opus-4-1"}).Draw(t, "model")
		if tool == OpenCode {
			model = "anthropic/" + model
		}
		front["model"] = model
	}
	if has(ClaudeCode, OpenCode) {
		front["color"] = "#00ff00"
	}
	if has(ClaudeCode, Cursor) {
		front[map[string]string{ClaudeCode: "background", Cursor: "is_background"}[tool]] = "true"
	}
	if has(ClaudeCode, OpenCode) {
		front[map[string]string{ClaudeCode: "maxTurns", OpenCode: "steps"}[tool]] = "7"
	}
	if tool == Cursor && has(Cursor) {
		front["readonly"] = "true"
	}
	if tool == ClaudeCode && has(ClaudeCode, OpenCode) {
		front["tools"] = strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Read", "Grep", "Bash", "WebFetch", "mcp__a__b"}), 1, 4, rapid.ID).Draw(t, "tools"), ", ")
	}
	return front
}

func agentText(front map[string]string, body string) string {
	var b strings.Builder
	b.WriteString("---\n")
	for _, key := range []string{"name", "description", "model", "color", "tools", "readonly", "background", "is_background", "maxTurns", "steps"} {
		value, ok := front[key]
		if !ok {
			continue
		}
		if value == "true" && key != "description" || key == "maxTurns" || key == "steps" {
			b.WriteString(key + ": " + value + "\n")
		} else {
			b.WriteString(key + ": " + doubleQuoted(value) + "\n")
		}
	}
	return b.String() + "---\n" + body + "\n"
}

var paths = map[string]map[Kind]string{
	ClaudeCode: {Agent: ".claude/agents/agent-a.md", Command: ".claude/commands/command-c.md"},
	OpenCode:   {Agent: ".opencode/agent/agent-a.md", Command: ".opencode/command/command-c.md"},
	Cursor:     {Agent: ".cursor/agents/agent-a.md", Command: ".cursor/commands/command-c.md"},
}

// TestRoundTrips takes a file from one tool to another and back: what both have
// is what it was.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for tool := range paths {
		for other := range paths {
			t.Run("agent of "+tool+" by "+other, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					front := drawAgent(t, tool, other)
					there := trip(t, tool, other, Agent, agentText(front, words.Draw(t, "body")))
					back := trip(t, other, tool, Agent, there)
					got, _, err := frontmatter.Parse([]byte(back))
					require.NoError(t, err, back)
					for key, value := range front {
						n := frontmatter.Child(got, key)
						require.NotNil(t, n, "%s of %s\n%s", key, back, there)
						assert.Equal(t, value, n.Value, "%s\n%s", there, back)
					}
				})
			})
			t.Run("command of "+tool+" by "+other, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					body := rapid.SampledFrom([]string{"Do $1 and $2.", "All: $ARGUMENTS", "{{ x }} \\{{y}} {{arguments}} $ARGUMENTS", "plain", "$2 {{argument_1}}", "a {{b}}"}).Draw(t, "body")
					text := body + "\n"
					if tool != Cursor {
						text = "---\ndescription: " + doubleQuoted(words.Draw(t, "description")) + "\n---\n" + text
					}
					back := trip(t, other, tool, Command, trip(t, tool, other, Command, text))
					if tool == Cursor || other != Cursor {
						_, got, err := frontmatter.Parse([]byte(back))
						if tool == Cursor {
							got, err = []byte(back), nil
						}
						require.NoError(t, err)
						assert.Equal(t, body, strings.TrimSpace(string(got)))
					}
				})
			})
		}
	}
}

// trip reads a file of one tool and writes it for another.
func trip(t require.TestingT, tool, other string, kind Kind, text string) string {
	read := from(t, tool, kind, paths[tool][kind], text)
	require.NotNil(t, read.Data, "%v\n%s", read.Notes, text)
	folder := map[Kind]string{Agent: "agents/", Command: "commands/"}[kind]
	files, err := To(other, map[string][]byte{folder + read.Name + ".md": read.Data})
	require.NoError(t, err)
	require.Contains(t, files, paths[other][kind])
	return string(files[paths[other][kind]])
}

// What is read must parse again, under the same name.
func FuzzFrom(f *testing.F) {
	for _, seed := range []string{
		"---\nname: a\ndescription: b\ntools: Read, Bash(a, b)\n---\nbody $1 $ARGUMENTS {{x}}\n",
		"---\ndescription: d\nmode: all\npermission: {'*': deny, bash: {a: allow}}\n---\n!`x` @a/b.go\n",
		"---\nglobs: '*.go,*.{a,b}'\nalwaysApply: true\n---\n",
		"---\nname: [x]\ntags: {a: b}\n---\n", "no front matter\n$9 \\{{", "---\nname: \"\\u202e\"\n---\n```!\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || bytes.ContainsRune(data, 0) {
			return // no file is read so far
		}
		for tool := range paths {
			for _, kind := range []Kind{Agent, Command} {
				in := File{Tool: tool, Kind: kind, Path: paths[tool][kind], Body: data, BodyLine: 1}
				if front, body, err := frontmatter.Parse(data); err == nil {
					in.Front, in.Body = front, body
				}
				read := From(in)
				if read.Data == nil {
					continue
				}
				front, _, err := frontmatter.Parse(read.Data)
				require.NoError(t, err, "%s", read.Data)
				assert.Equal(t, read.Name, frontmatter.Child(front, "name").Value)
				folder := map[Kind]string{Agent: "agents/a.md", Command: "commands/a.md"}[kind]
				for target := range paths {
					files, err := To(target, map[string][]byte{folder: read.Data})
					require.NoError(t, err, "%s", read.Data)
					require.Len(t, files, 1)
				}
			}
		}
	})
}
