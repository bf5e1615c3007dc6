package agentbundle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// values is a set of YAML values, and what a message calls it.
type values struct {
	want string
	has  func(*yaml.Node) bool
}

var (
	text    = values{"a text", func(n *yaml.Node) bool { return strings.TrimSpace(str(n)) != "" }}
	boolean = values{"true or false", func(n *yaml.Node) bool { return n.ShortTag() == "!!bool" }}
	// date admits both types: an unquoted date is a timestamp.
	date   = values{"a date", func(n *yaml.Node) bool { return text.has(n) || n.ShortTag() == "!!timestamp" }}
	number = values{"a number", func(n *yaml.Node) bool { return slices.Contains([]string{"!!int", "!!float"}, n.ShortTag()) }}
	// scalar may be nothing.
	scalar = values{"a text", func(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }}
	list   = values{"a list", func(n *yaml.Node) bool { return n.Kind == yaml.SequenceNode }}
	texts  = values{"a list of texts", func(n *yaml.Node) bool { return list.has(n) && all(n.Content, text) }}
)

func all(nodes []*yaml.Node, v values) bool {
	return !slices.ContainsFunc(nodes, func(n *yaml.Node) bool { return !v.has(n) })
}

func oneOf(options ...string) values {
	want := strings.Join(options, ", ")
	if len(options) > 1 {
		want = "one of " + want
	} else {
		want = strconv.Quote(want)
	}
	return values{want, func(n *yaml.Node) bool { return slices.Contains(options, str(n)) }}
}

func between(low, high float64) values {
	return values{fmt.Sprintf("a number from %g to %g", low, high), func(n *yaml.Node) bool {
		f, err := strconv.ParseFloat(n.Value, 64)
		return number.has(n) && err == nil && low <= f && f <= high
	}}
}

// mapOf is a mapping whose values are all in v.
func mapOf(v values) values {
	return values{"a mapping to " + v.want, func(n *yaml.Node) bool {
		for i := 1; i < len(n.Content); i += 2 {
			if !v.has(n.Content[i]) {
				return false
			}
		}
		return n.Kind == yaml.MappingNode
	}}
}

func notEmpty(v values) values {
	return values{v.want + ", not empty", func(n *yaml.Node) bool { return v.has(n) && len(n.Content) > 0 }}
}

// field is what a key of a mapping must hold.
type field struct {
	key     string
	values  values
	example string
	// severity is that of another value, default: error. A missing key is an
	// error unless the field is optional.
	severity string
	optional bool
}

// checkFields reports the keys of m that break their field. Where names the
// mapping in messages and may be empty.
func checkFields(m mapping, where, rule string, fields []field) []Problem {
	var problems []Problem
	for _, f := range fields {
		value := m.get(f.key)
		p := Problem{Line: m.line(f.key), Rule: rule}
		switch {
		case f.optional && (value == nil || value.ShortTag() == "!!null"), value != nil && f.values.has(value):
			continue
		case value != nil:
			p.Severity = cmp.Or(f.severity, SeverityError)
		}
		p.Message = fmt.Sprintf("%s%s must be %s, got %s", where, f.key, f.values.want, shown(value))
		p.Hint = fmt.Sprintf("write, for example, %s: %s", f.key, f.example)
		problems = append(problems, p)
	}
	return problems
}
