package convert

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// Loss is a key of a file that the target has no place for.
type Loss struct {
	// Path is the file in the bundle.
	Path   string `json:"path"`
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// native writes a packed file that was made for one of the tools for another,
// or for the same.
type native struct {
	target, origin string
	kind           Kind
	rule           bool
	front          *yaml.Node
	out            yaml.Node
	lost           []Loss
}

func newNative(target string, kind Kind, front *yaml.Node) *native {
	return &native{
		target: target, origin: frontmatter.Child(front, formatKey).Value, kind: kind, front: front, out: yaml.Node{Kind: yaml.MappingNode},
		rule: target == Cursor && kind == Agent && (frontmatter.Child(front, "always_apply") != nil || frontmatter.Child(front, "globs") != nil),
	}
}

// write returns the file.
func (w *native) write(body string) []byte {
	for i := 0; i < len(w.front.Content); i += 2 {
		w.key(w.front.Content[i].Value, w.front.Content[i+1])
	}
	if w.kind == Command {
		body = unplace(w.front, body)
	}
	body = strings.TrimSpace(body)
	if w.target == Cursor && w.kind == Command {
		return []byte(body + "\n") // its commands have no front matter
	}
	return fmt.Appendf(nil, "---\n%s\n---\n%s\n", write(&w.out, ""), body)
}

func (w *native) set(key string, value *yaml.Node) {
	w.out.Content = append(w.out.Content, text(key), value)
}

func (w *native) lose(key, format string, args ...any) {
	w.lost = append(w.lost, Loss{Key: key, Reason: fmt.Sprintf(format, args...)})
}

// key writes one key of the bundle as the target's.
func (w *native) key(base string, value *yaml.Node) {
	rows := rows(w.target, w.kind, w.rule)
	i := slices.IndexFunc(rows, func(r row) bool { return r.base == base })
	title := Title(w.target)
	switch {
	case base == formatKey:
	case base == "name":
		if i >= 0 {
			w.set("name", value)
		}
	case base == "tools" || base == "permission":
		if base == "tools" || frontmatter.Child(w.front, "tools") == nil {
			w.tools()
		}
	case base == "model" && i >= 0:
		if model := modelOf(w.target, value.Value); model != "" {
			w.set(rows[i].key, text(model))
		} else {
			w.lose(base, "%s cannot resolve %q: its session's model is used", title, value.Value)
		}
	case base == "inputs":
		if w.target == Cursor {
			w.lose(base, "commands of Cursor have no arguments in their text")
		}
	case base == "mode" && i < 0:
		if value.Value == "primary" {
			w.lose(base, "agents of %s are subagents", title)
		}
	case w.target == Cursor && w.kind == Command:
		w.lose(base, "commands of Cursor have no front matter")
	case base == "globs" && i >= 0:
		words, _ := split(value)
		w.set("globs", text(strings.Join(words, ",")))
	case i >= 0:
		w.set(rows[i].key, value)
	case w.origin == w.target:
		w.set(base, value)
	default:
		w.lose(base, "%s has no such key", title)
	}
}

// modelOf returns what a tool calls a model, or "" where it does not know it.
func modelOf(tool, model string) string {
	provider, name, slash := strings.Cut(model, "/")
	alias := slices.Contains([]string{"sonnet", "opus", "haiku", "opusplan"}, model)
	claude := strings.HasPrefix(model, "claude-")
	switch {
	case tool == ClaudeCode && (alias || claude):
		return model
	case tool == ClaudeCode && slash && provider == "anthropic":
		return name
	case tool == OpenCode && slash:
		return model
	case tool == OpenCode && claude:
		return "anthropic/" + model
	case tool == Cursor && slash:
		return name
	case tool == Cursor && !alias:
		return model
	}
	return ""
}

// access is what an agent may use: the tools in its order, each allow, ask or
// deny, and whether what is not among them is denied.
type access struct {
	tools  []string
	levels map[string]string
	only   bool
	detail bool // some of it is about patterns, or asks
}

// accessOf reads the tools and the permission of a packed file. A list of tools
// that are on, of a tool that knows such lists, turns the others off.
func accessOf(origin string, front *yaml.Node) access {
	a := access{levels: map[string]string{}}
	set := func(tool, level string) {
		if tool == "*" {
			a.only = level == "deny"
			return
		}
		if _, ok := a.levels[tool]; !ok {
			a.tools = append(a.tools, tool)
		}
		a.levels[tool] = level
	}
	if tools := frontmatter.Child(front, "tools"); tools != nil && tools.Kind == yaml.MappingNode {
		for i := 0; i < len(tools.Content); i += 2 {
			level := "deny"
			if tools.Content[i+1].Value == "true" {
				level, a.only = "allow", a.only || origin == ClaudeCode
			}
			set(tools.Content[i].Value, level)
		}
		a.only = a.only || origin == ClaudeCode && len(tools.Content) == 0
	}
	if permission := frontmatter.Child(front, "permission"); permission != nil && permission.Kind == yaml.MappingNode {
		for i := 0; i < len(permission.Content); i += 2 {
			value := permission.Content[i+1]
			a.detail = a.detail || value.Kind != yaml.ScalarNode || value.Value == "ask"
			if value.Kind == yaml.ScalarNode {
				set(permission.Content[i].Value, value.Value)
			}
		}
	}
	return a
}

// with are the tools of a level.
func (a access) with(level string) (tools []string) {
	for _, tool := range a.tools {
		if a.levels[tool] == level {
			tools = append(tools, tool)
		}
	}
	return tools
}

// tools writes what the agent may use.
func (w *native) tools() {
	if w.kind != Agent || w.rule {
		w.lose("tools", "%s has no such key here", Title(w.target))
		return
	}
	a := accessOf(w.origin, w.front)
	switch w.target {
	case OpenCode:
		w.openCodeTools(a)
	case ClaudeCode:
		if a.detail {
			w.lose("permission", "Claude Code has no patterns and no questions in the permissions of an agent")
		}
		names := func(tools []string) *yaml.Node {
			var names []string
			for _, tool := range tools {
				names = append(names, claudeName(tool))
			}
			return text(strings.Join(names, ", "))
		}
		if a.only {
			w.set("tools", names(a.with("allow")))
		}
		if denied := a.with("deny"); len(denied) > 0 {
			w.set("disallowedTools", names(denied))
		}
	case Cursor:
		denied := a.with("deny")
		if !a.only && len(denied) == 2 && slices.Contains(denied, "write") && slices.Contains(denied, "edit") {
			w.set("readonly", boolean(true))
			return
		}
		if a.only && !slices.Contains(a.with("allow"), "write") && !slices.Contains(a.with("allow"), "edit") {
			w.set("readonly", boolean(true))
		}
		w.lose("tools", "agents of Cursor have all tools, or are read only")
	}
}

// openCodeTools writes the two keys that OpenCode has: the switches of a file
// that was made for it, and permissions otherwise.
func (w *native) openCodeTools(a access) {
	tools, permission := frontmatter.Child(w.front, "tools"), frontmatter.Child(w.front, "permission")
	if w.origin == OpenCode {
		if tools != nil {
			w.set("tools", tools)
		}
		if permission != nil {
			w.set("permission", permission)
		}
		return
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	if a.only {
		out.Content = append(out.Content, text("*"), text("deny"))
	}
	for _, tool := range a.tools {
		if !toolRE.MatchString(tool) || strings.ContainsAny(tool, "()") {
			w.lose("tools", "OpenCode has no tool %q", tool)
			continue
		}
		out.Content = append(out.Content, text(tool), text(a.levels[tool]))
	}
	w.set("permission", out)
}
