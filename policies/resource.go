package policies

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Resource is a resource that a stack registers.
type Resource struct {
	URN, Type, Name string
	ID              string // empty before the resource exists
	Parent          string // URN
	Provider        string // URN and ID
	// Inputs are JSON values with pulumi-aws's names. What is not known or secret
	// is [Unknown] or [Secret].
	Inputs map[string]any
	// Dependencies are the URNs of the resources that a property's value comes from.
	Dependencies map[string][]string
	// Protect and RetainOnDelete are the options of those names.
	Protect, RetainOnDelete bool
}

// Marker stands for a value that no rule can see.
type Marker string

const (
	// Unknown is a value that only the deployment will know.
	Unknown Marker = "[unknown]"
	// Secret is a value that is not read.
	Secret Marker = "[secret]"
)

// Stack returns the name of the resource's stack.
func (r *Resource) Stack() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URN, "urn:pulumi:"), "::")
	return name
}

// String is, for example, "prod/access-logs BucketV2".
func (r *Resource) String() string {
	return r.Stack() + "/" + r.Name + " " + kind(r.Type)
}

// kind is the last part of a type.
func kind(token string) string { return token[strings.LastIndex(token, ":")+1:] }

// Graph is every resource of some stacks.
type Graph struct {
	byURN  map[string]*Resource
	byType map[string][]*Resource
}

func newGraph(resources []Resource) *Graph {
	g := &Graph{byURN: map[string]*Resource{}, byType: map[string][]*Resource{}}
	for i := range resources {
		r := &resources[i]
		g.byURN[r.URN] = r
		g.byType[r.Type] = append(g.byType[r.Type], r)
	}
	return g
}

// link says whether a property refers to a resource.
type link int

const (
	no link = iota
	perhaps
	yes
)

// refers finds out whether r's property refers to the target: by the program's
// dependency, or by the target's ID, since a dependency on a component in another
// process is one on all of its children. While the value is unknown, what depends on
// an ancestor of the target, or on what refers to it, may refer to it.
func (g *Graph) refers(r *Resource, property string, target *Resource) link {
	value, dependencies := r.Inputs[property], r.Dependencies[property]
	above := slices.ContainsFunc(dependencies, func(urn string) bool { return g.above(urn, target) })
	switch {
	case target.ID != "" && holds(value, target.ID), !above && slices.Contains(dependencies, target.URN):
		return yes
	case !holds(value, Unknown):
		return no
	case above || slices.ContainsFunc(dependencies, func(urn string) bool { return g.behind(urn, target) }):
		return perhaps
	}
	return no
}

func (g *Graph) above(urn string, r *Resource) bool {
	for parent := g.byURN[r.Parent]; parent != nil; parent = g.byURN[parent.Parent] {
		if parent.URN == urn {
			return true
		}
	}
	return false
}

func (g *Graph) behind(urn string, target *Resource) bool {
	between := g.byURN[urn]
	if between == nil {
		return false
	}
	for _, urns := range between.Dependencies {
		if slices.Contains(urns, target.URN) {
			return true
		}
	}
	return false
}

// holds finds a value in a value.
func holds(value, wanted any) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, element := range value {
			if holds(element, wanted) {
				return true
			}
		}
		return false
	case []any:
		return slices.ContainsFunc(value, func(element any) bool { return holds(element, wanted) })
	}
	return value == wanted
}

// at returns what a path leads to, for example "accessLogs.enabled" or
// "rules.0.name", and nil where nothing is. It looks into JSON in strings, as
// policies and container definitions are.
func at(value any, path string) any {
	if path == "" {
		return value
	}
	step, rest, _ := strings.Cut(path, ".")
	switch value := parsed(value).(type) {
	case Marker:
		return value
	case map[string]any:
		return at(value[step], rest)
	case []any:
		if i, err := strconv.Atoi(step); err == nil && i < len(value) {
			return at(value[i], rest)
		}
	}
	return nil
}

// list returns the elements of a value: one object is a list of one.
func list(value any) []any {
	switch value := parsed(value).(type) {
	case []any:
		return value
	case map[string]any:
		return []any{value}
	}
	return nil
}

func parsed(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	var inside any
	if json.Unmarshal([]byte(text), &inside) != nil {
		return value
	}
	return inside
}
