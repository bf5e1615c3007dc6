// Package convert reads the files of the tools that run agents into the form of
// a bundle, and writes a bundle in their formats.
//
// The bundle's form is UATS: front matter with the keys of that standard, most
// of them optional, and a text. [From] reads a file of another tool into it; its
// key "format" says which tool, and [To] writes it back, or for a third tool,
// with the keys of keys.go. [Convert] names what the target has no place for.
//
// What was UATS from the start is written byte for byte as the package of the
// agents ships it for the same tool: the same keys in the same order, in YAML as
// npm's yaml library writes it.
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
	name             string
	agents, commands string // folders
	// header turns the front matter of an agent into the tool's.
	header func(*header)
}

var formats = map[string]format{
	ClaudeCode: claudeCode,
	Cursor:     cursor,
	OpenCode:   openCode,
	UATS:       {agents: "agents", commands: "commands"},
}

// Formats returns the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// To is [Convert] without the losses.
func To(name string, files map[string][]byte) (map[string][]byte, error) {
	out, _, err := Convert(name, files)
	return out, err
}

// Convert converts the files of a bundle, agents/<name>.md and
// commands/<name>.md, and returns those of the format by their path in a
// project, such as .claude/agents/<name>.md, and what is lost, sorted by path.
// The error joins the problems of all files.
func Convert(name string, files map[string][]byte) (map[string][]byte, []Loss, error) {
	f, ok := formats[name]
	if !ok {
		return nil, nil, fmt.Errorf("format must be one of %s, got %q", strings.Join(Formats(), ", "), name)
	}
	f.name = name
	out := map[string][]byte{}
	sources := map[string]string{}
	var lost []Loss
	var errs []error
	for _, source := range slices.Sorted(maps.Keys(files)) {
		c, err := f.convert(source, files[source])
		if first, taken := sources[c.path]; err == nil && taken {
			err = fmt.Errorf("%s: %s is taken by %s (rename one of them)", source, c.path, first)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sources[c.path], out[c.path] = source, c.data
		for _, loss := range c.lost {
			loss.Path = source
			lost = append(lost, loss)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, fmt.Errorf("converting to %s: %w", name, err)
	}
	return out, lost, nil
}

type converted struct {
	path string
	data []byte
	lost []Loss
}

// convert converts one file.
func (f format) convert(source string, data []byte) (converted, error) {
	base, isMarkdown := strings.CutSuffix(path.Base(source), markdown)
	folder, _, _ := strings.Cut(source, "/")
	kind := map[string]Kind{"agents": Agent, "commands": Command}[folder]
	if !isMarkdown || kind == "" {
		return converted{}, fmt.Errorf("%s: must be agents/<name>.md or commands/<name>.md", source)
	}
	front, body, err := frontmatter.Parse(data)
	if err == nil && given(frontmatter.Child(front, formatKey)) {
		return f.native(kind, base, front, string(body)), nil
	}
	switch {
	case kind == Command:
		c := converted{path: path.Join(f.commands, base+markdown), data: data}
		if f.name != UATS {
			c.data = []byte(Unescape(string(data)))
			if inputs := inputNames(front); len(inputs) > 0 {
				c.lost = []Loss{{Key: "inputs", Reason: Title(f.name) + " has no named inputs: {{" + inputs[0] + "}} is text"}}
			}
		}
		return c, nil
	case err != nil:
		return converted{}, fmt.Errorf("%s: %w", source, err)
	case f.name == UATS:
		return converted{path: source, data: data}, nil
	}
	h := newHeader(source, base, front)
	f.header(h)
	name := h.name()
	if err := errors.Join(h.errs...); err != nil {
		return converted{}, err
	}
	text := fmt.Sprintf("---\n%s\n---\n%s", write(&h.out, ""), bytes.TrimSpace(body))
	return converted{path.Join(f.agents, name+markdown), []byte(text), h.lost(Title(f.name))}, nil
}

// native converts a file that was made for a tool.
func (f format) native(kind Kind, name string, front *yaml.Node, body string) converted {
	folder, ext := f.agents, markdown
	if kind == Command {
		folder = f.commands
	}
	if f.name == UATS {
		out := &yaml.Node{Kind: yaml.MappingNode}
		for i := 0; i < len(front.Content); i += 2 {
			if front.Content[i].Value != formatKey {
				out.Content = append(out.Content, front.Content[i], front.Content[i+1])
			}
		}
		return converted{path: path.Join(folder, name+markdown), data: fmt.Appendf(nil, "---\n%s\n---\n%s", write(out, ""), body)}
	}
	w := newNative(f.name, kind, front)
	if w.rule {
		folder, ext = ".cursor/rules", ruleExt
	}
	data := w.write(body)
	return converted{path.Join(folder, name+ext), data, w.lost}
}

// text returns a YAML string.
func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}
