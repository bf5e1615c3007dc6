package access

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

//go:embed actions.json
var actionsJSON []byte

// table is actions.json.
type table struct {
	// References are AWS's page about the actions of each service.
	References map[string]string `json:"references"`
	// Types are what the program registers and looks up, by Pulumi's token.
	Types map[string]operations `json:"types"`
	// Push are the actions that push an image, which is no resource.
	Push []string `json:"push"`
	// Bootstrap are the types of this package that only an administrator registers.
	Bootstrap map[string]operations `json:"bootstrap"`
	// Grants say what each action of Types and Push is allowed on.
	Grants []grant `json:"grants"`
	// Color are the types of Types that a colour's stack has.
	Color []string `json:"color"`
	// Operator is what the traffic controller does besides updating the platform.
	Operator []grant `json:"operator"`
	// Drift is what comparing with the account needs besides reading.
	Drift []grant `json:"drift"`
	// Denies are what the roles of this package may not do, whatever their policies say.
	Denies []grant `json:"denies"`
	// Runtime is the most that the roles of tasks and services can do, and
	// RuntimeDenies what they cannot even so.
	Runtime       []grant `json:"runtime"`
	RuntimeDenies []grant `json:"runtimeDenies"`
}

// operations are the actions that the provider calls for a type, by what it does.
type operations struct {
	lists
	Read []string `json:"read"`
	// Administrator are those that no role of this package may do.
	Administrator lists `json:"administrator"`
}

type lists struct {
	Create []string `json:"create"`
	Update []string `json:"update"`
	Delete []string `json:"delete"`
}

// grant allows actions on resources. Its texts have placeholders, such as
// {project}, which [values] fill.
type grant struct {
	Group      string                    `json:"group"` // the policy that it is in
	Sid        string                    `json:"sid"`
	Actions    []string                  `json:"actions"`
	Resources  []string                  `json:"resources"`
	Tag        string                    `json:"tag"` // "request" or "resource": that must have the project's tag
	Conditions map[string]map[string]any `json:"conditions"`
	Shared     bool                      `json:"shared"` // Tag is also that of other stacks
	People     bool                      `json:"people"` // it is no workflow's
	Why        string                    `json:"why"`    // it is not narrower
}

// readTable reads it once. Nobody changes what it returns.
var readTable = sync.OnceValues(func() (*table, error) {
	t := &table{}
	if err := json.Unmarshal(actionsJSON, t); err != nil {
		return nil, fmt.Errorf("reading actions.json: %w", err)
	}
	return t, nil
})

// Types are the tokens of the types and functions of AWS that the roles can work
// with, sorted. A type that the program registers and that is not here cannot be
// deployed: give it a row in actions.json.
func Types() ([]string, error) {
	t, err := readTable()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(t.Types)), nil
}

// Withheld are the actions that no role of this package may do, sorted.
func Withheld() ([]string, error) {
	t, err := readTable()
	if err != nil {
		return nil, err
	}
	return t.withheld(), nil
}

// isFunction is true for a token such as "aws:route53/getZone:getZone".
func isFunction(token string) bool {
	return strings.Contains(token, ":get")
}

func (l lists) writes() []string { return slices.Concat(l.Create, l.Update, l.Delete) }

// deploys are the actions that bring everything up, and down but for what is the
// administrator's; of a colour, only its.
func (t *table) deploys(color bool) map[string]bool {
	need := set(t.Push)
	for token, o := range t.Types {
		if !color || slices.Contains(t.Color, token) {
			maps.Copy(need, set(o.Read, o.writes()))
		}
	}
	return need
}

// reads are the actions that preview and compare, and change nothing.
func (t *table) reads() map[string]bool {
	need := map[string]bool{}
	for _, o := range t.Types {
		maps.Copy(need, set(o.Read))
	}
	return need
}

// switches are the actions of an update of the platform that changes records only.
func (t *table) switches() map[string]bool {
	records := t.Types["aws:route53/record:Record"]
	need := set(records.Read, records.writes())
	for token, o := range t.Types {
		if isFunction(token) {
			maps.Copy(need, set(o.Read))
		}
	}
	return need
}

func set(lists ...[]string) map[string]bool {
	s := map[string]bool{}
	for _, item := range slices.Concat(lists...) {
		s[item] = true
	}
	return s
}

// withheld are the actions that only an administrator may do, sorted.
func (t *table) withheld() []string {
	all := map[string]bool{}
	for _, o := range t.Types {
		maps.Copy(all, set(o.Administrator.writes()))
	}
	return slices.Sorted(maps.Keys(all))
}

// groups are the names of the policies, in the order of the grants.
func (t *table) groups() (names []string) {
	for _, g := range t.Grants {
		if !slices.Contains(names, g.Group) {
			names = append(names, g.Group)
		}
	}
	return names
}

// values fill placeholders. One of several values makes a text for each, and one of none
// leaves the text out.
type values map[string][]string

// with is with another value.
func (v values) with(name string, list ...string) values {
	v = maps.Clone(v)
	v[name] = list
	return v
}

// fill fills the placeholders of a text.
func (v values) fill(text string) []string {
	texts := []string{text}
	for name, list := range v {
		var filled []string
		for _, text := range texts {
			if !strings.Contains(text, "{"+name+"}") {
				filled = append(filled, text)
				continue
			}
			for _, value := range list {
				filled = append(filled, strings.ReplaceAll(text, "{"+name+"}", value))
			}
		}
		texts = filled
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// statements grant the actions that are needed, of one group or of all ("").
func (t *table) statements(group string, need map[string]bool, fill values) (list []policy.Statement) {
	for _, g := range t.Grants {
		if group != "" && g.Group != group {
			continue
		}
		g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(a string) bool { return !need[a] })
		if len(g.Actions) > 0 {
			list = append(list, fillAll([]grant{g}, fill, "")...)
		}
	}
	return list
}

// fillAll are the statements of grants. One without a resource is none.
func fillAll(grants []grant, fill values, effect string) (list []policy.Statement) {
	for _, g := range grants {
		s := g.statement(fill)
		s.Effect = effect
		if len(s.Resources) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// statement fills the placeholders of a grant. A tag is also that of the stack, where
// the value "stack" has some.
func (g grant) statement(fill values) policy.Statement {
	s := policy.Statement{Sid: g.Sid, Actions: g.Actions, Conditions: map[string]map[string]any{}}
	for _, arn := range g.Resources {
		for _, filled := range fill.fill(arn) {
			s.Resources = append(s.Resources, filled)
		}
	}
	condition := func(operator, key string, texts []string) {
		if s.Conditions[operator] == nil {
			s.Conditions[operator] = map[string]any{}
		}
		s.Conditions[operator][key] = texts
		if len(texts) == 1 {
			s.Conditions[operator][key] = texts[0]
		}
	}
	for operator, keys := range g.Conditions {
		for key, value := range keys {
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			var texts []string
			for _, item := range list {
				texts = append(texts, fill.fill(fmt.Sprint(item))...)
			}
			condition(operator, key, texts)
		}
	}
	if g.Tag != "" {
		prefix := map[string]string{"request": "aws:RequestTag/", "resource": "aws:ResourceTag/"}[g.Tag]
		condition("StringEquals", prefix+"Project", fill["project"])
		if stacks := fill["stack"]; len(stacks) > 0 && !g.Shared {
			condition("StringEquals", prefix+"Stack", stacks)
		}
	}
	return s
}
