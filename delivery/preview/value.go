package preview

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/mask"
)

// What Pulumi puts in place of a secret, and of a value that only an update knows.
// https://github.com/pulumi/pulumi/blob/sdk/v3.274.1/sdk/go/common/resource/properties.go
const (
	marker  = "4dabf18193072939515e22adb298388d"
	unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
)

// What is shown in their place.
const (
	Secret  = "[secret]"
	Unknown = "(known after the update)"
	nothing = "(none)"
)

// colors are the engine's own codes for a terminal.
var colors = regexp.MustCompile(`<\{%[^%]*%\}>|\x1b\[[0-9;]*m`)

// Change is a property that differs.
type Change struct {
	// Path of the property, such as weightedRoutingPolicies[0].weight. It goes on
	// into texts that are JSON.
	Path     string
	Old, New string // as JSON, texts too
}

// cleaner takes secrets and unknown values out, and notes what looked like a secret and
// was not marked as one.
type cleaner struct{ masked []Masked }

func (c *cleaner) note(path string, found []string) {
	path, _ = mask.Text(path)
	for _, what := range found {
		c.masked = append(c.masked, Masked{path, what})
	}
}

// text is one that the engine or the program wrote.
func (c *cleaner) text(path, text string) string {
	masked, found := mask.Text(text)
	c.note(path, found)
	return masked
}

// value is the one at a path, whose last part names it, as a variable's name does.
func (c *cleaner) value(path, name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if _, marked := v[marker]; marked {
			return Secret
		}
		variable, _ := v["name"].(string)
		cleaned := make(map[string]any, len(v))
		for key, value := range v {
			at, called := join(path, key), key
			if key == "value" && variable != "" {
				called = variable
			}
			if safe, found := mask.Text(key); len(found) > 0 {
				key, at = safe, join(path, safe)
				c.note(at, found)
			}
			cleaned[key] = c.value(at, called, value)
		}
		return cleaned
	case []any:
		cleaned := make([]any, len(v))
		for i, value := range v {
			cleaned[i] = c.value(fmt.Sprintf("%s[%d]", path, i), name, value)
		}
		return cleaned
	case string:
		if inner := parsed(v); inner != nil {
			before := len(c.masked)
			cleaned := c.value(path, name, inner)
			if len(c.masked) > before || strings.Contains(v, marker) {
				return show(cleaned)
			}
			return strings.ReplaceAll(v, unknown, Unknown)
		}
		masked, found := mask.Value(name, strings.ReplaceAll(v, unknown, Unknown))
		c.note(path, found)
		return masked
	}
	return v
}

// absent is the value of a property that one side lacks.
type absent struct{}

// compare returns the leaves that differ.
func compare(path string, before, after any) (changes []Change) {
	if b, a, ok := both[map[string]any](before, after); ok {
		keys := slices.AppendSeq(slices.Collect(maps.Keys(b)), maps.Keys(a))
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			changes = append(changes, compare(join(path, key), get(b, key), get(a, key))...)
		}
		return changes
	}
	if b, a, ok := both[[]any](before, after); ok {
		for i := range max(len(b), len(a)) {
			changes = append(changes, compare(fmt.Sprintf("%s[%d]", path, i), index(b, i), index(a, i))...)
		}
		return changes
	}
	if b, a := parsed(before), parsed(after); b != nil && a != nil {
		return compare(path, b, a)
	}
	if old, now := show(before), show(after); old != now {
		return []Change{{Path: path, Old: old, New: now}}
	}
	return nil
}

func both[T any](before, after any) (b, a T, ok bool) {
	b, first := before.(T)
	a, second := after.(T)
	return b, a, first && second
}

func get(m map[string]any, key string) any {
	if value, ok := m[key]; ok {
		return value
	}
	return absent{}
}

func index(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// parsed is the object or list that a text is the JSON of, or nil.
func parsed(v any) (value any) {
	text, ok := v.(string)
	if !ok || !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil
	}
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	return value
}

func show(v any) string {
	switch v {
	case absent{}:
		return nothing
	case Secret, Unknown:
		return v.(string)
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // it was JSON
	return strings.TrimSpace(text.String())
}

var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// join adds a key to a path, quoted where a plain one would not do.
func join(path, key string) string {
	switch {
	case !plain.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// last is the last key of a path: what a value is called.
func last(path string) (key string) {
	for path != "" {
		part := token.FindStringSubmatch(path)
		if part == nil {
			return path
		}
		path = path[len(part[0]):]
		switch {
		case part[2] != "":
			key, _ = strconv.Unquote(part[2])
		case part[1] != "":
			key = part[1]
		}
	}
	return key
}

// called is what the value at a path is called: its key, or the name beside it.
func called(v any, path string) string {
	if parent, ok := strings.CutSuffix(path, ".value"); ok {
		if variable, ok := at(v, parent).(map[string]any); ok {
			if name, ok := variable["name"].(string); ok {
				return name
			}
		}
	}
	return last(path)
}

// token is one part of a path: .key, ["key"] or [0].
var token = regexp.MustCompile(`^(?:\.?([^.\["\]]+)|\[("(?:[^"\\]|\\.)*")\]|\[([0-9]+)\])`)

// at is the value at a path.
// https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/resource#ParsePropertyPath
func at(v any, path string) any {
	for path != "" {
		part := token.FindStringSubmatch(path)
		if part == nil {
			return absent{}
		}
		path = path[len(part[0]):]
		key := part[1]
		if part[2] != "" {
			key, _ = strconv.Unquote(part[2])
		}
		switch container := v.(type) {
		case map[string]any:
			if _, secret := container[marker]; secret {
				return container
			}
			v = get(container, key)
		case []any:
			i, err := strconv.Atoi(part[3])
			if err != nil {
				return absent{}
			}
			v = index(container, i)
		default:
			return absent{}
		}
	}
	return v
}
