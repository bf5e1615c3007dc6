package agentbundle

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

var (
	byteOrderMark = []byte("\ufeff")

	keyRE = regexp.MustCompile(`^([A-Za-z][A-Za-z_-]*):(?:[ \t]+(.*))?$`)
)

// parseLenient reads front matter as Claude Code and OpenCode do: what is no
// YAML as a whole is read key by key, and a value that is no YAML is the text
// that it looks like, such as a description with colons and examples. It
// returns nil for a file without front matter; the problems say what was lenient
// (a warning), or why the front matter cannot be read at all.
func parseLenient(data []byte) (mapping, []Problem) {
	header, _, ok := frontmatter.Split(data)
	if !ok {
		return mapping{}, nil
	}
	fm, problems := parseFrontMatter(data)
	if fm.Node != nil {
		return fm, problems
	}
	_, content, _ := bytes.Cut(header, []byte("\n"))
	if len(bytes.TrimSpace(content)) == 0 {
		return mapping{&yaml.Node{Kind: yaml.MappingNode, Line: 1}}, nil
	}
	if len(header) > maxFrontMatter {
		return fm, problems
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 2}
	for _, c := range chunks(string(content)) {
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: c.key, Line: c.line}
		if frontmatter.Child(root, c.key) != nil {
			return mapping{}, []Problem{{Line: c.line, Rule: ruleYAML, Message: "key " + c.key + " must be there once", Hint: "remove one of them"}}
		}
		root.Content = append(root.Content, key, c.value())
	}
	if len(root.Content) == 0 {
		return fm, problems
	}
	problems[0].Severity = SeverityWarning
	problems[0].Message = "is no YAML, and is read key by key as Claude Code does: " + problems[0].Message
	problems[0].Hint = "quote the value"
	return mapping{root}, problems[:1]
}

// chunk is a key with the lines of its value.
type chunk struct {
	key   string
	line  int
	lines []string // the first without the key
}

// chunks parts front matter at the lines that start with a key of a tool. Lines
// of an example, such as "user: hello", belong to the value before them.
func chunks(header string) []chunk {
	var all []chunk
	for i, line := range strings.Split(strings.ReplaceAll(header, "\r\n", "\n"), "\n") {
		m := keyRE.FindStringSubmatch(line)
		switch {
		case m != nil && (len(all) == 0 || slices.Contains(convert.Keys, m[1])):
			all = append(all, chunk{m[1], i + 2, []string{m[2]}})
		case len(all) > 0:
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		}
	}
	return all
}

// value is what the lines are as YAML, or their text.
func (c chunk) value() *yaml.Node {
	text := strings.Join(c.lines, "\n")
	if fm, problems := decodeHeader([]byte(c.key + ": " + text + "\n")); problems == nil && len(fm.Content) == 2 {
		shift(fm.Content[1], c.line-1)
		return fm.Content[1]
	}
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		text = text[1 : len(text)-1]
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: c.line}
}

// shift moves a value down by some lines.
func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, child := range n.Content {
		shift(child, lines)
	}
}
