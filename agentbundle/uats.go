package agentbundle

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/systemdir"
)

const ruleUATS = "uats"

// The lengths of a description, in characters, between which it helps to
// choose an agent.
const (
	minDescription = 10
	maxDescription = 500
)

// uats holds the 23 required keys of the Universal Agent Template Standard
// 1.0, in its order. Both validators of its authors are followed: one calls
// the third mode "agent", the other "all".
var uats = []field{
	{key: "name", values: safeName, example: "code-reviewer"},
	{key: "uats_version", values: oneOf("1.0"), example: `"1.0"`},
	{key: "spec_version", values: oneOf("UATS-1.0"), example: "UATS-1.0"},
	{key: "description", values: text, example: "Reviews a change and says what to improve."},
	{key: "mode", values: oneOf("subagent", "primary", "agent", "all"), example: "subagent"},
	{key: "model", values: text, example: "anthropic/claude-sonnet-4"},
	{key: "temperature", values: between(0, 2), example: "0.2"},
	{key: "category", values: text, example: "development"},
	{key: "tags", values: texts, example: "[review, quality]"},
	{key: "primary_objective", values: text, example: "Find what a change breaks."},
	{key: "anti_objectives", values: texts, example: "[Modify source code]"},
	{key: "owner", values: text, example: "development-practice"},
	{key: "author", values: text, example: "codeflow-core"},
	{key: "last_updated", values: date, example: "2025-09-13"},
	{key: "stability", values: oneOf("experimental", "stable", "deprecated"), example: "stable", severity: SeverityWarning},
	{key: "maturity", values: oneOf("prototype", "beta", "production"), example: "production", severity: SeverityWarning},
	{key: "intended_followups", values: texts, example: "[test-generator]"},
	{key: "allowed_directories", values: directories, example: "[" + servedDir + "]"},
	{key: "tools", values: mapOf(boolean), example: "{read: true, write: false}"},
	{key: "permission", values: mapOf(oneOf("allow", "ask", "deny")), example: "{read: allow, write: deny}"},
	{key: "output_format", values: oneOf("AGENT_OUTPUT_V1"), example: "AGENT_OUTPUT_V1"},
	{key: "requires_structured_output", values: yes, example: "true"},
	{key: "validation_rules", values: notEmpty(texts), example: "[must_validate_inputs]"},
}

var yes = values{"true", func(n *yaml.Node) bool { return boolean.has(n) && n.Value == "true" }}

// directories are those that the server lets an agent have.
var directories = values{"a list of directories, none of them the system's", func(n *yaml.Node) bool {
	return texts.has(n) && !slices.ContainsFunc(n.Content, func(directory *yaml.Node) bool { return systemdir.Is(directory.Value) })
}}

var plainNameRE = regexp.MustCompile(`^[a-z0-9-]+$`)

// served are the keys that the server reads. Where UATS is not required, a wrong
// value of another is a warning, and all but the first two are optional.
var served = []string{"name", "description", "mode", "model", "category", "tags", "intended_followups", "allowed_directories", "tools"}

var basic = func() []field {
	fields := slices.Clone(uats)
	for i := range fields {
		at := slices.Index(served, fields[i].key)
		fields[i].optional = at < 0 || at > 1
		if at < 0 {
			fields[i].severity = SeverityWarning
		}
	}
	return fields
}()

// checkAgent returns the problems that an agent's front matter has by itself.
// Strict says that it must be complete by UATS.
func checkAgent(fm mapping, strict bool) []Problem {
	fields := uats
	if !strict {
		fields = basic
	}
	problems := checkFields(fm, "", ruleUATS, fields)
	warn := func(key, hint, format string, args ...any) {
		problems = append(problems, Problem{
			Line: fm.line(key), Severity: SeverityWarning, Rule: ruleUATS,
			Message: key + " " + fmt.Sprintf(format, args...), Hint: hint,
		})
	}
	if n := fm.get("name"); n != nil && safeName.has(n) && !plainNameRE.MatchString(n.Value) {
		warn("name", "rename the agent", "should match %s, got %q", plainNameRE, n.Value)
	}
	description := fm.str("description")
	if n := utf8.RuneCountInString(description); text.has(fm.get("description")) && (n < minDescription || n > maxDescription) {
		warn("description", "say what it does and when to use it", "should have %d to %d characters, got %d", minDescription, maxDescription, n)
	}
	if fm.str("model") == "inherit" {
		warn("model", "name a model, or leave it out where UATS is not required", `should be a model, "inherit" is Claude Code's word for the session's`)
	}
	tools := mapping{fm.get("tools")}
	on := func(tool string) bool { n := tools.get(tool); return n != nil && yes.has(n) }
	if (on("write") || on("edit")) && !on("read") {
		warn("tools", "add read: true", "should have read where they have write or edit")
	}
	return problems
}
