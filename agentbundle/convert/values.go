package convert

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// The functions of this file read the values of [row]s.

func shown(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "a " + strings.TrimPrefix(n.ShortTag(), "!!")
	}
	return fmt.Sprintf("%.60q", n.Value)
}

func aText(n *yaml.Node) (*yaml.Node, string) {
	if n.Kind != yaml.ScalarNode {
		return nil, "a text"
	}
	if strings.TrimSpace(n.Value) == "" {
		return nil, ""
	}
	return text(n.Value), ""
}

// aHint is a text, or the list that [brackets] are in YAML.
func aHint(n *yaml.Node) (*yaml.Node, string) {
	if n.Kind != yaml.SequenceNode || slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode }) {
		return aText(n)
	}
	var words []string
	for _, item := range n.Content {
		words = append(words, item.Value)
	}
	return text("[" + strings.Join(words, ", ") + "]"), ""
}

// aModel leaves out the session's, which is the default of every tool.
func aModel(n *yaml.Node) (*yaml.Node, string) {
	if n.Kind == yaml.ScalarNode && (strings.EqualFold(n.Value, "inherit") || strings.EqualFold(n.Value, "default")) {
		return nil, ""
	}
	return aText(n)
}

func oneOf(words ...string) func(*yaml.Node) (*yaml.Node, string) {
	return func(n *yaml.Node) (*yaml.Node, string) {
		if n.Kind != yaml.ScalarNode || !slices.Contains(words, n.Value) {
			return nil, "one of " + strings.Join(words, ", ")
		}
		return text(n.Value), ""
	}
}

// wordList is a list, or a text with commas.
func wordList(n *yaml.Node) (*yaml.Node, string) {
	words, ok := split(n)
	if !ok {
		return nil, "a list of texts"
	}
	return list(words), ""
}

func list(words []string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for _, word := range words {
		out.Content = append(out.Content, text(word))
	}
	return out
}

// split returns the words of a list or of a text with commas; one in
// parentheses or braces parts nothing.
func split(n *yaml.Node) (words []string, ok bool) {
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, false
			}
			words = append(words, item.Value)
		}
		return words, true
	}
	if n.Kind != yaml.ScalarNode {
		return nil, false
	}
	depth, start := 0, 0
	for i, r := range n.Value + "," {
		switch {
		case r == '(' || r == '{':
			depth++
		case r == ')' || r == '}':
			depth--
		case r == ',' && depth <= 0 || i == len(n.Value):
			if word := strings.TrimSpace(n.Value[start:i]); word != "" {
				words = append(words, word)
			}
			start = i + utf8.RuneLen(r)
		}
	}
	return words, true
}

// patterns are globs, which Cursor parts by commas.
func patterns(n *yaml.Node) (*yaml.Node, string) { return wordList(n) }

// claudeNames are the tools of Claude Code that the others have, too, by the
// bundle's name.
var claudeNames = map[string]string{
	"read": "Read", "write": "Write", "edit": "Edit", "multiedit": "MultiEdit", "notebookedit": "NotebookEdit", "bash": "Bash",
	"grep": "Grep", "glob": "Glob", "list": "LS", "webfetch": "WebFetch", "websearch": "WebSearch", "task": "Task",
	"todowrite": "TodoWrite", "todoread": "TodoRead", "skill": "Skill", "lsp": "LSP",
}

// baseName is the bundle's name of a tool of Claude Code.
func baseName(tool string) string {
	for base, name := range claudeNames {
		if name == tool {
			return base
		}
	}
	return tool
}

// claudeName is Claude Code's name of a tool of the bundle.
func claudeName(tool string) string {
	if name, ok := claudeNames[tool]; ok {
		return name
	}
	return tool
}

func boolean(on bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(on)}
}

// toolNames are the tools that an agent of Claude Code may use, or may not.
func toolNames(on bool) func(*yaml.Node) (*yaml.Node, string) {
	return func(n *yaml.Node) (*yaml.Node, string) {
		words, ok := split(n)
		if !ok {
			return nil, "a list of tools, such as Read, Grep"
		}
		if on && (slices.Contains(words, "*") || len(words) == 1 && strings.HasPrefix(strings.ToLower(words[0]), "all")) {
			return nil, "" // all is the default
		}
		out := &yaml.Node{Kind: yaml.MappingNode}
		seen := map[string]bool{}
		for _, word := range words {
			if base := baseName(word); !seen[base] {
				seen[base] = true
				out.Content = append(out.Content, text(base), boolean(on))
			}
		}
		return out, ""
	}
}

// toolSwitches turn tools of OpenCode on and off; in a list they are on.
func toolSwitches(n *yaml.Node) (*yaml.Node, string) {
	if n.Kind != yaml.MappingNode {
		return toolNames(true)(n)
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(n.Content); i += 2 {
		on := strings.EqualFold(n.Content[i+1].Value, "true")
		if n.Content[i+1].Kind != yaml.ScalarNode || !on && !strings.EqualFold(n.Content[i+1].Value, "false") {
			return nil, "a mapping of tools to true or false"
		}
		out.Content = append(out.Content, text(n.Content[i].Value), boolean(on))
	}
	return out, ""
}

// permissions are allow, ask or deny for tools, or for patterns of one.
func permissions(n *yaml.Node) (*yaml.Node, string) {
	const want = "allow, ask or deny, or a mapping of tools to them"
	switch n.Kind {
	case yaml.ScalarNode:
		if !slices.Contains([]string{"allow", "ask", "deny"}, n.Value) {
			return nil, want
		}
		return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("*"), text(n.Value)}}, ""
	case yaml.MappingNode:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for i := 0; i < len(n.Content); i += 2 {
			value := n.Content[i+1]
			if value.Kind == yaml.MappingNode {
				inner, problem := permissions(value)
				if problem != "" {
					return nil, want
				}
				value = inner
			} else if value.Kind != yaml.ScalarNode || !slices.Contains([]string{"allow", "ask", "deny"}, value.Value) {
				return nil, want
			}
			out.Content = append(out.Content, text(n.Content[i].Value), value)
		}
		return out, ""
	}
	return nil, want
}

// readOnly keeps an agent of Cursor from writing.
func readOnly(n *yaml.Node) (*yaml.Node, string) {
	switch {
	case n.Kind == yaml.ScalarNode && strings.EqualFold(n.Value, "true"):
		return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("write"), boolean(false), text("edit"), boolean(false)}}, ""
	case n.Kind == yaml.ScalarNode && strings.EqualFold(n.Value, "false"):
		return nil, ""
	}
	return nil, "true or false"
}
