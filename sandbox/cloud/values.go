package cloud

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// props are the properties of a resource as plain JSON values, in which
// [schema.Unknown] stands for what a preview does not know. Paths are dotted
// and pass through lists: networkConfiguration.subnets are all subnets.
type props map[string]any

// decode reads properties from the wire. It unwraps secrets and outputs: the
// engine was told that the provider does not take secrets, and itself keeps
// what was secret secret.
func decode(s *structpb.Struct) props {
	if s == nil {
		return props{}
	}
	return plain(s.AsMap()).(map[string]any)
}

func plain(value any) any {
	switch value := value.(type) {
	case string:
		switch value {
		case plugin.UnknownStringValue, plugin.UnknownBoolValue, plugin.UnknownNumberValue,
			plugin.UnknownArrayValue, plugin.UnknownObjectValue, plugin.UnknownAssetValue,
			plugin.UnknownArchiveValue:
			return schema.Unknown{}
		}
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		switch value[resource.SigKey] {
		case resource.SecretSig:
			return plain(value["value"])
		case resource.OutputValueSig:
			inner, known := value["value"]
			if !known {
				return schema.Unknown{}
			}
			return plain(inner)
		case resource.ResourceReferenceSig:
			return plain(value["id"])
		}
		for k := range value {
			if value[k] = plain(value[k]); value[k] == nil {
				delete(value, k)
			}
		}
	}
	return value
}

// encode writes properties for the wire; those named by secret are secrets.
func encode(p props, secret func(name string) bool) (*structpb.Struct, error) {
	wire := map[string]any{}
	for name, value := range p {
		wire[name] = onWire(value)
		if secret != nil && secret(name) {
			wire[name] = map[string]any{resource.SigKey: resource.SecretSig, "value": wire[name]}
		}
	}
	return structpb.NewStruct(wire)
}

func onWire(value any) any {
	switch value := value.(type) {
	case schema.Unknown:
		return plugin.UnknownStringValue
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = onWire(value[i])
		}
		return list
	case []string:
		list := make([]any, len(value))
		for i := range value {
			list[i] = value[i]
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for k, v := range value {
			object[k] = onWire(v)
		}
		return object
	}
	return value
}

// all returns the values at a path, with those of each list on the way. What is
// below an unknown value is unknown.
func (p props) all(path string) []any {
	found := []any{map[string]any(p)}
	for name := range strings.SplitSeq(path, ".") {
		var next []any
		for _, value := range found {
			switch value := value.(type) {
			case map[string]any:
				next = appendFlat(next, value[name])
			case schema.Unknown:
				next = append(next, value)
			}
		}
		found = next
	}
	return found
}

func appendFlat(list []any, value any) []any {
	if elements, ok := value.([]any); ok {
		return append(list, elements...)
	}
	if value == nil {
		return list
	}
	return append(list, value)
}

// strs returns the known strings at a path.
func (p props) strs(path string) []string {
	var found []string
	for _, value := range p.all(path) {
		if s := text(value); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// str returns the string at a path, or "" when there is none or it is not
// known. Numbers and booleans are returned as text.
func (p props) str(path string) string {
	if found := p.strs(path); len(found) > 0 {
		return found[0]
	}
	return ""
}

// num returns the number at a path, or the default when there is none.
func (p props) num(path string, otherwise float64) float64 {
	if n, err := strconv.ParseFloat(p.str(path), 64); err == nil {
		return n
	}
	return otherwise
}

// yes reports whether the boolean at a path is set and true.
func (p props) yes(path string) bool { return p.str(path) == "true" }

// objects returns the objects at a path.
func (p props) objects(path string) []props {
	var found []props
	for _, value := range p.all(path) {
		if object, ok := value.(map[string]any); ok {
			found = append(found, object)
		}
	}
	return found
}

// unknown reports whether a value at a path is not known yet.
func (p props) unknown(path string) bool {
	for _, value := range p.all(path) {
		if _, ok := value.(schema.Unknown); ok {
			return true
		}
	}
	return false
}

// has reports whether the path has a value, known or not.
func (p props) has(path string) bool { return len(p.all(path)) > 0 }

// text is a scalar as text.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return ""
}

// parseJSON reads a value that a person typed or that stands in a document:
// JSON when it is, else the text itself.
func parseJSON(s string) any {
	var value any
	if json.Unmarshal([]byte(s), &value) == nil {
		return value
	}
	return s
}
