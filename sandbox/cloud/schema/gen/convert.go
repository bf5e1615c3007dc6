package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// block is a block of a Terraform schema.
type block struct {
	Attributes map[string]attribute `json:"attributes"`
	Blocks     map[string]nested    `json:"block_types"`
}

type attribute struct {
	Type      json.RawMessage `json:"type"`
	Required  bool            `json:"required"`
	Optional  bool            `json:"optional"`
	Computed  bool            `json:"computed"`
	Sensitive bool            `json:"sensitive"`
}

type nested struct {
	Mode  string `json:"nesting_mode"`
	Block block  `json:"block"`
	Min   int    `json:"min_items"`
	Max   int    `json:"max_items"`
}

// node is a property in Pulumi's view: a kind such as "s", "[s]" or "<o>", its
// flags, and for objects the properties below it. Package schema documents
// both.
type node struct {
	kind, flags string
	props       map[string]*node
}

// convert turns a block into an object node. The path is the Terraform path,
// by which the overrides are found.
func (b block) convert(resource, path string) *node {
	object := &node{kind: "o", props: map[string]*node{}}
	top := resource == path
	for name, a := range b.Attributes {
		if top && name == "id" {
			continue // every Pulumi resource has an id, and none takes one.
		}
		if strings.HasSuffix(name, "_wo") || strings.HasSuffix(name, "_wo_version") {
			continue // Pulumi v6 has no write-only properties.
		}
		if top && name == "tags_all" {
			a.Optional = false // an output only, in Pulumi.
		}
		n := convertType(decode(a.Type))
		n.flags = a.flags()
		object.props[pulumiName(path+"."+name, name, n.plural())] = n
	}
	for name, nb := range b.Blocks {
		if name == "timeouts" && !keepsTimeouts[resource] {
			continue // a resource option in Pulumi.
		}
		n := nb.Block.convert(resource, path+"."+name)
		n.flags = "?"
		if nb.Min > 0 {
			n.flags = "!"
		}
		if !nb.single(path + "." + name) {
			n.kind = wrap(nb.Mode, "o")
			if nb.Min > 1 {
				n.flags += fmt.Sprintf("+%d", nb.Min)
			}
			if nb.Max > 1 {
				n.flags += fmt.Sprintf("-%d", nb.Max)
			}
		}
		object.props[pulumiName(path+"."+name, name, n.plural())] = n
	}
	return object
}

// single reports whether the block is one object in Pulumi and not a list.
func (b nested) single(path string) bool {
	return !isMany(path) && (b.Max == 1 || b.Mode == "single" || one[path])
}

func (a attribute) flags() string {
	flags := ""
	for _, f := range []struct {
		set  bool
		flag string
	}{{a.Required, "!"}, {a.Optional, "?"}, {a.Computed, "="}, {a.Sensitive, "$"}} {
		if f.set {
			flags += f.flag
		}
	}
	return flags
}

// convertType turns a Terraform type expression, "string" or ["list", …], into
// a node.
func convertType(t any) *node {
	switch t := t.(type) {
	case string:
		return &node{kind: map[string]string{"string": "s", "number": "n", "bool": "b", "dynamic": "*"}[t]}
	case []any:
		if t[0] == "object" {
			object := &node{kind: "o", props: map[string]*node{}}
			for name, field := range t[1].(map[string]any) {
				n := convertType(field)
				n.flags = "?"
				object.props[pulumiName("", name, n.plural())] = n
			}
			return object
		}
		element := convertType(t[1])
		return &node{kind: wrap(t[0].(string), element.kind), props: element.props}
	}
	panic(fmt.Sprintf("unknown type expression %v", t))
}

func wrap(mode, kind string) string {
	switch mode {
	case "list":
		return "[" + kind + "]"
	case "set":
		return "<" + kind + ">"
	case "map":
		return "{" + kind + "}"
	}
	panic("unknown nesting mode " + mode)
}

// plural reports whether the bridge gives the property a plural name.
func (n *node) plural() bool { return n.kind[0] == '[' || n.kind[0] == '<' }

func decode(raw json.RawMessage) (t any) {
	if err := json.Unmarshal(raw, &t); err != nil {
		panic(err)
	}
	return t
}
