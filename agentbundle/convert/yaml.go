package convert

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The rules are those of npm's yaml 2 with the settings of the package's own
// converter: block style, two spaces, no wrapped lines, YAML 1.2. Go's yaml.v3
// quotes and escapes differently. What upstream writes so that it reads
// differently, here or elsewhere, is double-quoted instead; double quotes
// never span lines, and hexadecimal and octal numbers stay as they are.
var (
	// typedRE matches the plain scalars that are no strings.
	typedRE = regexp.MustCompile(`^(?:~?|null|Null|NULL|true|True|TRUE|false|False|FALSE|0o[0-7]+|0x[0-9a-fA-F]+|` +
		`[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)

	// quotedRE matches the strings that need quotes, or a block when they
	// have several lines.
	quotedRE = regexp.MustCompile("^[\t ,[\\]{}#&*!|>'\"%@`]|^[?-]$|^[?-][ \t]|:[ \t]|[\t ]#|[\t :]$")

	// escapedRE matches the characters that only double quotes can hold. To
	// upstream's control characters it adds the last five, which other parsers
	// reject or take for line breaks.
	escapedRE = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f-\x9f\x{2028}\x{2029}\x{feff}\x{fffe}\x{ffff}]`)

	// unblockedRE matches the texts of several lines that a block cannot hold:
	// those that end in a line of blanks. To them it adds those that start with
	// a tab, an error elsewhere, and those that are all blank.
	unblockedRE = regexp.MustCompile(`\n[\t ]+$|^\n*\t|^[ \n]* [ \n]*$`)

	newlinesRE = regexp.MustCompile(`\n+`)
)

var escaper = strings.NewReplacer(
	`"`, `\"`, `\`, `\\`, " \n", `\ \n`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\b", `\b`, "\f", `\f`,
	"\x00", `\0`, "\a", `\a`, "\v", `\v`, "\x1b", `\e`)

// write returns a tree of YAML nodes as text without a final newline. Lines
// after the first are indented.
func write(n *yaml.Node, indent string) string {
	var lines []string
	switch {
	case n.Kind == yaml.ScalarNode:
		return scalar(n, indent)
	case len(n.Content) == 0 && n.Kind == yaml.MappingNode:
		return "{}"
	case len(n.Content) == 0:
		return "[]"
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			value, separator := n.Content[i+1], " "
			if value.Kind != yaml.ScalarNode {
				separator = "\n" + indent + "  "
			}
			lines = append(lines, scalar(n.Content[i], indent)+":"+separator+write(value, indent+"  "))
		}
	default:
		for _, item := range n.Content {
			lines = append(lines, "- "+write(item, indent+"  "))
		}
	}
	return strings.Join(lines, "\n"+indent)
}

func scalar(n *yaml.Node, indent string) string {
	s := n.Value
	multiline := strings.Contains(s, "\n")
	switch {
	case n.Style == 0 && typedRE.MatchString(s):
		return typed(s)
	case escapedRE.MatchString(s), multiline && unblockedRE.MatchString(s):
		return doubleQuoted(s)
	case multiline:
		return block(s, indent)
	case !quotedRE.MatchString(s) && !typedRE.MatchString(s):
		return s
	case strings.Contains(s, `"`) && !strings.Contains(s, `'`):
		return `'` + s + `'`
	default:
		return doubleQuoted(s)
	}
}

// typed returns null, a boolean or a number the way JavaScript does.
func typed(s string) string {
	s = strings.TrimPrefix(strings.ToLower(s), "+")
	if s == "" || s == "~" {
		return "null"
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if number, err := json.Marshal(f); err == nil {
			return string(number)
		}
	}
	return s
}

func doubleQuoted(s string) string {
	s = escapedRE.ReplaceAllStringFunc(escaper.Replace(s), func(c string) string {
		r := []rune(c)[0]
		if r > 0xff {
			return fmt.Sprintf(`\u%04x`, r)
		}
		return fmt.Sprintf(`\x%02x`, r)
	})
	return `"` + s + `"`
}

// block returns a text of several lines in a literal block.
func block(s, indent string) string {
	body := strings.TrimRight(s, "\n\t ")
	header := "|"
	if lead := len(body) - len(strings.TrimLeft(body, " \n")); strings.Contains(body[:lead], " ") {
		header += "2" // the first line does not show how far the block is indented
	}
	switch end := s[len(body):]; {
	case !strings.Contains(end, "\n"):
		header += "-"
	case body == "" || strings.Count(end, "\n") > 1:
		header += "+"
	}
	// The newline after the last line is the caller's.
	s = strings.TrimSuffix(s, "\n")
	lines := strings.TrimRight(s, "\n")
	return header + "\n" + indent + newlinesRE.ReplaceAllString(lines, "${0}"+indent) + s[len(lines):]
}
