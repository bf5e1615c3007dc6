package agentbundle

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

const (
	ruleCommand  = "command"
	ruleInputs   = "inputs"
	ruleCache    = "cache-strategy"
	ruleVariable = "variable"
)

var commandFields = []field{
	{key: "name", values: safeName, example: "plan"},
	{key: "description", values: text, example: "Writes an implementation plan."},
	{key: "mode", values: oneOf("command"), example: "command", optional: true},
	{key: "inputs", values: list, example: "[{name: ticket, type: string, required: true}]", optional: true},
	{key: "outputs", values: list, example: "[{name: plan, type: structured}]", optional: true},
}

var inputFields = []field{
	{key: "name", values: argument, example: "ticket"},
	{key: "type", values: oneOf("string", "number", "integer", "boolean", "array"), example: "string"},
	{key: "required", values: boolean, example: "true"},
	{key: "description", values: scalar, example: "What for.", optional: true},
}

// argument is what every client takes for the name of a tool's argument: many
// drop all tools of a server for one that is wrong.
var argument = values{"a string matching " + argumentRE.String(), func(n *yaml.Node) bool { return argumentRE.MatchString(str(n)) }}

var argumentRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var cacheFields = []field{
	{key: "type", values: oneOf("content_based", "time_based", "none"), example: "content_based"},
	{key: "ttl", values: number, example: "3600"},
}

// variableNameRE matches what may be meant for an input, with the marks of
// other template languages.
var variableNameRE = regexp.MustCompile(`^[#/^&>!]?[\w-]+( [\w-]+)?$`)

// variableRE matches {{variables}}. Those of GitHub Actions, ${{ x }}, are text,
// and so is what follows a backslash: \{{.
var variableRE = regexp.MustCompile(`\{\{([^{}\n]*)\}\}`)

// checkCommand returns the problems that a command has by itself. What does not
// keep it from being served goes through lenient.
func checkCommand(fm mapping, data []byte, lenient func(Problem) Problem) []Problem {
	problems := checkFields(fm, "", ruleCommand, commandFields)
	for i, p := range problems {
		if p.Rule == ruleCommand && strings.HasPrefix(p.Message, "mode ") {
			problems[i] = lenient(p)
		}
	}
	if strategy := fm.get("cache_strategy"); strategy != nil {
		for _, p := range checkFields(mapping{strategy}, "cache_strategy.", ruleCache, cacheFields) {
			problems = append(problems, lenient(p))
		}
	}
	var inputs []*yaml.Node
	if n := fm.get("inputs"); n != nil && list.has(n) {
		inputs = n.Content
	}
	seen := map[string]bool{}
	for i, input := range inputs {
		for _, p := range checkFields(mapping{input}, fmt.Sprintf("inputs[%d].", i), ruleInputs, inputFields) {
			if !strings.Contains(p.Message, "].name ") && !strings.Contains(p.Message, "].description ") {
				p = lenient(p) // the server has a default
			}
			problems = append(problems, p)
		}
		name := mapping{input}.str("name")
		if name != "" && seen[name] {
			problems = append(problems, Problem{
				Line: mapping{input}.line("name"), Rule: ruleInputs,
				Message: fmt.Sprintf("inputs[%d].name must be unique, got %q again", i, name),
				Hint:    "rename one of them, or remove it",
			})
		}
		seen[name] = true
	}
	return append(problems, checkVariables(inputs, data, lenient)...)
}

// checkVariables compares the inputs with the {{variables}} of the body. A
// body may also explain an input, as **input** or `input`, and leave its
// place to the model.
func checkVariables(inputs []*yaml.Node, data []byte, lenient func(Problem) Problem) []Problem {
	header, body, _ := frontmatter.Split(data)
	var problems []Problem
	names := map[string]bool{}
	for _, input := range inputs {
		names[mapping{input}.str("name")] = true
	}
	var seen []string
	for _, at := range variableRE.FindAllSubmatchIndex(body, -1) {
		variable := strings.TrimSpace(string(body[at[2]:at[3]]))
		escaped := at[0] > 0 && (body[at[0]-1] == '\\' || body[at[0]-1] == '$')
		if names[variable] || escaped || slices.Contains(seen, variable) {
			continue
		}
		seen = append(seen, variable)
		p := Problem{
			Line: lineAt(data, len(header)+at[0]), Rule: ruleVariable,
			Message: fmt.Sprintf("{{%s}} must be declared in inputs", variable),
			Hint:    `declare it, or write \{{ if it is text`,
		}
		if !variableNameRE.MatchString(variable) { // no input can be called so
			p.Severity, p.Message = SeverityWarning, fmt.Sprintf("{{%s}} is no variable and is served as text", variable)
		}
		if p.Severity == "" {
			p = lenient(p)
		}
		problems = append(problems, p)
	}
	for _, input := range inputs {
		n := mapping{input}.get("name")
		if n == nil || !text.has(n) || uses(body, n.Value) {
			continue
		}
		problems = append(problems, Problem{
			Line: n.Line, Severity: SeverityWarning, Rule: ruleVariable,
			Message: fmt.Sprintf("input %q should be used in the text", n.Value),
			Hint:    fmt.Sprintf("write {{%s}} where it belongs, or remove it", n.Value),
		})
	}
	return problems
}

func uses(body []byte, input string) bool {
	return slices.ContainsFunc([]string{"**%s**", "`%s`", "{{%s}}", "{{ %s }}"}, func(form string) bool {
		return bytes.Contains(body, fmt.Appendf(nil, form, input))
	})
}
