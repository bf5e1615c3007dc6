package policies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// check returns what is wrong with a resource, or [NotKnown].
type check func(r *Resource, g *Graph) []string

// NotKnown among what is wrong says that a rule cannot tell yet.
const NotKnown = "\x00"

// value checks what a path leads to. wrong says what is wrong, or nothing.
func value(path string, wrong func(value any) string) check {
	return func(r *Resource, _ *Graph) []string {
		found := at(r.Inputs, path)
		if _, ok := found.(Marker); ok {
			return []string{NotKnown}
		}
		if what := wrong(found); what != "" {
			return []string{path + " " + what}
		}
		return nil
	}
}

// is wants one of some values. nil among them allows to leave the property out.
func is(path string, wanted ...any) check {
	return value(path, func(v any) string {
		if slices.ContainsFunc(wanted, func(w any) bool { return same(v, w) }) {
			return ""
		}
		return "is " + show(v)
	})
}

// not forbids some values. nil among them requires the property.
func not(path string, forbidden ...any) check {
	return value(path, func(v any) string {
		if slices.ContainsFunc(forbidden, func(f any) bool { return same(v, f) }) {
			return "is " + show(v)
		}
		return ""
	})
}

// present wants a value, known or not.
func present(path string) check {
	return func(r *Resource, _ *Graph) []string {
		if at(r.Inputs, path) == nil {
			return []string{path + " is not set"}
		}
		return nil
	}
}

// atLeast wants a number.
func atLeast(path string, least float64) check {
	return value(path, func(v any) string {
		if n, ok := v.(float64); ok && n >= least {
			return ""
		}
		return fmt.Sprintf("is %s, less than %v", show(v), least)
	})
}

// atMost wants a number.
func atMost(path string, most float64) check {
	return value(path, func(v any) string {
		if n, ok := v.(float64); ok && n <= most {
			return ""
		}
		return fmt.Sprintf("is %s, not %v or less", show(v), most)
	})
}

// count wants a number of elements.
func count(path string, least int) check {
	return value(path, func(v any) string {
		if n := len(list(v)); n < least {
			return fmt.Sprintf("has %d elements, less than %d", n, least)
		}
		return ""
	})
}

// contains wants elements.
func contains(path string, wanted ...string) check {
	return value(path, func(v any) string {
		for _, w := range wanted {
			if !holds(v, w) {
				return fmt.Sprintf("lacks %q", w)
			}
		}
		return ""
	})
}

// suffix wants the end of a text.
func suffix(path, end string) check {
	return value(path, func(v any) string {
		if text, ok := v.(string); ok && strings.HasSuffix(text, end) {
			return ""
		}
		return "is " + show(v)
	})
}

// all wants every check to pass.
func all(checks ...check) check {
	return func(r *Resource, g *Graph) (problems []string) {
		for _, c := range checks {
			problems = append(problems, c(r, g)...)
		}
		return problems
	}
}

// either wants one check to pass.
func either(checks ...check) check {
	return func(r *Resource, g *Graph) (problems []string) {
		for _, c := range checks {
			found := c(r, g)
			if len(found) == 0 {
				return nil
			}
			problems = append(problems, found...)
		}
		if slices.Contains(problems, NotKnown) {
			return []string{NotKnown}
		}
		return []string{strings.Join(problems, ", and ")}
	}
}

// when wants the checks to pass where the condition does.
func when(condition check, then ...check) check {
	return func(r *Resource, g *Graph) []string {
		switch found := condition(r, g); {
		case len(found) == 0:
			return all(then...)(r, g)
		case slices.Contains(found, NotKnown):
			return []string{NotKnown}
		}
		return nil
	}
}

// say words what is wrong.
func say(what string, c check) check {
	return func(r *Resource, g *Graph) []string {
		found := c(r, g)
		if len(found) == 0 || slices.Contains(found, NotKnown) {
			return found
		}
		return []string{what}
	}
}

// each wants every element of a list to pass.
func each(path string, checks ...check) check {
	return elements(path, func(found [][]string, names []string) (problems []string) {
		for i := range found {
			for _, problem := range found[i] {
				if problem != NotKnown {
					problem = names[i] + " " + problem
				}
				problems = append(problems, problem)
			}
		}
		return problems
	}, checks...)
}

// some wants an element of a list to pass.
func some(path, what string, checks ...check) check {
	return elements(path, func(found [][]string, _ []string) []string {
		unsure := false
		for i := range found {
			if len(found[i]) == 0 {
				return nil
			}
			unsure = unsure || slices.Contains(found[i], NotKnown)
		}
		if unsure {
			return []string{NotKnown}
		}
		return []string{path + " has no " + what}
	}, checks...)
}

// elements checks each element of a list as if it were a resource.
func elements(path string, sum func(found [][]string, names []string) []string, checks ...check) check {
	return func(r *Resource, g *Graph) []string {
		value := at(r.Inputs, path)
		if _, ok := value.(Marker); ok {
			return []string{NotKnown}
		}
		var found [][]string
		var names []string
		for i, element := range list(value) {
			if element == Unknown || element == Secret {
				found, names = append(found, []string{NotKnown}), append(names, path)
				continue
			}
			name := fmt.Sprintf("%s.%d", path, i)
			if text, ok := at(element, "name").(string); ok {
				name = fmt.Sprintf("%s %q", path, text)
			}
			part := *r
			part.Inputs, _ = element.(map[string]any)
			found, names = append(found, all(checks...)(&part, g)), append(names, name)
		}
		return sum(found, names)
	}
}

// has wants a resource of a type whose property refers to this one and which
// passes the checks.
func has(token, property string, checks ...check) check {
	return func(r *Resource, g *Graph) []string {
		problems, unsure := []string{"has no " + kind(token)}, false
		for _, other := range g.byType[token] {
			linked := g.refers(other, property, r)
			if linked == no {
				continue
			}
			found := all(checks...)(other, g)
			if linked == yes && len(found) == 0 {
				return nil
			}
			if linked == perhaps || slices.Contains(found, NotKnown) {
				unsure = true
				continue
			}
			problems = found
		}
		if unsure {
			return []string{NotKnown}
		}
		return problems
	}
}

// target wants the checks to pass on what a property refers to.
func target(property, token string, checks ...check) check {
	return func(r *Resource, g *Graph) []string {
		var problems []string
		sure := false
		for _, other := range g.byType[token] {
			if g.refers(r, property, other) != yes {
				continue
			}
			sure = true
			for _, problem := range all(checks...)(other, g) {
				if problem != NotKnown {
					problem = property + " is " + other.Name + ", whose " + problem
				}
				problems = append(problems, problem)
			}
		}
		if !sure {
			return []string{NotKnown}
		}
		return problems
	}
}

// kept wants a resource that pulumi destroy leaves alone.
func kept(r *Resource, _ *Graph) []string {
	if r.Protect || r.RetainOnDelete {
		return nil
	}
	return []string{"option retainOnDelete is not set"}
}

// never is for types that must not be registered.
func never(*Resource, *Graph) []string { return []string{"is registered"} }

func same(value, wanted any) bool {
	if n, ok := wanted.(int); ok {
		wanted = float64(n)
	}
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return value == wanted
}

// show writes a value on one short line.
func show(value any) string {
	if value == nil {
		return "not set"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T", value)
	}
	const most = 60
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}
