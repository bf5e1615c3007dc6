package convert

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// openCode takes permissions in place of tools.
var openCode = format{
	agents:   ".opencode/agent",
	commands: ".opencode/command",
	header: func(h *header) {
		if h.in["mode"] == nil {
			h.in["mode"] = text("subagent")
		}
		h.keep("name", "description", "mode", "model", "temperature")
		h.set("permission", permission(h))
		h.keep("category", "tags", "allowed_directories")
	},
}

// permission says for each tool whether OpenCode may use it. The agent's own
// list for OpenCode goes before its tools. Without either, an agent may read
// the web and change nothing.
func permission(h *header) *yaml.Node {
	tools := []tool{{"edit", false}, {"bash", false}, {"webfetch", true}}
	if own := frontmatter.Child(h.in["permissions"], "opencode"); given(own) {
		tools = nil
		if list := frontmatter.Child(own, "tools"); list != nil && list.Kind == yaml.SequenceNode {
			for _, name := range list.Content {
				tools = append(tools, tool{h.toolName(name), true})
			}
		}
	} else {
		tools = append(tools, h.tools()...)
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, t := range merge(tools) {
		value := "deny"
		if t.enabled {
			value = "allow"
		}
		out.Content = append(out.Content, text(t.name), text(value))
	}
	return out
}

// merge gives each tool the place of its first entry and the value of its last.
func merge(tools []tool) []tool {
	var merged []tool
	for _, t := range tools {
		if i := slices.IndexFunc(merged, func(m tool) bool { return m.name == t.name }); i >= 0 {
			merged[i] = t
		} else {
			merged = append(merged, t)
		}
	}
	return merged
}
