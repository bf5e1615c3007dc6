package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Unknown stands for a value that a preview does not know yet.
type Unknown struct{}

// assetKey marks a map that stands for an asset or an archive on the wire.
const assetKey = "4dabf18193072939515e22adb298388d"

// Problem is one thing that is wrong with the inputs of a resource.
type Problem struct {
	// Path is where, such as networkConfiguration.subnets[0].
	Path string
	// Reason is what, with the fix where there is one.
	Reason string
}

func (p Problem) String() string { return p.Path + ": " + p.Reason }

// Check compares inputs with the schema and returns all problems, in the order
// of their paths: properties that do not exist, are outputs, are missing, have
// the wrong kind of value, or too few or too many elements. Unknown values pass.
func (t *Type) Check(inputs map[string]any) []Problem {
	var c checker
	c.object("", t.Properties, inputs)
	return c.problems
}

type checker struct{ problems []Problem }

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Reason: fmt.Sprintf(format, args...)})
}

func (c *checker) object(path string, properties map[string]*Property, values map[string]any) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == nil || (path == "" && len(name) > 1 && name[:2] == "__") {
			continue
		}
		property, ok := properties[name]
		switch {
		case !ok:
			c.add(prefix+name, "unknown property%s", suggestion(name, properties))
		case path == "" && !property.Input():
			c.add(prefix+name, "is an output and cannot be set")
		default:
			c.value(prefix+name, property, values[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if properties[name].Required && values[name] == nil {
			c.add(prefix+name, "missing required property")
		}
	}
}

func (c *checker) value(path string, property *Property, value any) {
	if _, unknown := value.(Unknown); unknown || value == nil {
		return
	}
	switch property.Kind {
	case List, Set:
		elements, ok := value.([]any)
		if !ok {
			break
		}
		c.bounds(path, property, len(elements))
		for i, element := range elements {
			c.value(fmt.Sprintf("%s[%d]", path, i), property.Elem, element)
		}
		return
	case Map:
		entries, ok := value.(map[string]any)
		if !ok {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			c.value(path+"."+key, property.Elem, entries[key])
		}
		return
	case Object:
		values, ok := value.(map[string]any)
		if !ok {
			break
		}
		c.object(path, property.Properties, values)
		return
	default:
		if scalarFits(property.Kind, value) {
			return
		}
	}
	c.add(path, "must be %s, got %s", property.Kind, kindOf(value))
}

func (c *checker) bounds(path string, property *Property, n int) {
	least := property.Min
	if property.Required && least == 0 && property.Elem.Kind == Object {
		least = 1 // a required block.
	}
	if n < least {
		c.add(path, "needs at least %d element(s), got %d", least, n)
	}
	if property.Max > 0 && n > property.Max {
		c.add(path, "takes at most %d element(s), got %d", property.Max, n)
	}
}

// scalarFits is as lenient as the Terraform bridge: it turns numbers and
// booleans into strings and back.
func scalarFits(kind Kind, value any) bool {
	switch value := value.(type) {
	case string:
		switch kind {
		case Number:
			_, err := strconv.ParseFloat(value, 64)
			return err == nil
		case Bool:
			return value == "true" || value == "false"
		}
		return true
	case bool:
		return kind != Number
	case float64:
		return kind != Bool
	case map[string]any:
		_, asset := value[assetKey]
		return asset || kind == Any
	}
	return kind == Any
}

func kindOf(value any) string {
	switch value := value.(type) {
	case string:
		return fmt.Sprintf("the string %q", value)
	case bool:
		return fmt.Sprintf("the boolean %v", value)
	case float64:
		return fmt.Sprintf("the number %v", value)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", value)
}
