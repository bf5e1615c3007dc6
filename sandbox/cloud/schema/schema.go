package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed aws.json
var compact []byte

// Kind is the kind of a property's value.
type Kind byte

// The kinds, by the letter or bracket that stands for them in aws.json.
const (
	String Kind = 's'
	Number Kind = 'n'
	Bool   Kind = 'b'
	Any    Kind = '*'
	Object Kind = 'o'
	List   Kind = '['
	Set    Kind = '<'
	Map    Kind = '{'
)

func (k Kind) String() string {
	return map[Kind]string{
		String: "a string", Number: "a number", Bool: "a boolean", Any: "any value",
		Object: "an object", List: "a list", Set: "a list", Map: "a map",
	}[k]
}

// Type is the schema of a resource type.
type Type struct {
	// Token is the Pulumi type token, such as aws:ec2/vpc:Vpc.
	Token string
	// Properties are the inputs and outputs, by their Pulumi names.
	Properties map[string]*Property
}

// Property is the schema of one property.
type Property struct {
	Kind Kind
	// Elem describes the elements of a list, a set or a map.
	Elem *Property
	// Properties are those of an object.
	Properties map[string]*Property

	Required, Optional, Computed, Sensitive bool
	// Replaces says that the real provider plans a replacement for a change.
	Replaces bool
	// Depends says that a change replaces in some cases; package cloud knows
	// which.
	Depends bool
	// Min and Max bound the number of elements; a Max of 0 is no bound.
	Min, Max int
}

// Input reports whether a program may set the property.
func (p *Property) Input() bool { return p.Required || p.Optional }

// Lookup returns the schema of a type.
func Lookup(token string) (*Type, bool) {
	t, ok := load()[token]
	return t, ok
}

// Tokens lists the types that the schema has, sorted.
func Tokens() []string { return slices.Sorted(maps.Keys(load())) }

var load = sync.OnceValue(func() map[string]*Type {
	var file struct {
		Types  map[string]map[string]any `json:"types"`
		Shared map[string]map[string]any `json:"shared"`
	}
	if err := json.Unmarshal(compact, &file); err != nil {
		panic(fmt.Sprintf("schema: reading the embedded aws.json: %v", err))
	}
	p := &parser{raw: file.Shared, parsed: map[string]map[string]*Property{}}
	types := map[string]*Type{}
	for token, properties := range file.Types {
		types[token] = &Type{Token: token, Properties: p.properties(properties)}
	}
	return types
})

// parser turns the compact form into properties; each shared object is parsed
// once.
type parser struct {
	raw    map[string]map[string]any
	parsed map[string]map[string]*Property
}

func (p *parser) properties(raw map[string]any) map[string]*Property {
	properties := map[string]*Property{}
	for name, value := range raw {
		switch value := value.(type) {
		case string:
			if name != "" && name != "@" {
				properties[name] = parseCode(value, nil)
			}
		case map[string]any:
			inner := value
			if shared, ok := value["@"].(string); ok {
				properties[name] = parseCode(value[""].(string), p.shared(shared))
				continue
			}
			properties[name] = parseCode(value[""].(string), p.properties(inner))
		}
	}
	return properties
}

func (p *parser) shared(name string) map[string]*Property {
	if p.parsed[name] == nil {
		p.parsed[name] = p.properties(p.raw[name])
	}
	return p.parsed[name]
}

// parseCode reads a code such as "s?=^" or "<o>!+2-5".
func parseCode(code string, properties map[string]*Property) *Property {
	end := strings.IndexAny(code, "!?=$^~+-")
	if end < 0 {
		end = len(code)
	}
	property := parseKind(code[:end], properties)
	for flags := code[end:]; flags != ""; {
		flag := flags[0]
		flags = flags[1:]
		switch flag {
		case '!':
			property.Required = true
		case '?':
			property.Optional = true
		case '=':
			property.Computed = true
		case '$':
			property.Sensitive = true
		case '^':
			property.Replaces = true
		case '~':
			property.Depends = true
		case '+':
			property.Min, flags = leadingNumber(flags)
		case '-':
			property.Max, flags = leadingNumber(flags)
		default:
			panic("schema: unknown flag in " + code)
		}
	}
	return property
}

func parseKind(kind string, properties map[string]*Property) *Property {
	property := &Property{Kind: Kind(kind[0])}
	switch property.Kind {
	case List, Set, Map:
		property.Elem = parseKind(kind[1:len(kind)-1], properties)
	case Object:
		property.Properties = properties
	}
	return property
}

func leadingNumber(s string) (number int, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	number, err := strconv.Atoi(s[:end])
	if err != nil {
		panic("schema: a bound without a number: " + s)
	}
	return number, s[end:]
}
