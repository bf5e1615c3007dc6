package access

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

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
	// Operator is what the traffic controller does besides updating the platform.
	Operator []grant `json:"operator"`
	// Denies are what the roles of this package may not do, whatever their policies say.
	Denies []grant `json:"denies"`
	// Runtime is the most that the roles of tasks and services can do.
	Runtime []string `json:"runtime"`
}

// operations are the actions that the provider calls for a type. Withheld ones
// are for an administrator.
type operations struct {
	Create   []string `json:"create"`
	Read     []string `json:"read"`
	Update   []string `json:"update"`
	Delete   []string `json:"delete"`
	Withheld []string `json:"withheld"`
}

// grant allows actions on resources. Its texts have placeholders, such as
// {project}.
type grant struct {
	Group      string                    `json:"group"` // the policy that it is in
	Sid        string                    `json:"sid"`
	Actions    []string                  `json:"actions"`
	Resources  []string                  `json:"resources"`
	Tag        string                    `json:"tag"` // "request" or "resource": that must have the project's tag
	Conditions map[string]map[string]any `json:"conditions"`
	Why        string                    `json:"why"` // it is not narrower
}

func readTable() (*table, error) {
	t := &table{}
	if err := json.Unmarshal(actionsJSON, t); err != nil {
		return nil, fmt.Errorf("reading actions.json: %w", err)
	}
	return t, nil
}

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

// Covers is whether the deploy role can work on a resource of a type that has the
// ARN: its name may not be one that the grants know. It does not look at conditions.
func Covers(account, project, token, arn string) (bool, error) {
	t, err := readTable()
	if err != nil {
		return false, err
	}
	need, fill := set(t.Types[token].writes()), strings.NewReplacer("{account}", account, "{project}", project)
	for _, s := range t.statements("", need, fill) {
		for _, pattern := range s.Resources {
			expression := strings.ReplaceAll(regexp.QuoteMeta(pattern.(string)), `\*`, ".*")
			if regexp.MustCompile("^" + expression + "$").MatchString(arn) {
				return true, nil
			}
		}
	}
	return false, nil
}

// isFunction is true for a token such as "aws:route53/getZone:getZone".
func isFunction(token string) bool {
	return strings.Contains(token, ":get")
}

func (o operations) writes() []string { return slices.Concat(o.Create, o.Update, o.Delete) }

// deploys are the actions that bring everything up and down.
func (t *table) deploys() map[string]bool {
	need := set(t.Push)
	for _, o := range t.Types {
		maps.Copy(need, set(o.Read, o.writes()))
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
		maps.Copy(all, set(o.Withheld))
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

// statements grant the actions that are needed, of one group or of all ("").
func (t *table) statements(group string, need map[string]bool, fill *strings.Replacer) (list []policy.Statement) {
	for _, g := range t.Grants {
		if group != "" && g.Group != group {
			continue
		}
		g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(a string) bool { return !need[a] })
		if len(g.Actions) > 0 {
			list = append(list, g.statement(fill))
		}
	}
	return list
}

// statement fills the placeholders of a grant.
func (g grant) statement(fill *strings.Replacer) policy.Statement {
	s := policy.Statement{Sid: g.Sid, Actions: g.Actions, Conditions: map[string]map[string]any{}}
	for _, arn := range g.Resources {
		s.Resources = append(s.Resources, fill.Replace(arn))
	}
	for operator, keys := range g.Conditions {
		s.Conditions[operator] = map[string]any{}
		for key, value := range keys {
			s.Conditions[operator][key] = filled(value, fill)
		}
	}
	if g.Tag != "" {
		key := map[string]string{"request": "aws:RequestTag/Project", "resource": "aws:ResourceTag/Project"}[g.Tag]
		if s.Conditions["StringEquals"] == nil {
			s.Conditions["StringEquals"] = map[string]any{}
		}
		s.Conditions["StringEquals"][key] = fill.Replace("{project}")
	}
	return s
}

// filled is a text or a list of texts with its placeholders filled.
func filled(value any, fill *strings.Replacer) any {
	list, ok := value.([]any)
	if !ok {
		return fill.Replace(fmt.Sprint(value))
	}
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = fill.Replace(fmt.Sprint(item))
	}
	return texts
}
