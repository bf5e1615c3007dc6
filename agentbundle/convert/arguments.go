package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// A command of Claude Code and OpenCode has $ARGUMENTS and $1 to $9 in its text,
// one of the bundle has named inputs and {{their names}}. Two braces that are
// text are written as \{{ in a bundle.

const (
	allArguments = "arguments" // the input that is $ARGUMENTS

	openBraces, escapedBraces = "{{", `\{{`
)

// Unescape returns the text of a command with its \{{ as {{.
func Unescape(text string) string { return strings.ReplaceAll(text, escapedBraces, openBraces) }

var (
	argumentsRE = regexp.MustCompile(`\$(?:ARGUMENTS\b|[1-9]\b)`)
	hintRE      = regexp.MustCompile(`\[[^\[\]]*\]|<[^<>]*>|[^\s\[\]<>]+`)
	argumentRE  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// arguments turns the arguments in the text into inputs.
func (r *reader) arguments() {
	hint := ""
	if r.hint != nil {
		hint = r.hint.Value
	}
	words := positional(hint)
	var places []string // of $1 and so on
	used := map[string]bool{}
	for _, line := range strings.Split(r.body, "\n") {
		for _, found := range argumentNames(line) {
			used[found] = true
		}
	}
	for i := 9; i >= 1; i-- {
		if places == nil && !used[fmt.Sprint("$", i)] {
			continue
		}
		name := fmt.Sprintf("argument_%d", i)
		if i <= len(words) && argumentRE.MatchString(words[i-1]) {
			name = words[i-1]
		}
		if name == allArguments || slices.Contains(places, name) {
			name = fmt.Sprintf("argument_%d", i)
		}
		places = append([]string{name}, places...)
	}
	inputs := &yaml.Node{Kind: yaml.SequenceNode}
	add := func(name, description string) {
		inputs.Content = append(inputs.Content, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			text("name"), text(name), text("type"), text("string"), text("required"), boolean(false), text("description"), text(description),
		}})
	}
	for i, name := range places {
		description := fmt.Sprintf("Argument %d.", i+1)
		if i < len(words) {
			description = words[i]
		}
		add(name, description)
	}
	if used["$ARGUMENTS"] || len(places) == 0 && hint != "" {
		description := "What follows the command's name."
		if hint != "" {
			description = hint
		}
		add(allArguments, description)
	}
	if hint != "" {
		r.set(argumentHint, text(hint))
	}
	if len(inputs.Content) == 0 {
		r.body = strings.ReplaceAll(r.body, escapedBraces, `\`+escapedBraces)
		return
	}
	r.set("inputs", inputs)
	r.body = place(r.body, append(places, allArguments))
}

// positional are the words of a hint, such as [pr-number] [priority].
func positional(hint string) []string {
	words := hintRE.FindAllString(hint, -1)
	for i, word := range words {
		words[i] = strings.TrimRight(strings.Trim(word, "[]<>, "), "?.")
	}
	return words
}

// argumentNames are the arguments in a line. Fields of awk are none.
func argumentNames(line string) []string {
	if strings.Contains(line, "awk") {
		return nil
	}
	return argumentsRE.FindAllString(line, -1)
}

// place puts the names of the inputs where the arguments are. Names holds that
// of $1 and so on, and last that of $ARGUMENTS.
func place(body string, names []string) string {
	escape := []string{escapedBraces, `\` + escapedBraces}
	for _, name := range names {
		for _, form := range []string{"{{" + name + "}}", "{{ " + name + " }}"} {
			escape = append(escape, form, `\`+form)
		}
	}
	lines := strings.Split(strings.NewReplacer(escape...).Replace(body), "\n")
	for i, line := range lines {
		if argumentNames(line) == nil {
			continue
		}
		lines[i] = argumentsRE.ReplaceAllStringFunc(line, func(argument string) string {
			if argument == "$ARGUMENTS" {
				return "{{" + allArguments + "}}"
			}
			return "{{" + names[argument[1]-'1'] + "}}"
		})
	}
	return strings.Join(lines, "\n")
}

// unplace is the reverse of [place], for a command that has inputs.
func unplace(front *yaml.Node, body string) string {
	replace := []string{escapedBraces, openBraces}
	for i, name := range inputNames(front) {
		argument := fmt.Sprintf("$%d", i+1)
		if name == allArguments {
			argument = "$ARGUMENTS"
		}
		replace = append(replace, "{{"+name+"}}", argument, "{{ "+name+" }}", argument)
	}
	return strings.NewReplacer(replace...).Replace(body)
}

func inputNames(front *yaml.Node) []string {
	inputs := frontmatter.Child(front, "inputs")
	if inputs == nil || inputs.Kind != yaml.SequenceNode {
		return nil
	}
	var names []string
	for _, input := range inputs.Content {
		if name := frontmatter.Child(input, "name"); name != nil {
			names = append(names, name.Value)
		}
	}
	return names
}

// unserved are the references that a tool resolves and a server cannot.
var unserved = []struct {
	re      *regexp.Regexp
	message string
	hint    string
}{
	{
		regexp.MustCompile("(?:^|[^`\\w])!`([^`\\n]+)`|^```!\\s*$"), "%s runs in Claude Code and OpenCode, a server cannot run it: it is served as text",
		"ask the model to run the command",
	},
	{
		regexp.MustCompile("(?:^|[\\s(\\[\"'])(@(?:\\./|~/|/|\\.\\./)?[\\w.-]+(?:/[\\w.-]+)*(?:\\.[A-Za-z][A-Za-z0-9]{0,5}|/))(?:[\\s)\\]\"',;:.]|$)"),
		"%s is a file's text in its own tool, a server has no such file: it is served as text", "ask the model to read the file",
	},
	{
		regexp.MustCompile(`\$\{CLAUDE_(?:PLUGIN_ROOT|SKILL_DIR|PROJECT_DIR|PLUGIN_DATA|SESSION_ID)\}`),
		"%s is a value of Claude Code, a server has none: it is served as text", "write what the model needs to know",
	},
	{
		regexp.MustCompile(`\{(?:file|env):[^}\s]+\}`), "%s is a value of OpenCode, a server has none: it is served as text",
		"write what the model needs to know",
	},
}

// References returns a note for every reference in a text that a tool resolves
// and a server cannot: the output of a shell command, the text of a file.
// What is in a block of code is an example.
func References(body []byte, firstLine int) []Note {
	var notes []Note
	fence := ""
	line := firstLine - 1
	for text := range bytes.Lines(body) {
		line++
		trimmed := strings.TrimSpace(string(text))
		if marker := fenceOf(trimmed); fence == "" && marker != "" && trimmed != "```!" {
			fence = marker
			continue
		} else if fence != "" {
			if strings.HasPrefix(trimmed, fence) && strings.Trim(trimmed, fence[:1]) == "" {
				fence = ""
			}
			continue
		}
		if !bytes.ContainsAny(text, "@!{") {
			continue
		}
		for _, rule := range unserved {
			for _, at := range rule.re.FindAllStringSubmatch(string(text), -1) {
				what := strings.TrimSpace(at[0])
				if len(at) > 1 && strings.HasPrefix(at[1], "@") {
					what = at[1]
				}
				notes = append(notes, Note{Line: line, Rule: "reference", Message: fmt.Sprintf(rule.message, fmt.Sprintf("%.60q", what)), Hint: rule.hint})
			}
		}
	}
	return notes
}

func fenceOf(line string) string {
	for _, marker := range []string{"```", "~~~"} {
		if strings.HasPrefix(line, marker) {
			return line[:len(line)-len(strings.TrimLeft(line, marker[:1]))]
		}
	}
	return ""
}

// Arguments returns a note for every argument in the text of a UATS command,
// which are those of another tool.
func Arguments(body []byte, firstLine int) []Note {
	var notes []Note
	line := firstLine - 1
	for text := range bytes.Lines(body) {
		line++
		for _, argument := range argumentNames(string(text)) {
			notes = append(notes, Note{
				Line: line, Rule: "reference", Message: argument + " is an argument in Claude Code and OpenCode: it is served as text",
				Hint: "declare an input and write {{its name}}, or set the source's format to claude-code",
			})
		}
	}
	return notes
}

// references are those of commands, skills and rules: no tool resolves any in
// the text of an agent.
func (r *reader) references() {
	if r.file.Kind == Command || r.rule() {
		r.Notes = append(r.Notes, References(r.file.Body, r.file.BodyLine)...)
	}
}
