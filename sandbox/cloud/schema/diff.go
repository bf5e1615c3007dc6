package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Change is one difference between the inputs a resource has and those it
// shall have.
type Change struct {
	// Path is where, in the engine's syntax.
	Path string
	// Added and Deleted say that only one side has a value.
	Added, Deleted bool
	// Replaces and Depends are those of the property's schema.
	Replaces, Depends bool
}

// Diff compares two sets of inputs the way the real provider does: an absent
// value equals null and an empty list, the order of a set means nothing, "30"
// equals 30, and JSON documents are compared by content.
func (t *Type) Diff(olds, news map[string]any) []Change {
	var d differ
	d.object("", t.Properties, olds, news)
	return d.changes
}

type differ struct{ changes []Change }

func (d *differ) object(path string, properties map[string]*Property, olds, news map[string]any) {
	names := maps.Clone(olds)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, news)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		property := properties[name]
		if property == nil {
			continue
		}
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		d.value(inner, property, olds[name], news[name])
	}
}

func (d *differ) value(path string, property *Property, older, newer any) {
	if Equal(property, older, newer) {
		return
	}
	oldEmpty, newEmpty := empty(older), empty(newer)
	oldObject, isOld := older.(map[string]any)
	newObject, isNew := newer.(map[string]any)
	if property.Kind == Object && isOld && isNew && !oldEmpty && !newEmpty {
		d.object(path, property.Properties, oldObject, newObject)
		return
	}
	oldList, isOld := older.([]any)
	newList, isNew := newer.([]any)
	if isOld && isNew && len(oldList) == len(newList) && property.Elem != nil && property.Elem.Kind == Object {
		if property.Kind == Set {
			oldList, newList = sorted(property, oldList), sorted(property, newList)
		}
		for i := range oldList {
			d.value(fmt.Sprintf("%s[%d]", path, i), property.Elem, oldList[i], newList[i])
		}
		return
	}
	d.changes = append(d.changes, Change{
		Path: path, Added: oldEmpty, Deleted: newEmpty,
		Replaces: property.Replaces, Depends: property.Depends,
	})
}

// Equal reports whether the two values of a property mean the same.
func Equal(property *Property, a, b any) bool {
	return bytes.Equal(canonical(property, a), canonical(property, b))
}

// canonical encodes a value so that values of one meaning are the same bytes.
func canonical(property *Property, value any) []byte {
	raw, err := json.Marshal(normal(property, value))
	if err != nil {
		panic(fmt.Sprintf("schema: encoding a value: %v", err)) // values are JSON's own kinds.
	}
	return raw
}

func normal(property *Property, value any) any {
	if empty(value) {
		return nil
	}
	switch value := value.(type) {
	case Unknown:
		return map[string]any{"unknown": true}
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case string:
		var document any
		if (value[0] == '{' || value[0] == '[') && json.Unmarshal([]byte(value), &document) == nil {
			return document
		}
		return value
	case []any:
		var elem *Property
		if property != nil {
			elem = property.Elem
		}
		elements := make([]any, len(value))
		for i, element := range value {
			elements[i] = normal(elem, element)
		}
		if property != nil && property.Kind == Set {
			slices.SortFunc(elements, func(a, b any) int { return bytes.Compare(canonical(nil, a), canonical(nil, b)) })
		}
		return elements
	case map[string]any:
		object := map[string]any{}
		for name, field := range value {
			var below *Property
			if property != nil {
				below = property.Elem
				if property.Properties != nil {
					below = property.Properties[name]
				}
			}
			if n := normal(below, field); n != nil {
				object[name] = n
			}
		}
		return object
	}
	return value
}

func sorted(property *Property, elements []any) []any {
	elements = slices.Clone(elements)
	slices.SortFunc(elements, func(a, b any) int {
		return bytes.Compare(canonical(property.Elem, a), canonical(property.Elem, b))
	})
	return elements
}

// empty reports whether a value means as much as none.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}
