// Package convert writes a bundle in the formats of the tools that run agents.
//
// The results are byte for byte what the package of the agents ships for the
// same tool: the same keys in the same order, in YAML as npm's yaml library
// writes it. A format is a file of this package and a line in its table.
package convert

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

const markdown = ".md"

// format is what one tool reads.
type format struct {
	agents, commands string // folders
	// header turns the front matter of an agent into the tool's.
	header func(*header)
}

var formats = map[string]format{
	"claude-code": claudeCode,
	"cursor":      cursor,
	"opencode":    openCode,
}

// Formats returns the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// To converts the files of a bundle, agents/<name>.md and commands/<name>.md,
// and returns those of the format by their path in a project, such as
// .claude/agents/<name>.md. Commands stay as they are. The error joins the
// problems of all files.
func To(name string, files map[string][]byte) (map[string][]byte, error) {
	f, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("format must be one of %s, got %q", strings.Join(Formats(), ", "), name)
	}
	out := map[string][]byte{}
	sources := map[string]string{}
	var errs []error
	for _, source := range slices.Sorted(maps.Keys(files)) {
		target, data, err := f.convert(source, files[source])
		if first, taken := sources[target]; err == nil && taken {
			err = fmt.Errorf("%s: %s is taken by %s (rename one of them)", source, target, first)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sources[target], out[target] = source, data
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("converting to %s: %w", name, err)
	}
	return out, nil
}

// convert returns the path and the content of one converted file.
func (f format) convert(source string, data []byte) (string, []byte, error) {
	base, isMarkdown := strings.CutSuffix(path.Base(source), markdown)
	switch kind, _, _ := strings.Cut(source, "/"); {
	case isMarkdown && kind == "commands":
		return path.Join(f.commands, base+markdown), data, nil
	case !isMarkdown || kind != "agents":
		return "", nil, fmt.Errorf("%s: must be agents/<name>.md or commands/<name>.md", source)
	}
	front, body, err := frontmatter.Parse(data)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", source, err)
	}
	h := newHeader(source, base, front)
	f.header(h)
	name := h.name()
	if err := errors.Join(h.errs...); err != nil {
		return "", nil, err
	}
	text := fmt.Sprintf("---\n%s\n---\n%s", write(&h.out, ""), bytes.TrimSpace(body))
	return path.Join(f.agents, name+markdown), []byte(text), nil
}

// text returns a YAML string.
func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}
