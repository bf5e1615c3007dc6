package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
)

// statement is a statement of a policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_statement.html
type statement struct {
	Sid, Effect                              string
	Action, NotAction, Resource, NotResource texts
	Principal                                principals
	Condition                                map[string]map[string]texts
}

// texts is one text or several.
type texts = iam.Texts

// principals are those of each kind: "AWS", "Service", "Federated".
type principals map[string]texts

// UnmarshalJSON reads "*" as every AWS principal, as AWS does.
func (p *principals) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		var one texts
		err := json.Unmarshal(data, &one)
		*p = principals{"AWS": one}
		return err
	}
	return json.Unmarshal(data, (*map[string]texts)(p))
}

// statements checks each statement of a policy that allows something. wrong says
// what is wrong, or nothing.
func statements(property string, wrong func(s statement) string) check {
	return documents(property, func(list []statement) (problems []string) {
		for i, s := range list {
			if s.Effect != "Allow" {
				continue
			}
			if what := wrong(s); what != "" {
				name := s.Sid
				if name == "" {
					name = fmt.Sprint(i)
				}
				problems = append(problems, property+" statement "+name+" "+what)
			}
		}
		return problems
	})
}

// documents checks the statements of a policy together.
func documents(property string, wrong func(list []statement) []string) check {
	return func(r *Resource, _ *Graph) []string {
		value := at(r.Inputs, property)
		if _, ok := value.(Marker); ok {
			return []string{NotKnown}
		}
		if value == nil {
			return nil
		}
		list, err := readStatements(value)
		if err != nil {
			return []string{fmt.Sprintf("%s is not a policy: %v", property, err)}
		}
		return wrong(list)
	}
}

func readStatements(value any) ([]statement, error) {
	data, err := json.Marshal(list(at(value, "Statement")))
	if err != nil {
		return nil, err
	}
	var found []statement
	if err := json.Unmarshal(data, &found); err != nil || len(found) == 0 {
		return nil, errors.New("want statements in Statement")
	}
	return found, nil
}

// everything allows each action on each resource.
func everything(s statement) string {
	if slices.Contains(s.Action, "*") && slices.Contains(s.Resource, "*") {
		return "allows * on *"
	}
	return ""
}

// wholeService allows each action of a service.
func wholeService(s statement) string {
	for _, action := range s.Action {
		if strings.HasSuffix(action, ":*") {
			return "allows " + action
		}
	}
	return ""
}

// anyKey lets decrypt with each key.
func anyKey(s statement) string {
	if s.condition(func(key string, values texts) bool {
		return strings.HasPrefix(key, "aws:resourcetag/") && !slices.Contains(values, "*")
	}) {
		return ""
	}
	for _, action := range s.Action {
		switch strings.ToLower(action) {
		case "kms:decrypt", "kms:reencryptfrom", "kms:decrypt*", "kms:reencrypt*", "kms:*":
		default:
			continue
		}
		for _, resource := range s.Resource {
			if resource == "*" || strings.HasSuffix(resource, ":key/*") || strings.HasSuffix(resource, ":*") {
				return "allows " + action + " on " + resource
			}
		}
	}
	return ""
}

// anyRole lets hand each role to a service.
func anyRole(s statement) string {
	if slices.Contains(s.Action, "iam:PassRole") && slices.Contains(s.Resource, "*") {
		return "allows iam:PassRole on *"
	}
	return ""
}

// allBut allows what it does not name.
func allBut(s statement) string {
	if len(s.NotAction) > 0 || len(s.NotResource) > 0 {
		return "allows all but what it names (NotAction, NotResource)"
	}
	return ""
}

// anyone lets in everybody.
func anyone(s statement) string {
	if slices.Contains(s.Principal["AWS"], "*") && !s.narrowed() {
		return "allows everybody"
	}
	return ""
}

// anyCaller lets a service act for any account (the confused deputy).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func anyCaller(s statement) string {
	for _, service := range s.Principal["Service"] {
		// AWS documents no condition for the trust of AWS Backup's role.
		if service != "backup.amazonaws.com" && !s.narrowed() {
			return "lets " + service + " act for any account"
		}
	}
	return ""
}

// anyWorkflow lets tokens of an identity provider in without their audience or
// their subject.
// https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect
func anyWorkflow(s statement) string {
	if len(s.Principal["Federated"]) == 0 {
		return ""
	}
	for _, claim := range []string{":aud", ":sub"} {
		if !s.condition(func(key string, values texts) bool {
			return strings.HasSuffix(key, claim) && !slices.Contains(values, "*")
		}) {
			return "takes tokens with any " + claim[1:]
		}
	}
	return ""
}

// narrowed says whether a condition names the account or the resource that is
// behind a request.
func (s statement) narrowed() bool {
	return s.condition(func(key string, values texts) bool {
		switch key {
		case "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:principalarn", "aws:principalaccount",
			"aws:principalorgid", "aws:sourcevpce", "aws:sourcevpc", "kms:calleraccount":
			return !slices.Contains(values, "*")
		}
		return false
	})
}

// operators are those that fail when a key is absent or differs.
var operators = regexp.MustCompile(`^(ForAnyValue:)?(String(Equals|EqualsIgnoreCase|Like)|Arn(Equals|Like))$`)

func (s statement) condition(fits func(key string, values texts) bool) bool {
	for operator, keys := range s.Condition {
		if !operators.MatchString(operator) {
			continue
		}
		for key, values := range keys {
			if fits(strings.ToLower(key), values) {
				return true
			}
		}
	}
	return false
}

// tlsOnly wants a statement that denies everybody every request without TLS.
func tlsOnly(list []statement) []string {
	if slices.ContainsFunc(list, func(s statement) bool {
		return s.Effect == "Deny" && slices.Contains(s.Principal["AWS"], "*") && slices.Contains(s.Action, "s3:*") &&
			slices.ContainsFunc(s.Resource, func(resource string) bool { return strings.HasSuffix(resource, "*") }) &&
			slices.Contains(s.Condition["Bool"]["aws:SecureTransport"], "false")
	}) {
		return nil
	}
	return []string{"policy denies not every request without TLS"}
}
