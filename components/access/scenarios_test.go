package access_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

// scenario is one call, in testdata: of a role's work, or of what nobody may do in its
// name.
type scenario struct {
	Role, Action, Resource string
	May                    bool
	With                   map[string]any // the request's context; the region is eu-central-1
	Attack                 string         // what for, of an attack
}

func (s scenario) request() iam.Request {
	r := iam.Request{
		Principal: iam.Session(recorder.Account, "codeflow-"+s.Role, "session"), Action: s.Action, Resource: s.Resource,
		Context: map[string][]string{"aws:RequestedRegion": {"eu-central-1"}},
	}
	for key, value := range s.With {
		switch value := value.(type) {
		case string:
			r.Context[key] = []string{value}
		case []any:
			r.Context[key] = nil
			for _, item := range value {
				r.Context[key] = append(r.Context[key], item.(string))
			}
		}
	}
	return r
}

var scenarios = sync.OnceValues(func() (list []scenario, err error) {
	data, err := os.ReadFile("testdata/scenarios.json")
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(data, &list)
})

func TestScenarios(t *testing.T) {
	t.Parallel()
	g := mustMake(t)
	list, err := scenarios()
	require.NoError(t, err)
	attacks := 0
	for _, s := range list {
		if s.Attack != "" {
			attacks++
		}
		policies := g.of(s.Role)
		if s.Action == "sts:AssumeRole" {
			policies.Resource = trusting(t) // as a role's own maker can have it
		}
		err := policies.Check(s.request())
		assert.Equal(t, s.May, err == nil, "%s %s: %s on %s with %v: %v", s.Role, s.Attack, s.Action, s.Resource, s.With, err)
	}
	assert.GreaterOrEqual(t, attacks, 40)
	t.Logf("%d calls, %d of them attacks", len(list), attacks)
}

// trusting is the trust of a role that lets every role of the account in.
func trusting(t *testing.T) *iam.Document {
	t.Helper()
	d, err := iam.Parse(`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}`)
	require.NoError(t, err)
	return d
}

// of are the policies of a role, "runtime" the most that a role of a deployment can have.
func (g *grown) of(role string) iam.Policies { return g.policies[g.name(role)] }

func (g *grown) name(role string) string {
	if _, ok := g.policies[role]; ok {
		return role
	}
	return "codeflow-" + role
}

// TestWhoIsLetIn lets in the repository's workflows, by both forms of their subject, and no
// other.
func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	g := mustMake(t)
	const (
		old, numbered = "repo:ferg-cod3s/codeflow-infrastructure:", "repo:ferg-cod3s@1234567/codeflow-infrastructure@987654321:"
		github        = "arn:aws:iam:eu-central-1:123456789012:roles-github"
		issuer        = "token.actions.githubusercontent.com"
	)
	enter := func(role, provider, audience, subject string) error {
		return iam.Policies{Resource: g.trust["codeflow-"+role]}.Check(iam.Request{
			Principal: iam.Principal{Federated: provider}, Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::123456789012:role/codeflow-" + role,
			Context: map[string][]string{issuer + ":aud": {audience}, issuer + ":sub": {subject}},
		})
	}
	for role, ends := range map[string][]string{
		"deploy-prod": {"environment:prod"}, "deploy-idle": {"environment:idle"}, "drift": {"environment:drift"}, "preview": {"pull_request", "ref:refs/heads/main"},
	} {
		for _, end := range ends {
			for _, start := range []string{old, numbered} {
				assert.NoError(t, enter(role, github, "sts.amazonaws.com", start+end), role)
				assert.Error(t, enter(role, github, "sts.amazonaws.com", start+end+"x"), role)
				assert.Error(t, enter(role, github, "https://github.com/ferg-cod3s", start+end), role)
				assert.Error(t, enter(role, "arn:aws:iam::123456789012:oidc-provider/evil.example.com", "sts.amazonaws.com", start+end), role)
			}
		}
	}
	near := []string{
		"repo:ferg-cod3s/codeflow-infrastructure:environment:idle", "repo:ferg-cod3s/codeflow-infrastructure:environment:Prod",
		"repo:ferg-cod3s/codeflow-infrastructure:environment:prod2", "repo:ferg-cod3s/codeflow-infrastructure:environment:",
		"repo:ferg-cod3s/codeflow-infrastructure:ref:refs/heads/main", "repo:ferg-cod3s/codeflow-infrastructure:pull_request",
		"repo:ferg-cod3s/codeflow-infrastructure-fork:environment:prod", "repo:ferg-cod3s/codeflow:environment:prod",
		"repo:ferg-cod3/codeflow-infrastructure:environment:prod", "repo:evil/codeflow-infrastructure:environment:prod",
		"repo:Ferg-Cod3s/codeflow-infrastructure:environment:prod", "repo:ferg-cod3s/*:environment:prod", "repo:*:environment:prod", "*",
		"repo:ferg-cod3s@7654321/codeflow-infrastructure@987654321:environment:prod", "repo:ferg-cod3s@1234567/codeflow-infrastructure@123456789:environment:prod",
		"repo:ferg-cod3s@1234567/codeflow-infrastructure:environment:prod", "repo:ferg-cod3s/codeflow-infrastructure@987654321:environment:prod",
		"repo:evil@1234567/codeflow-infrastructure@987654321:environment:prod", "repo:ferg-cod3s@1234567/other@987654321:environment:prod",
		"repo:ferg-cod3s@987654321/codeflow-infrastructure@1234567:environment:prod", "repo:ferg-cod3s@1234567/codeflow-infrastructure@987654321:environment:idle",
		"repo:ferg-cod3s@1234567/codeflow-infrastructure@987654321:ref:refs/heads/main", "repo:ferg-cod3s@@/codeflow-infrastructure@:environment:prod",
	}
	assert.GreaterOrEqual(t, len(near), 20)
	for _, subject := range near {
		assert.ErrorContains(t, enter("deploy-prod", github, "sts.amazonaws.com", subject), "no role trust policy allows", subject)
	}
}

// TestPeople lets operators in by a second factor, or by Identity Center's roles.
func TestPeople(t *testing.T) {
	t.Parallel()
	const operator, sso = "arn:aws:iam::123456789012:role/codeflow-operator-prod", "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Operators_*"
	own, err := iam.Parse(`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	require.NoError(t, err)
	args := rolesArgs()
	args.SSORoles = []string{sso}
	r := newRecorder()
	r.Both(t, roles(args))
	bySSO, err := iam.Parse(r.Get(t, roleType, "codeflow-operator-prod").In("assumeRolePolicy").(string))
	require.NoError(t, err)
	member := strings.Replace(strings.Replace(sso, "*", "eu-central-1", 1), "*", "0a1b", 1)
	for _, c := range []struct {
		trust *iam.Document
		with  map[string][]string
		may   bool
	}{
		{mustMake(t).trust["codeflow-operator-prod"], map[string][]string{"aws:MultiFactorAuthPresent": {"true"}, "aws:MultiFactorAuthAge": {"60"}}, true},
		{mustMake(t).trust["codeflow-operator-prod"], map[string][]string{"aws:MultiFactorAuthPresent": {"true"}, "aws:MultiFactorAuthAge": {"3601"}}, false},
		{mustMake(t).trust["codeflow-operator-prod"], map[string][]string{"aws:MultiFactorAuthPresent": {"false"}, "aws:MultiFactorAuthAge": {"60"}}, false},
		{mustMake(t).trust["codeflow-operator-prod"], map[string][]string{"aws:PrincipalArn": {member}}, false},
		{bySSO, map[string][]string{"aws:PrincipalArn": {member}}, true},
		{bySSO, map[string][]string{"aws:PrincipalArn": {strings.Replace(member, "Operators", "ReadOnly", 1)}}, false},
		{bySSO, map[string][]string{"aws:MultiFactorAuthPresent": {"true"}, "aws:MultiFactorAuthAge": {"60"}}, false},
	} {
		err := iam.Policies{Identity: []*iam.Document{own}, Resource: c.trust}.Check(iam.Request{
			Principal: iam.Principal{ARN: "arn:aws:iam::123456789012:user/me", Account: recorder.Account}, Action: "sts:AssumeRole", Resource: operator, Context: c.with,
		})
		assert.Equal(t, c.may, err == nil, "%v: %v", c.with, err)
	}
}

// TestEveryActionIsNeeded takes each action out of each policy, one at a time: then a
// role cannot do its work any more, or, out of what denies, can do more.
func TestEveryActionIsNeeded(t *testing.T) {
	t.Parallel()
	g := mustMake(t)
	asked := map[string]map[string][]iam.Request{} // by role and action
	add := func(role string, r iam.Request) {
		if asked[role] == nil {
			asked[role] = map[string][]iam.Request{}
		}
		for _, action := range []string{r.Action, "*"} {
			asked[role][action] = append(asked[role][action], r)
		}
	}
	calls, err := legitimate()
	require.NoError(t, err)
	for role, requests := range calls {
		for _, r := range requests {
			add(role, r)
		}
	}
	list, err := scenarios()
	require.NoError(t, err)
	for _, s := range list {
		add(g.name(s.Role), s.request())
	}
	tried, survived := 0, []string{}
	for role, p := range g.policies {
		documents := p.Identity
		if role == "runtime" {
			documents = []*iam.Document{p.Boundary}
		}
		for _, d := range documents {
			for i := range d.Statements {
				s := &d.Statements[i]
				for _, action := range s.Actions {
					tried++
					without := p
					if d == p.Boundary {
						without.Boundary = replaced(documents, d, i, action)[0]
					} else {
						without.Identity = replaced(documents, d, i, action)
					}
					if !slices.ContainsFunc(asked[role][action], func(r iam.Request) bool { return (without.Check(r) == nil) != (p.Check(r) == nil) }) {
						survived = append(survived, g.names[d]+" "+s.Sid+" "+action)
					}
				}
			}
		}
	}
	slices.Sort(survived)
	t.Logf("%d tried, %d survived", tried, len(survived))
	assert.Empty(t, strings.Join(slices.Compact(survived), "\n"))
	assert.Greater(t, tried, 500)
}

// replaced are the documents with an action taken out of a statement of one.
func replaced(documents []*iam.Document, d *iam.Document, statement int, action string) []*iam.Document {
	without := *d
	without.Statements = slices.Clone(d.Statements)
	s := &without.Statements[statement]
	s.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return a == action })
	list := slices.Clone(documents)
	list[slices.Index(list, d)] = &without
	return list
}

// TestBoundaryRefuses asks for what no role may do, whatever its policies say, and finds
// each action of what the boundary denies needed for that.
func TestBoundaryRefuses(t *testing.T) {
	t.Parallel()
	boundary := mustMake(t).policies["codeflow-deploy-prod"].Boundary
	everything, err := iam.Parse(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	require.NoError(t, err)
	var refused []struct {
		Actions  []string
		Resource string
		With     map[string]any
	}
	data, err := os.ReadFile("testdata/boundary.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &refused))
	trusted := func(r iam.Request) *iam.Document {
		if r.Action == "sts:AssumeRole" {
			return trusting(t)
		}
		return nil
	}
	requests := map[string][]iam.Request{}
	for _, row := range refused {
		for _, action := range row.Actions {
			r := scenario{Action: action, Resource: row.Resource, With: row.With}.request()
			requests[action] = append(requests[action], r)
			err := iam.Policies{Identity: []*iam.Document{everything}, Boundary: boundary, Resource: trusted(r)}.Check(r)
			assert.ErrorContains(t, err, "with an explicit deny in a permissions boundary", "%s on %s", action, row.Resource)
		}
	}
	tried := 0
	for i, s := range boundary.Statements {
		for _, action := range s.Actions {
			if s.Sid == "UpTo" {
				continue // nobody could do anything
			}
			tried++
			without := iam.Policies{Identity: []*iam.Document{everything}, Boundary: replaced([]*iam.Document{boundary}, boundary, i, action)[0]}
			list := requests[action]
			if strings.HasSuffix(action, "*") {
				list = slices.Concat(requests["organizations:LeaveOrganization"], requests["account:CloseAccount"], requests["ec2:DescribeVpcs"])
			}
			assert.True(t, slices.ContainsFunc(list, func(r iam.Request) bool {
				without.Resource = trusted(r)
				return without.Check(r) == nil
			}),
				"%s without %s refuses the same: is it needed, or lacks testdata/boundary.json a row?", s.Sid, action)
		}
	}
	t.Logf("%d tried", tried)
}
