package access_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	policyType     = "aws:iam/policy:Policy"
	roleType       = "aws:iam/role:Role"
	attachmentType = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	identity       = "aws:index/getCallerIdentity:getCallerIdentity"
	region         = "aws:index/getRegion:getRegion"
)

func newRecorder() *recorder.Recorder {
	answer := func(key, value string) func(resource.PropertyMap) (resource.PropertyMap, error) {
		return func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{resource.PropertyKey(key): resource.NewProperty(value)}, nil
		}
	}
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			identity: answer("accountId", recorder.Account), region: answer("name", "eu-central-1"),
		},
	}
}

func rolesArgs() *access.RolesArgs {
	arn := func(text string) pulumi.StringOutput { return pulumi.String(text).ToStringOutput() }
	return &access.RolesArgs{
		Project: "codeflow", Pulumi: "codeflow", Bootstrap: "bootstrap",
		Environments: map[string]access.Environment{
			"prod": {Platforms: []string{"prod", "dr"}, Reads: []string{"blue", "green"}},
			"idle": {Colors: []string{"blue", "green"}, Reads: []string{"prod"}},
		},
		Repository: access.Repository{Name: "ferg-cod3s/codeflow-infrastructure", OwnerID: "1234567", ID: "987654321"},
		Domain:     "codeflow.example.com", Regions: []string{"eu-central-1", "eu-west-1"},
		State: &access.State{
			BucketARN: arn("arn:aws:s3:::codeflow-pulumi-state-123456789012"),
			KeyARN:    arn("arn:aws:kms:eu-central-1:123456789012:key/state"), SecretsKeyARN: arn("arn:aws:kms:eu-central-1:123456789012:key/secrets"),
		},
	}
}

func roles(args *access.RolesArgs, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := access.NewRoles(ctx, "roles", args, opts...)
		return err
	}
}

// document is a policy as IAM gets it.
type document struct {
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Principal        map[string]string
		Condition        map[string]map[string]any
	}
}

func documentOf(t *testing.T, r recorder.Resource, property string) (text string, d document) {
	t.Helper()
	text = r.In(property).(string)
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	return text, d
}

func TestTrust(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, roles(rolesArgs()))
	github := func(ends ...string) string {
		var subjects []string
		for _, end := range ends {
			subjects = append(subjects, `"repo:ferg-cod3s/codeflow-infrastructure:`+end+`"`, `"repo:ferg-cod3s@1234567/codeflow-infrastructure@987654321:`+end+`"`)
		}
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRoleWithWebIdentity"],
			"Principal":{"Federated":"arn:aws:iam:eu-central-1:123456789012:roles-github"},
			"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":[` + strings.Join(subjects, ",") + `]}}}]}`
	}
	const person = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
		"Principal":{"AWS":"arn:aws:iam::123456789012:root"},
		"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}]}`
	want := map[string]string{
		"codeflow-preview": github("pull_request", "ref:refs/heads/main"), "codeflow-drift": github("environment:drift"),
		"codeflow-deploy-prod": github("environment:prod"), "codeflow-deploy-idle": github("environment:idle"),
		"codeflow-operator-prod": person, "codeflow-operator-dr": person,
	}
	assert.Equal(t, len(want), r.Count()[roleType])
	for name, trust := range want {
		role := r.Get(t, roleType, name)
		assert.JSONEq(t, trust, role.In("assumeRolePolicy").(string), name)
		assert.Equal(t, name, role.In("name"))
		assert.Equal(t, "arn:aws:iam:eu-central-1:123456789012:codeflow-boundary", role.In("permissionsBoundary"))
	}
	assert.EqualValues(t, 10800, r.Get(t, roleType, "codeflow-deploy-prod").In("maxSessionDuration"))
	provider := r.Get(t, "aws:iam/openIdConnectProvider:OpenIdConnectProvider", "roles-github")
	assert.Equal(t, map[string]any{
		"url": "https://token.actions.githubusercontent.com", "clientIdLists": []any{"sts.amazonaws.com"},
	}, provider.Inputs.Mappable())
}

// TestPolicies keeps every policy as it is in testdata, where people read them, and
// within IAM's limits.
func TestPolicies(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, roles(rolesArgs()))
	files := map[string]bool{}
	for _, created := range r.Resources() {
		if created.Type != policyType {
			continue
		}
		text, d := documentOf(t, created, "policy")
		assert.LessOrEqual(t, len(text), 6144, created.Name)
		for _, s := range d.Statement {
			if s.Effect == "Deny" || created.Name == "codeflow-boundary" {
				continue
			}
			for _, action := range s.Action {
				assert.NotContains(t, action, "*", "%s %s", created.Name, s.Sid)
			}
		}
		indented, err := json.MarshalIndent(json.RawMessage(text), "", "  ")
		require.NoError(t, err)
		file := filepath.Join("testdata", "policies", created.Name+".json")
		files[file] = true
		golden.Equal(t, file, string(indented)+"\n")
	}
	committed, err := filepath.Glob("testdata/policies/*.json")
	require.NoError(t, err)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(files)), committed)
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, roles(rolesArgs()))
	attached := map[string]int{}
	for _, a := range r.Resources() {
		if a.Type == attachmentType {
			attached[a.In("role").(string)]++
		}
	}
	assert.Equal(t, map[string]int{
		"codeflow-preview": 8, "codeflow-drift": 9, "codeflow-deploy-prod": 9, "codeflow-deploy-idle": 6, "codeflow-operator-prod": 1, "codeflow-operator-dr": 1,
	}, attached)
	for role, n := range attached {
		assert.LessOrEqual(t, n, 10, "IAM's quota of managed policies of role %s", role)
	}
}

// TestOperator lets the people of one environment change its own and nothing more.
func TestOperator(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, roles(rolesArgs()))
	_, d := documentOf(t, r.Get(t, policyType, "codeflow-operator-dr-traffic"), "policy")
	for _, s := range d.Statement {
		assert.NotContains(t, strings.Join(s.Resource, " "), "prod")
		for _, action := range s.Action {
			if _, name, _ := strings.Cut(action, ":"); !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "List") {
				assert.Contains(t, []string{
					"route53:ChangeResourceRecordSets", "ecs:UpdateService", "ssm:PutParameter", "ssm:DeleteParameter",
					"secretsmanager:PutSecretValue", "s3:PutObject", "s3:DeleteObject", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey",
				}, action)
			}
		}
	}
}

func TestRefusedRoles(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*access.RolesArgs){
		`name part "Codeflow" must be`:                    func(a *access.RolesArgs) { a.Project = "Codeflow" },
		`name part "*" must be`:                           func(a *access.RolesArgs) { a.Environments["*"] = access.Environment{Colors: []string{"blue"}} },
		"Environments are required":                       func(a *access.RolesArgs) { a.Environments = nil },
		`Environments["idle"] must have platforms`:        func(a *access.RolesArgs) { a.Environments["idle"] = access.Environment{} },
		`Environments["idle"] must not have "bootstrap"`:  func(a *access.RolesArgs) { a.Environments["idle"] = access.Environment{Colors: []string{"bootstrap"}} },
		"Pulumi and Bootstrap are required":               func(a *access.RolesArgs) { a.Pulumi = "" },
		`Repository must be owner/name, got "owner/*"`:    func(a *access.RolesArgs) { a.Repository.Name = "owner/*" },
		`must have both numbers, OwnerID and ID, or none`: func(a *access.RolesArgs) { a.Repository.ID = "" },
		`SSORoles must be ARNs of roles below`:            func(a *access.RolesArgs) { a.SSORoles = []string{"arn:aws:iam::123456789012:role/*"} },
		`Branch must be the name of one branch, got "r*"`: func(a *access.RolesArgs) { a.Branch = "r*" },
		"Domain and Regions are required":                 func(a *access.RolesArgs) { a.Domain, a.Regions = "", nil },
		"State is required":                               func(a *access.RolesArgs) { a.State = nil },
		"has 68 characters, AWS allows 64": func(a *access.RolesArgs) {
			a.Environments[strings.Repeat("e", 50)] = access.Environment{Colors: []string{"blue"}}
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r, args := newRecorder(), rolesArgs()
			change(args)
			assert.ErrorContains(t, r.Run(true, roles(args)), want)
			assert.Empty(t, r.Children())
		})
	}
}

// TestTooLong refuses a policy before IAM does: a long name is in every ARN.
func TestTooLong(t *testing.T) {
	t.Parallel()
	args := rolesArgs()
	args.Domain = strings.Repeat("a.", 600) + "example.com"
	assert.ErrorContains(t, newRecorder().Run(true, roles(args)),
		`characters, IAM allows 6144`)
}

func TestRefusedChildrenOfRoles(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return roles(rolesArgs(), opts...) })
	r := newRecorder()
	delete(r.Calls, identity)
	assert.ErrorContains(t, r.Run(true, roles(rolesArgs())), `reading the account of roles "roles"`)
}

func TestBound(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	boundary := access.RuntimeBoundaryARN(recorder.Account, "codeflow")
	assert.Equal(t, "arn:aws:iam::123456789012:policy/codeflow-runtime-boundary", boundary)
	r.Both(t, func(ctx *pulumi.Context) error {
		if err := access.Bound(ctx, pulumi.String(boundary)); err != nil {
			return err
		}
		role, err := iam.NewRole(ctx, "tasks", &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")})
		if err != nil {
			return err
		}
		_, err = iam.NewRolePolicy(ctx, "tasks", &iam.RolePolicyArgs{Role: role.Name, Policy: pulumi.String("{}")})
		return err
	})
	assert.Equal(t, boundary, r.Get(t, roleType, "tasks").In("permissionsBoundary"))
	assert.Equal(t, "{}", r.Get(t, roleType, "tasks").In("assumeRolePolicy"))
}
