package agentbundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

const (
	// maxFrontMatter bounds the YAML of one file; the largest real one has
	// 5 KiB.
	maxFrontMatter = 64 << 10

	// maxDepth bounds how deep its lists and mappings nest; real ones have 4
	// levels.
	maxDepth = 32
)

const (
	ruleFrontMatter = "front-matter"
	ruleYAML        = "yaml"
)

var (
	// YAML also ends lines with these, an editor does not: lines would be
	// counted in two ways.
	lineBreakRE = regexp.MustCompile(`\r(?:[^\n]|$)|[\x{85}\x{2028}\x{2029}]`)

	// The parser's own line is that of the enclosing block, or missing.
	yamlPrefixRE = regexp.MustCompile(`^yaml: (line \d+: )?`)
)

// mapping is a YAML mapping. Values stay YAML nodes, because decoding guesses
// types (an unquoted date becomes a time) and forgets lines.
type mapping struct{ *yaml.Node }

// get returns the value of a key, or nil.
func (m mapping) get(key string) *yaml.Node { return frontmatter.Child(m.Node, key) }

// str returns the string at a key; anything else gives "".
func (m mapping) str(key string) string { return str(m.get(key)) }

// line returns the line of the value at a key, or of the mapping.
func (m mapping) line(key string) int {
	if n := m.get(key); n != nil {
		return n.Line
	}
	return m.Line
}

// parseFrontMatter reads the YAML header of an agent or command. The problems
// that it returns have no path yet.
func parseFrontMatter(data []byte) (mapping, []Problem) {
	header, _, ok := frontmatter.Split(data)
	switch {
	case !ok:
		return mapping{}, []Problem{{
			Line: 1, Rule: ruleFrontMatter, Message: `must start with YAML between two lines "---"`,
			Hint: "add front matter with name and description, or name the file in " + ignoreFile,
		}}
	case len(header) > maxFrontMatter:
		return mapping{}, []Problem{{
			Line: 1, Rule: ruleFrontMatter,
			Message: fmt.Sprintf("must have at most %d bytes of front matter, got %d", maxFrontMatter, len(header)),
			Hint:    "move text into the body",
		}}
	}
	if at := lineBreak(header); at != nil {
		return mapping{}, []Problem{{
			Line: lineAt(header, at[0]), Rule: ruleYAML,
			Message: fmt.Sprintf(`must end lines with \n or \r\n, got %q`, header[at[0]:at[1]]), Hint: "save the file with line feeds",
		}}
	}
	return decodeHeader(header)
}

// lineBreak returns where a line is ended in another way. Few files have any of
// the characters: looking for them is fast.
func lineBreak(header []byte) []int {
	for _, end := range []string{"\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(header, []byte(end)) {
			return lineBreakRE.FindIndex(header)
		}
	}
	return nil
}

// decodeHeader decodes exactly one YAML mapping.
func decodeHeader(header []byte) (mapping, []Problem) {
	dec := yaml.NewDecoder(bytes.NewReader(header))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		text := yamlPrefixRE.ReplaceAllString(err.Error(), "")
		return mapping{}, []Problem{{Line: syntaxErrorLine(header), Rule: ruleYAML, Message: text, Hint: "fix the YAML"}}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return mapping{}, []Problem{{Line: 1, Rule: ruleYAML, Message: "must be a single YAML document"}}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return mapping{}, []Problem{{Line: root.Line, Rule: ruleYAML, Message: "must be a mapping of keys to values"}}
	}
	if problems := checkNode(root, 1); len(problems) > 0 {
		return mapping{}, problems
	}
	return mapping{root}, nil
}

// checkNode admits the part of YAML that front matter needs: bounded nesting,
// no aliases, which can grow without bound, and no key that is not a string
// or occurs twice.
func checkNode(n *yaml.Node, depth int) []Problem {
	var problems []Problem
	report := func(at *yaml.Node, format string, args ...any) {
		problems = append(problems, Problem{Line: at.Line, Rule: ruleYAML, Message: fmt.Sprintf(format, args...), Hint: "fix the YAML"})
	}
	if depth > maxDepth {
		report(n, "must nest at most %d levels deep", maxDepth)
		return problems
	}
	if n.Kind == yaml.AliasNode {
		report(n, "must not use aliases, got *%s", n.Value)
	}
	if n.Kind == yaml.MappingNode {
		lines := map[string]int{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.ShortTag() != "!!str" {
				report(key, "keys must be plain words, got %s", shown(key))
			} else if line, ok := lines[key.Value]; ok {
				report(key, "key %q is already defined at line %d", key.Value, line)
			}
			lines[key.Value] = key.Line
		}
	}
	for _, child := range n.Content {
		problems = append(problems, checkNode(child, depth+1)...)
	}
	return problems
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
		return fmt.Sprintf("%.60q", n.Value)
	default:
		return fmt.Sprintf("%.60q (%s)", n.Value, strings.TrimPrefix(n.ShortTag(), "!!"))
	}
}

// lineAt returns the line of an offset in data.
func lineAt(data []byte, offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }

// syntaxErrorLine returns the line that breaks the syntax of header: the
// header parses up to the line before, and not with it.
func syntaxErrorLine(header []byte) int {
	lines := bytes.SplitAfter(header, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		return yaml.Unmarshal(bytes.Join(lines[:i+1], nil), new(yaml.Node)) != nil
	})
}
