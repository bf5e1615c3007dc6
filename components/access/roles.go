package access

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// RolesType is the type token of [Roles].
const RolesType = "codeflow:access:Roles"

const (
	// issuer is who signs the tokens of GitHub's workflows, audience for whom.
	// https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
	issuer   = "token.actions.githubusercontent.com"
	audience = "sts.amazonaws.com"

	// sessionSeconds is how long a session lasts, and deploySeconds one that deploys, at
	// most: a switch watches for long, and so does making a database with a standby.
	sessionSeconds, deploySeconds = 3600, 10800
	// mfaSeconds is how old the second factor of an operator may be.
	mfaSeconds = 3600
)

// Roles are who may work on a project.
type Roles struct {
	pulumi.ResourceState

	// RuntimeBoundaryARN is for [Bound], in the stacks that the roles deploy.
	RuntimeBoundaryARN pulumi.StringOutput
	PreviewARN         pulumi.StringOutput
	// DeployARNs are by environment, OperatorARNs by platform.
	DeployARNs   map[string]pulumi.StringOutput
	OperatorARNs map[string]pulumi.StringOutput
}

// NewRoles registers the roles named name, and GitHub as who vouches for workflows:
// an account has one such provider.
func NewRoles(ctx *pulumi.Context, name string, args *RolesArgs, opts ...pulumi.ResourceOption) (*Roles, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("roles %q: %w", name, err)
	}
	t, err := readTable()
	if err != nil {
		return nil, err
	}
	r := &Roles{DeployARNs: map[string]pulumi.StringOutput{}, OperatorARNs: map[string]pulumi.StringOutput{}}
	if err := ctx.RegisterComponentResourceV2(RolesType, name, pulumi.Map{
		"repository": pulumi.String(args.Repository), "environments": pulumi.ToStringArray(args.Environments),
	}, r, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", RolesType, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(r))
	if err != nil {
		return nil, fmt.Errorf("reading the account of roles %q: %w", name, err)
	}
	m := &maker{Roles: r, args: args, table: t, account: identity.AccountId}
	if err := m.foundation(ctx, name); err != nil {
		return nil, err
	}
	if err := m.workflows(ctx); err != nil {
		return nil, err
	}
	for _, platform := range args.Platforms {
		if err := m.operator(ctx, platform); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(r, pulumi.Map{
		"runtimeBoundaryArn": r.RuntimeBoundaryARN, "previewArn": r.PreviewARN,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of roles %q: %w", name, err)
	}
	return r, nil
}

// maker is what the steps of [NewRoles] hand on to each other.
type maker struct {
	*Roles
	args     *RolesArgs
	table    *table
	account  string
	boundary pulumi.StringOutput // ARN of the policy
	github   pulumi.StringOutput // ARN of the provider
}

func (m *maker) fill(environment string) *strings.Replacer {
	return strings.NewReplacer("{project}", m.args.Project, "{account}", m.account, "{domain}", m.args.Domain, "{environment}", environment)
}

// foundation makes the boundaries and the provider, which the roles need.
func (m *maker) foundation(ctx *pulumi.Context, name string) error {
	p := m.args.Project
	boundary, err := newPolicy(ctx, deliveryBoundary(p), "The most that who previews, deploys and operates "+p+" can do",
		m.table.boundary(m.args.regions(), m.fill("")), pulumi.Parent(m.Roles))
	if err != nil {
		return err
	}
	runtime, err := newPolicy(ctx, runtimeBoundary(p), "The most that tasks and services of "+p+" can do",
		m.table.runtime(m.args.regions()), pulumi.Parent(m.Roles))
	if err != nil {
		return err
	}
	// AWS knows GitHub's certificate authorities, so no thumbprint is needed.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
	provider, err := iam.NewOpenIdConnectProvider(ctx, name+"-github", &iam.OpenIdConnectProviderArgs{
		Url: pulumi.String("https://" + issuer), ClientIdLists: pulumi.ToStringArray([]string{audience}),
	}, pulumi.Parent(m.Roles))
	if err != nil {
		return fmt.Errorf("creating provider of %s: %w", issuer, err)
	}
	m.boundary, m.RuntimeBoundaryARN, m.github = boundary.Arn, runtime.Arn, provider.Arn
	return nil
}

// workflows makes the roles of GitHub's workflows.
func (m *maker) workflows(ctx *pulumi.Context) error {
	p := m.args.Project
	reads, err := m.policies(ctx, previewRole(p), m.table.reads(), m.state(false))
	if err != nil {
		return err
	}
	if m.PreviewARN, err = m.role(ctx, previewRole(p), sessionSeconds, reads,
		m.trust("pull_request", "ref:refs/heads/"+m.args.Branch)); err != nil {
		return err
	}
	writes, err := m.policies(ctx, p+"-deploy", m.table.deploys(), m.state(true))
	if err != nil {
		return err
	}
	for _, e := range m.args.Environments {
		if m.DeployARNs[e], err = m.role(ctx, deployRole(p, e), deploySeconds, writes, m.trust("environment:"+e)); err != nil {
			return err
		}
	}
	return nil
}

// trust lets workflows of the repository be a role: those whose subject is one of
// these.
// https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
func (m *maker) trust(subjects ...string) policy.Statement {
	for i, s := range subjects {
		subjects[i] = "repo:" + m.args.Repository + ":" + s
	}
	return policy.Statement{
		Actions: []string{"sts:AssumeRoleWithWebIdentity"}, Principals: map[string]any{"Federated": m.github},
		Conditions: map[string]map[string]any{"StringEquals": {issuer + ":aud": audience, issuer + ":sub": subjects}},
	}
}

// operator makes the role of the people who switch the traffic of an environment.
// Who in the account may be one, its administrator says; a second factor is always
// needed.
func (m *maker) operator(ctx *pulumi.Context, environment string) error {
	name, fill := operatorRole(m.args.Project, environment), m.fill(environment)
	statements := append(m.state(true), m.table.statements("", m.table.switches(), fill)...)
	for _, g := range m.table.Operator {
		statements = append(statements, g.statement(fill))
	}
	created, err := newPolicy(ctx, name, "Switches the traffic of "+environment, statements, pulumi.Parent(m.Roles))
	if err != nil {
		return err
	}
	m.OperatorARNs[environment], err = m.role(ctx, name, sessionSeconds, map[string]*iam.Policy{"operator": created}, policy.Statement{
		Actions: []string{"sts:AssumeRole"}, Principals: map[string]any{"AWS": "arn:aws:iam::" + m.account + ":root"},
		Conditions: map[string]map[string]any{
			"Bool":            {"aws:MultiFactorAuthPresent": "true"},
			"NumericLessThan": {"aws:MultiFactorAuthAge": fmt.Sprint(mfaSeconds)},
		},
	})
	return err
}

// policies makes a managed policy of each group of grants, and one for the state. A
// role may have 10.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func (m *maker) policies(ctx *pulumi.Context, prefix string, need map[string]bool, state []policy.Statement) (map[string]*iam.Policy, error) {
	documents := map[string][]policy.Statement{"state": state}
	for _, group := range m.table.groups() {
		documents[group] = m.table.statements(group, need, m.fill(""))
	}
	made := map[string]*iam.Policy{}
	for group, statements := range documents {
		created, err := newPolicy(ctx, prefix+"-"+group, "What "+prefix+" may do: "+group, statements, pulumi.Parent(m.Roles))
		if err != nil {
			return nil, err
		}
		made[group] = created
	}
	return made, nil
}

// role makes a role within the boundary.
func (m *maker) role(
	ctx *pulumi.Context, name string, seconds int, policies map[string]*iam.Policy, trust policy.Statement,
) (pulumi.StringOutput, error) {
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Name: pulumi.String(name), AssumeRolePolicy: policy.Document(trust),
		MaxSessionDuration: pulumi.Int(seconds), PermissionsBoundary: m.boundary,
	}, pulumi.Parent(m.Roles))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("creating role %q: %w", name, err)
	}
	for group, p := range policies {
		if _, err := iam.NewRolePolicyAttachment(ctx, name+"-"+group, &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: p.Arn,
		}, pulumi.Parent(m.Roles)); err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("attaching policy %q to role %q: %w", group, name, err)
		}
	}
	return role.Arn, nil
}

// state lets a role read the state and its secrets, or change them too. A preview
// takes no lock, so it writes nothing.
func (m *maker) state(change bool) []policy.Statement {
	s := m.args.State
	objects, bucketKey, secretsKey := []string{"s3:GetObject"}, []string{"kms:Decrypt"}, []string{"kms:Decrypt"}
	if change {
		objects = append(objects, "s3:PutObject", "s3:DeleteObject")
		bucketKey, secretsKey = append(bucketKey, "kms:GenerateDataKey"), append(secretsKey, "kms:Encrypt")
	}
	return []policy.Statement{
		{Sid: "State", Actions: []string{"s3:ListBucket"}, Resources: []any{s.BucketARN}},
		{Sid: "StateObjects", Actions: objects, Resources: []any{pulumi.Sprintf("%s/.pulumi/*", s.BucketARN)}},
		{
			Sid: "StateKey", Actions: bucketKey, Resources: []any{s.KeyARN},
			Conditions: map[string]map[string]any{"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
		},
		{Sid: "StateSecrets", Actions: secretsKey, Resources: []any{s.SecretsKeyARN}},
	}
}
