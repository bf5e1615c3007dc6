package convert

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// row is a key of a tool's front matter: what the bundle calls it, and how its
// value is read and written. The bundle's own keys are those of UATS where it
// has one.
type row struct {
	key  string
	base string
	// read returns the bundle's value, or nil where it is the default; the
	// problem, if any, says what the value must be. Default: the value as it is.
	read func(n *yaml.Node) (value *yaml.Node, problem string)
}

// The keys of each tool, from its documentation:
// https://code.claude.com/docs/en/sub-agents, /skills and /slash-commands,
// https://opencode.ai/docs/agents and /commands,
// https://cursor.com/docs/context/rules, /commands and /subagents.
//
// A key that no row has stays in the bundle as it is and goes back to its own
// tool only.
var (
	claudeAgent = []row{
		{"name", "name", aText},
		{"description", "description", aText},
		{"tools", "tools", toolNames(true)},
		{"disallowedTools", "tools", toolNames(false)},
		{"model", "model", aModel},
		{"color", "color", aText},
		{"maxTurns", "steps", nil},
		{"background", "background", nil},
		{"permissionMode", "permissionMode", nil},
		{"skills", "skills", nil},
		{"mcpServers", "mcpServers", nil},
		{"hooks", "hooks", nil},
		{"memory", "memory", nil},
		{"effort", "effort", nil},
		{"isolation", "isolation", nil},
		{"initialPrompt", "initialPrompt", nil},
	}
	claudeCommand = []row{
		{"description", "description", aText},
		{"argument-hint", argumentHint, aHint},
		{"model", "model", aModel},
		{"agent", "agent", aText},
		{"allowed-tools", "allowed-tools", nil},
	}
	openCodeAgent = []row{
		{"description", "description", aText},
		{"mode", "mode", oneOf("primary", "subagent", "all")},
		{"model", "model", aModel},
		{"temperature", "temperature", nil},
		{"top_p", "top_p", nil},
		{"tools", "tools", toolSwitches},
		{"permission", "permission", permissions},
		{"color", "color", aText},
		{"steps", "steps", nil},
		{"maxSteps", "steps", nil},
		{"hidden", "hidden", nil},
	}
	openCodeCommand = []row{
		{"description", "description", aText},
		{"model", "model", aModel},
		{"agent", "agent", aText},
		{"subtask", "subtask", nil},
	}
	cursorAgent = []row{
		{"name", "name", aText},
		{"description", "description", aText},
		{"model", "model", aModel},
		{"readonly", "tools", readOnly},
		{"is_background", "background", nil},
	}
	cursorRule = []row{
		{"description", "description", aText},
		{"globs", "globs", patterns},
		{"alwaysApply", "always_apply", nil},
	}
	cursorCommand = []row{{"description", "description", aText}}
)

// argumentHint is what the bundle calls the hint of Claude Code: its commands
// have named inputs instead.
const argumentHint = "argument-hint"

func find(rows []row, key string) *row {
	if i := slices.IndexFunc(rows, func(r row) bool { return r.key == key }); i >= 0 {
		return &rows[i]
	}
	return nil
}

// rows are the keys of a tool for a kind of file. UATS has none: it is the
// bundle's own form.
func rows(tool string, kind Kind, rule bool) []row {
	switch {
	case tool == ClaudeCode && kind == Agent:
		return claudeAgent
	case tool == ClaudeCode:
		return claudeCommand
	case tool == OpenCode && kind == Agent:
		return openCodeAgent
	case tool == OpenCode:
		return openCodeCommand
	case tool == Cursor && rule:
		return cursorRule
	case tool == Cursor && kind == Agent:
		return cursorAgent
	}
	return cursorCommand
}

// Keys are all keys of front matter that the tools know, and common ones that
// they pass over.
var Keys = func() []string {
	keys := []string{
		"name", "version", "author", "license", "metadata", "keywords", "category", "tags", "priority", "source", "hooks",
		"disable", "disabled", "prompt", "template", "permissions", "disable-model-invocation", "user-invocable", "context", "compatibility",
	}
	for _, rows := range [][]row{claudeAgent, claudeCommand, openCodeAgent, openCodeCommand, cursorAgent, cursorRule, shared} {
		for _, r := range rows {
			keys = append(keys, r.key)
		}
	}
	return keys
}()
