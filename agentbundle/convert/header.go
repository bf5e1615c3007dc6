package convert

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

var (
	// nameRE keeps an agent inside its folder.
	nameRE = regexp.MustCompile(`^[^/\\[:cntrl:]]+$`)

	// toolRE keeps one tool from becoming two in a list with commas.
	toolRE = regexp.MustCompile(`^[\w.*:()/-]{1,128}$`)
)

// header is the front matter of an agent while it is converted.
type header struct {
	source string
	in     map[string]*yaml.Node
	out    yaml.Node
	errs   []error
}

// newHeader returns the header of an agent. Its name is that of the file when
// the front matter has none.
func newHeader(source, name string, front *yaml.Node) *header {
	h := &header{source: source, in: map[string]*yaml.Node{}, out: yaml.Node{Kind: yaml.MappingNode}}
	for i := 0; i < len(front.Content); i += 2 {
		if value := front.Content[i+1]; given(value) && !sessionModel(front.Content[i].Value, value) {
			h.in[front.Content[i].Value] = value
		}
	}
	if h.in["name"] == nil {
		h.in["name"] = text(name)
	}
	return h
}

// given reports whether a key has a value: neither null nor the empty text.
func given(n *yaml.Node) bool {
	return n != nil && (n.Kind != yaml.ScalarNode || n.Value != "" && n.ShortTag() != "!!null")
}

// sessionModel reports the word of Claude Code for the session's model, which is
// every tool's default and which others cannot resolve.
func sessionModel(key string, value *yaml.Node) bool {
	return key == "model" && value.Value == "inherit"
}

func (h *header) report(at *yaml.Node, format string, args ...any) {
	h.errs = append(h.errs, fmt.Errorf("%s:%d: %s", h.source, at.Line, fmt.Sprintf(format, args...)))
}

func (h *header) set(key string, value *yaml.Node) {
	h.out.Content = append(h.out.Content, text(key), value)
}

// name returns the agent's name.
func (h *header) name() string {
	name := h.in["name"]
	if !nameRE.MatchString(name.Value) {
		h.report(name, "name must match %s, got %q", nameRE, name.Value)
	}
	return name.Value
}

// keep takes over those of the keys that the agent has.
func (h *header) keep(keys ...string) {
	nested := func(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode }
	for _, key := range keys {
		value := h.in[key]
		if value == nil {
			continue
		}
		if nested(value) && (value.Kind != yaml.SequenceNode || slices.ContainsFunc(value.Content, nested)) {
			h.report(value, "%s must be one value or a list of values", key)
		}
		h.set(key, value)
	}
}

type tool struct {
	name    string
	enabled bool
}

// tools returns what is under the key "tools", in the order of the file.
func (h *header) tools() []tool {
	node := h.in["tools"]
	if node == nil {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		h.report(node, "tools must be a mapping of names to true or false")
		return nil
	}
	var tools []tool
	for i := 0; i < len(node.Content); i += 2 {
		name, value := h.toolName(node.Content[i]), node.Content[i+1]
		enabled := strings.EqualFold(value.Value, "true")
		if value.Style != 0 || !enabled && !strings.EqualFold(value.Value, "false") {
			h.report(value, "tools.%s must be true or false, got %q", name, value.Value)
		}
		tools = append(tools, tool{name, enabled})
	}
	return tools
}

func (h *header) toolName(n *yaml.Node) string {
	if !toolRE.MatchString(n.Value) {
		h.report(n, "the name of a tool must match %s, got %q", toolRE, n.Value)
	}
	return n.Value
}

// lost are the keys that were not written, or not as they are.
func (h *header) lost(title string) []Loss {
	var lost []Loss
	for _, key := range slices.Sorted(maps.Keys(h.in)) {
		if frontmatter.Child(&h.out, key) == nil && (key != "tools" || frontmatter.Child(&h.out, "permission") == nil) {
			lost = append(lost, Loss{Key: key, Reason: title + " has no such key"})
		}
	}
	return lost
}
