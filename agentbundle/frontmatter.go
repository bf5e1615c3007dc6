package agentbundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFrontMatter bounds the YAML of one file; the largest real one has 5 KiB.
const maxFrontMatter = 64 << 10

const (
	ruleFrontMatter = "front-matter"
	ruleYAML        = "yaml"
)

var (
	delimiterRE = regexp.MustCompile(`(?m)^---[ \t]*\r?$`)

	// The parser's own line is that of the enclosing block, or missing.
	yamlPrefixRE = regexp.MustCompile(`^yaml: (line \d+: )?`)
)

// frontMatter is the YAML header of an agent or command: the values of its
// top-level keys. Values stay YAML nodes, because decoding guesses types (an
// unquoted date becomes a time) and forgets lines.
type frontMatter map[string]*yaml.Node

// str returns the string at the top-level key; anything else gives "".
func (f frontMatter) str(key string) string { return str(f[key]) }

// line returns the line of the value at the top-level key, or 1.
func (f frontMatter) line(key string) int {
	if n := f[key]; n != nil {
		return n.Line
	}
	return 1
}

// parseFrontMatter reads the YAML between the "---" line that starts the file
// and the next one. The problems that it returns have no path yet.
func parseFrontMatter(data []byte) (frontMatter, []Problem) {
	delimiters := delimiterRE.FindAllIndex(data, 2)
	if len(delimiters) < 2 || delimiters[0][0] != 0 {
		return nil, []Problem{{
			Line: 1, Rule: ruleFrontMatter, Message: `must start with YAML between two lines "---"`,
			Hint: "add front matter with name and description",
		}}
	}
	// With its first delimiter the header is a YAML document of its own, and
	// the parser's line numbers are those of the file.
	header := data[:delimiters[1][0]]
	if len(header) > maxFrontMatter {
		return nil, []Problem{{
			Line: 1, Rule: ruleFrontMatter,
			Message: fmt.Sprintf("must have at most %d bytes of front matter, got %d", maxFrontMatter, len(header)),
			Hint:    "move text into the body",
		}}
	}
	return decodeHeader(header)
}

// decodeHeader decodes exactly one YAML mapping.
func decodeHeader(header []byte) (frontMatter, []Problem) {
	dec := yaml.NewDecoder(bytes.NewReader(header))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		text := yamlPrefixRE.ReplaceAllString(err.Error(), "")
		return nil, []Problem{{Line: syntaxErrorLine(header), Rule: ruleYAML, Message: text, Hint: "fix the YAML"}}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, []Problem{{Line: 1, Rule: ruleYAML, Message: "must be a single YAML document"}}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, []Problem{{Line: root.Line, Rule: ruleYAML, Message: "must be a mapping of keys to values"}}
	}
	if problems := checkNode(root); len(problems) > 0 {
		return nil, problems
	}
	fm := frontMatter{}
	for i := 0; i < len(root.Content); i += 2 {
		fm[root.Content[i].Value] = root.Content[i+1]
	}
	return fm, nil
}

// checkNode admits the part of YAML that front matter needs: no aliases,
// which can grow without bound, and no key that is not a scalar or occurs
// twice.
func checkNode(n *yaml.Node) []Problem {
	var problems []Problem
	report := func(at *yaml.Node, format string, args ...any) {
		problems = append(problems, Problem{Line: at.Line, Rule: ruleYAML, Message: fmt.Sprintf(format, args...), Hint: "fix the YAML"})
	}
	if n.Kind == yaml.AliasNode {
		report(n, "must not use aliases, got *%s", n.Value)
	}
	if n.Kind == yaml.MappingNode {
		lines := map[string]int{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if line, ok := lines[key.Value]; ok && key.Kind == yaml.ScalarNode {
				report(key, "key %q is already defined at line %d", key.Value, line)
			} else if key.Kind != yaml.ScalarNode {
				report(key, "keys must be plain words")
			}
			lines[key.Value] = key.Line
		}
	}
	for _, child := range n.Content {
		problems = append(problems, checkNode(child)...)
	}
	return problems
}

// child returns the value of a key of a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// str returns the value of a YAML string; anything else gives "".
func str(n *yaml.Node) string {
	if n == nil || n.ShortTag() != "!!str" {
		return ""
	}
	return n.Value
}

// shown formats a YAML value for a message.
func shown(n *yaml.Node) string {
	switch {
	case n == nil:
		return "nothing"
	case n.Kind != yaml.ScalarNode:
		return "a " + strings.TrimPrefix(n.ShortTag(), "!!")
	case n.ShortTag() == "!!str":
		return strconv.Quote(n.Value)
	default:
		return fmt.Sprintf("%s (%s)", n.Value, strings.TrimPrefix(n.ShortTag(), "!!"))
	}
}

// syntaxErrorLine returns the line that breaks the syntax of header: the
// header parses up to the line before, and not with it.
func syntaxErrorLine(header []byte) int {
	lines := bytes.SplitAfter(header, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		return yaml.Unmarshal(bytes.Join(lines[:i+1], nil), new(yaml.Node)) != nil
	})
}
