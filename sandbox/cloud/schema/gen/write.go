package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// shareFrom is the size of an object, in bytes of JSON, from which its second
// use refers to one shared definition. The web ACL's statements shrink from a
// megabyte to some lines.
const shareFrom = 120

// writer interns objects by their content.
type writer struct {
	uses  map[string]int
	names map[string]string
	defs  map[string]string
}

// write writes one line per shared definition and one per type, sorted, so
// that a diff of the file reads well.
func write(out io.Writer, types map[string]*node) error {
	w := &writer{uses: map[string]int{}, names: map[string]string{}, defs: map[string]string{}}
	for _, token := range slices.Sorted(maps.Keys(types)) {
		w.count(types[token])
	}
	lines := map[string]string{}
	for _, token := range slices.Sorted(maps.Keys(types)) {
		lines[token] = encode(w.props(types[token]))
	}
	if _, err := fmt.Fprintf(out, "{\"types\":{\n%s},\n\"shared\":{\n%s}}\n", join(lines), join(w.defs)); err != nil {
		return err
	}
	return nil
}

// count counts how often each object occurs. An object that occurred before is
// not entered again, so that only the outermost shared one is shared.
func (w *writer) count(n *node) {
	for _, name := range slices.Sorted(maps.Keys(n.props)) {
		child := n.props[name]
		if child.props == nil {
			continue
		}
		key := encode(plain(child))
		w.uses[key]++
		if w.uses[key] == 1 {
			w.count(child)
		}
	}
}

// props encodes the properties of an object.
func (w *writer) props(n *node) map[string]any {
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(n.props)) {
		child := n.props[name]
		code := child.kind + child.flags
		if child.props == nil {
			object[name] = code
			continue
		}
		key := encode(plain(child))
		if w.uses[key] < 2 || len(key) < shareFrom {
			inner := w.props(child)
			inner[""] = code
			object[name] = inner
			continue
		}
		if w.names[key] == "" {
			w.names[key] = w.unused(name)
			w.defs[w.names[key]] = encode(w.props(child))
		}
		object[name] = map[string]any{"": code, "@": w.names[key]}
	}
	return object
}

// unused is the property's name with the first free number.
func (w *writer) unused(name string) string {
	for i := 1; ; i++ {
		candidate := fmt.Sprintf("%s%d", name, i)
		if _, taken := w.defs[candidate]; !taken {
			w.defs[candidate] = ""
			return candidate
		}
	}
}

// plain is an object's content without sharing, which identifies it.
func plain(n *node) map[string]any {
	object := map[string]any{}
	for name, child := range n.props {
		inner := plain(child)
		inner[""] = child.kind + child.flags
		object[name] = inner
	}
	return object
}

func encode(v any) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return string(bytes.TrimSpace(buffer.Bytes()))
}

func join(lines map[string]string) string {
	var buffer bytes.Buffer
	for i, key := range slices.Sorted(maps.Keys(lines)) {
		if i > 0 {
			buffer.WriteString(",\n")
		}
		fmt.Fprintf(&buffer, "%q:%s", key, lines[key])
	}
	buffer.WriteString("\n")
	return buffer.String()
}
