package convert

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// The tools that files are made for. UATS is the form of the bundle itself.
const (
	UATS       = "uats"
	ClaudeCode = "claude-code"
	OpenCode   = "opencode"
	Cursor     = "cursor"
)

// Tools returns the names of all formats that files can be read in, sorted.
func Tools() []string { return []string{ClaudeCode, Cursor, OpenCode, UATS} }

// titles are what people call the tools.
var titles = map[string]string{UATS: "UATS", ClaudeCode: "Claude Code", OpenCode: "OpenCode", Cursor: "Cursor"}

// Title returns what people call a tool.
func Title(tool string) string { return titles[tool] }

// evidence are the keys of front matter that one tool has and the others lack.
// The first row that matches decides.
var evidence = []struct {
	tool string
	keys []string
}{
	{UATS, []string{
		"uats_version", "spec_version", "primary_objective", "anti_objectives", "intended_followups", "allowed_directories",
		"output_format", "validation_rules", "inputs", "outputs", "cache_strategy",
	}},
	{Cursor, []string{"globs", "alwaysApply", "readonly", "is_background"}},
	{ClaudeCode, []string{
		"argument-hint", "allowed-tools", "disallowedTools", "permissionMode", "maxTurns", "mcpServers", "disable-model-invocation",
		"user-invocable",
	}},
	{OpenCode, []string{"permission", "permissions", "top_p", "steps", "maxSteps", "subtask", "template", "prompt", "noReply"}},
}

// folders are those that one tool looks for in a project.
var folders = map[string]string{".claude": ClaudeCode, ".opencode": OpenCode, ".cursor": Cursor}

// Detect returns the tool that a file is made for, by its slash-separated path
// and its front matter, which may be nil. It is [ClaudeCode], which has the
// plainest files, when nothing tells; sure says whether something did.
func Detect(file string, kind Kind, front *yaml.Node) (tool string, sure bool) {
	for _, folder := range strings.Split(path.Dir(file), "/") {
		if tool, ok := folders[folder]; ok {
			return tool, true
		}
	}
	switch {
	case isRule(file):
		return Cursor, true
	case path.Base(file) == skillFile:
		return ClaudeCode, true
	}
	if made := frontmatter.Child(front, formatKey); made != nil && titles[made.Value] != "" {
		return UATS, true // it is a file of a bundle
	}
	for _, row := range evidence {
		if slices.ContainsFunc(row.keys, func(key string) bool { return frontmatter.Child(front, key) != nil }) {
			return row.tool, true
		}
	}
	if kind == Agent && frontmatter.Child(front, "mode") != nil {
		return OpenCode, true
	}
	tools, model := frontmatter.Child(front, "tools"), frontmatter.Child(front, "model")
	switch {
	case tools != nil && tools.Kind == yaml.MappingNode, model != nil && strings.Contains(model.Value, "/"):
		return OpenCode, true
	case front == nil || tools == nil && frontmatter.Child(front, "color") == nil && (model == nil || modelOf(ClaudeCode, model.Value) == "" && model.Value != "inherit"):
		return ClaudeCode, false
	}
	for i := 0; i < len(front.Content); i += 2 {
		if find(claudeAgent, front.Content[i].Value) == nil {
			return ClaudeCode, false
		}
	}
	return ClaudeCode, true
}
