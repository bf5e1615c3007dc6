package access_test

// These tests ask the policies that the component makes, through internal/iam. No account
// was asked.

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

// grown are the roles that the component makes, as IAM has them.
type grown struct {
	policies map[string]iam.Policies  // by role
	trust    map[string]*iam.Document // by role
	names    map[*iam.Document]string
}

// made are those of the project's own config.
var made = sync.OnceValues(func() (*grown, error) {
	r := newRecorder()
	if err := r.Run(false, roles(rolesArgs())); err != nil {
		return nil, err
	}
	documents, g := map[string]*iam.Document{}, &grown{map[string]iam.Policies{}, map[string]*iam.Document{}, map[*iam.Document]string{}}
	var errs []error
	parse := func(text any) *iam.Document {
		d, err := iam.Parse(fmt.Sprint(text))
		errs = append(errs, err)
		return d
	}
	for _, made := range r.Resources() {
		if made.Type == policyType {
			d := parse(made.In("policy"))
			documents[made.Name], g.names[d] = d, made.Name
		}
	}
	for _, made := range r.Resources() {
		if made.Type == roleType {
			g.trust[made.Name] = parse(made.In("assumeRolePolicy"))
		}
		if made.Type != attachmentType {
			continue
		}
		role := made.In("role").(string)
		arn := made.In("policyArn").(string)
		p := g.policies[role]
		p.Boundary = documents["codeflow-boundary"]
		p.Identity = append(p.Identity, documents[arn[strings.LastIndex(arn, ":")+1:]])
		g.policies[role] = p
	}
	everything := parse(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	g.policies["runtime"] = iam.Policies{Identity: []*iam.Document{everything}, Boundary: documents["codeflow-runtime-boundary"]}
	return g, errors.Join(errs...)
})

func mustMake(t *testing.T) *grown {
	t.Helper()
	g, err := made()
	require.NoError(t, err)
	return g
}

// legitimate are the calls that each role must be able to make, by role.
var legitimate = sync.OnceValues(func() (map[string][]iam.Request, error) {
	data, err := os.ReadFile("testdata/inventory.json")
	if err != nil {
		return nil, err
	}
	resources, err := access.ReadInventory(data)
	if err != nil {
		return nil, err
	}
	// On the day of the disaster dr has a colour of its own.
	standby, err := access.ReadInventory([]byte(strings.ReplaceAll(string(data), "blue", "dr")))
	if err != nil {
		return nil, err
	}
	for _, r := range standby {
		if r.Stack == "dr" {
			resources = append(resources, r)
		}
	}
	inventory, calls := access.NewInventory(recorder.Account, resources...), map[string][]iam.Request{}
	add := func(role string, operation access.Operation, r access.Resource) {
		requests, err2 := inventory.Calls(operation, &r)
		err = errors.Join(err, err2)
		for _, request := range requests {
			request.Principal = iam.Session(recorder.Account, role, "session")
			calls[role] = append(calls[role], request)
		}
	}
	for _, r := range resources {
		role := "codeflow-deploy-prod"
		if r.Stack == "blue" {
			role = "codeflow-deploy-idle"
			add("codeflow-deploy-prod", access.Read, r)
		}
		for _, operation := range []access.Operation{access.Create, access.Read, access.Update, access.Delete} {
			add(role, operation, r)
		}
		add("codeflow-preview", access.Read, r)
		add("codeflow-drift", access.Read, r)
	}
	return calls, err
})

// TestRolesMayDoTheirWork finds every call of the provider on what the stacks have
// allowed to the role whose stack it is, but for what is the administrator's.
func TestRolesMayDoTheirWork(t *testing.T) {
	t.Parallel()
	g := mustMake(t)
	calls, err := legitimate()
	require.NoError(t, err)
	refused, n := map[string]bool{}, 0
	for role, requests := range calls {
		for _, r := range requests {
			if administrators(t)[r.Action] || strings.HasPrefix(r.Resource, "arn:aws:s3:::audit-") {
				continue // TestAdministrators
			}
			n++
			if err := g.policies[role].Check(r); err != nil {
				refused[strings.ReplaceAll(err.Error(), "arn:aws:sts::123456789012:assumed-role/", "")+fmt.Sprint(r.Context)] = true
			}
		}
	}
	assert.Empty(t, strings.Join(slices.Sorted(maps.Keys(refused)), "\n"))
	t.Logf("%d calls", n)
}

// administrators are the actions that no role has.
func administrators(t *testing.T) map[string]bool {
	t.Helper()
	actions, err := access.Withheld()
	require.NoError(t, err)
	all := map[string]bool{}
	for _, action := range actions {
		all[action] = true
	}
	return all
}

// TestUpdateCallsWhatChanges leaves an administrator's call out of an update that is not
// about it.
func TestUpdateCallsWhatChanges(t *testing.T) {
	t.Parallel()
	key := access.Resource{Type: "aws:kms/key:Key", Region: "eu-central-1", ID: "k", ARN: "arn:aws:kms:eu-central-1:123456789012:key/k"}
	asks := func(changed ...string) (actions []string) {
		key.Changed = changed
		requests, err := access.NewInventory(recorder.Account).Calls(access.Update, &key)
		require.NoError(t, err)
		for _, r := range requests {
			actions = append(actions, r.Action)
		}
		return actions
	}
	assert.Contains(t, asks(), "kms:PutKeyPolicy", "anything may change")
	assert.Contains(t, asks("policy"), "kms:PutKeyPolicy")
	assert.NotContains(t, asks("description"), "kms:PutKeyPolicy")
	assert.Contains(t, asks("description"), "kms:UpdateKeyDescription")
	assert.NotContains(t, asks("forceDestroy"), "kms:UpdateKeyDescription", "the provider keeps it until the deletion")
	assert.Contains(t, asks("forceDestroy", "description"), "kms:UpdateKeyDescription")
	_, err := access.NewInventory(recorder.Account).Calls(access.Create, &access.Resource{Type: "aws:lambda/function:Function"})
	assert.ErrorContains(t, err, "aws:lambda/function:Function has no row in components/access/actions.json")
}
