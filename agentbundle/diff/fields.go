package diff

import (
	"bytes"
	"encoding/json"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// Field is a changed value of the front matter.
type Field struct {
	// Key is the path of the value, such as "tools.bash".
	Key string `json:"key"`
	// Old and New are the values as JSON; nil when the file has none.
	Old json.RawMessage `json:"old,omitempty"`
	New json.RawMessage `json:"new,omitempty"`
}

func compareFields(before, after []byte) []Field {
	changed := []Field{}
	was, is := fields(before), fields(after)
	for _, key := range keys(was, is) {
		if !bytes.Equal(was[key], is[key]) {
			changed = append(changed, Field{Key: key, Old: was[key], New: is[key]})
		}
	}
	return changed
}

// fields returns the values of a file's front matter as JSON by their path. A
// file without valid front matter has none; its diff shows the text.
func fields(data []byte) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if root, _, err := frontmatter.Parse(data); err == nil {
		flatten(out, "", root)
	}
	return out
}

// flatten adds n under key, or the values in it when it is a mapping.
func flatten(out map[string]json.RawMessage, key string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		out[key] = encode(value(n))
		return
	}
	if key != "" {
		key += "."
	}
	for i := 0; i < len(n.Content); i += 2 {
		flatten(out, key+n.Content[i].Value, n.Content[i+1])
	}
}

// value returns a YAML value for JSON. What JSON does not know, such as a
// date, stays the text that the file has.
func value(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, value(item))
		}
		return list
	case n.Kind == yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			object[n.Content[i].Value] = value(n.Content[i+1])
		}
		return object
	case n.ShortTag() == "!!null":
		return nil
	case n.ShortTag() != "!!str" && json.Valid([]byte(n.Value)):
		return json.RawMessage(n.Value)
	default:
		return n.Value
	}
}

func encode(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // of strings, lists and valid JSON it cannot fail
	return bytes.TrimSpace(buf.Bytes())
}
