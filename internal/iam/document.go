// Package iam evaluates IAM policies as AWS documents it: it says whether a principal
// may do an action on a resource, and if not, why not, in AWS's words.
//
// [Parse] reads a policy document, [Policies] are all that apply to a request, and
// [Policies.Check] decides. It knows identity policies, the permission boundary and the
// policy of the resource (of a bucket, a secret, a key, or the trust of a role), within
// one account. Service control policies and session policies are not in it.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Document is a policy.
type Document struct {
	Version    string
	Statements []Statement
}

// Statement is one statement of a policy. Of each element and its negation one is set.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
type Statement struct {
	Sid                     string
	Deny                    bool
	Actions, NotActions     []string
	Resources, NotResources []string
	Principals              map[string][]string // "AWS", "Service" or "Federated"; {"*": ["*"]} is everybody
	Conditions              []Condition         // all must hold
}

// Condition compares a key of the request's context with values, of which one must do.
type Condition struct {
	Operator string // without its set and IfExists
	Set      string // "", "ForAllValues" or "ForAnyValue"
	IfExists bool
	Key      string
	Values   []string
}

// Texts is a JSON string or a list of them; numbers and booleans count as strings.
type Texts []string

// UnmarshalJSON reads both forms.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		switch item.(type) {
		case string, bool, float64:
			*t = append(*t, fmt.Sprint(item))
		default:
			return fmt.Errorf("must be a text or a list of texts, got %v", item)
		}
	}
	return nil
}

type statement struct {
	Sid, Effect             string
	Action, NotAction       Texts
	Resource, NotResource   Texts
	Principal, NotPrincipal json.RawMessage
	Condition               map[string]map[string]Texts
}

// Parse reads a policy document. It refuses what IAM refuses, and elements and
// operators that this package does not know.
func Parse(text string) (*Document, error) {
	var raw struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	if !bytes.HasPrefix(raw.Statement, []byte("[")) {
		raw.Statement = slices.Concat([]byte("["), raw.Statement, []byte("]"))
	}
	var list []statement
	if err := json.Unmarshal(raw.Statement, &list); err != nil {
		return nil, fmt.Errorf("reading policy: statements: %w", err)
	}
	d := &Document{Version: raw.Version}
	for i, s := range list {
		parsed, err := s.parse()
		if err != nil {
			return nil, fmt.Errorf("reading policy: statement %d %q: %w", i, s.Sid, err)
		}
		d.Statements = append(d.Statements, parsed)
	}
	return d, nil
}

func (s statement) parse() (Statement, error) {
	p := Statement{
		Sid: s.Sid, Deny: s.Effect == "Deny", Actions: s.Action, NotActions: s.NotAction, Resources: s.Resource, NotResources: s.NotResource,
	}
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return p, fmt.Errorf("Effect must be Allow or Deny, got %q", s.Effect)
	case (s.Action == nil) == (s.NotAction == nil):
		return p, fmt.Errorf("must have Action or NotAction, and not both")
	case s.Resource != nil && s.NotResource != nil:
		return p, fmt.Errorf("must not have Resource and NotResource")
	case s.NotPrincipal != nil:
		return p, fmt.Errorf("NotPrincipal is not known here: use a condition on aws:PrincipalArn")
	}
	if s.Principal != nil {
		p.Principals = map[string][]string{"*": {"*"}}
		if string(s.Principal) != `"*"` {
			var kinds map[string]Texts
			if err := json.Unmarshal(s.Principal, &kinds); err != nil {
				return p, fmt.Errorf("Principal: %w", err)
			}
			p.Principals = map[string][]string{}
			for kind, names := range kinds {
				p.Principals[kind] = names
			}
		}
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			c := Condition{Operator: operator, Key: strings.ToLower(key), Values: values}
			if set, rest, ok := strings.Cut(operator, ":"); ok {
				c.Set, c.Operator = set, rest
			}
			c.Operator, c.IfExists = strings.CutSuffix(c.Operator, "IfExists")
			if compare[c.Operator] == nil && c.Operator != "Null" || !slices.Contains([]string{"", "ForAllValues", "ForAnyValue"}, c.Set) {
				return p, fmt.Errorf("condition operator %q is not known", operator)
			}
			p.Conditions = append(p.Conditions, c)
		}
	}
	return p, nil
}
