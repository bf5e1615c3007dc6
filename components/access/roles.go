package access

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
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
	DriftARN           pulumi.StringOutput
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
		"repository": pulumi.String(args.Repository.Name), "environments": pulumi.ToStringArray(slices.Sorted(maps.Keys(args.Environments))),
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
	for _, name := range slices.Sorted(maps.Keys(args.Environments)) {
		for _, platform := range args.Environments[name].Platforms {
			if err := m.operator(ctx, platform, args.Environments[name].Reads); err != nil {
				return nil, err
			}
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

// fill is for roles that work on everything of the project.
func (m *maker) fill() values {
	return values{
		"project": {m.args.Project}, "account": {m.account}, "domain": {m.args.Domain}, "platform": {""}, "color": {"*"},
		"record": {m.args.Domain, "*." + m.args.Domain}, "recordType": {"A", "AAAA", "CNAME"},
		"bootstrap": {m.args.Pulumi + "/" + m.args.Bootstrap},
	}
}

// of is for roles of colours alone.
func (m *maker) of(colors []string) values {
	var records []string
	for _, color := range colors {
		records = append(records, color+"."+m.args.Domain)
	}
	return m.fill().with("platform").with("color", colors...).with("stack", colors...).
		with("record", records...).with("recordType", "A", "AAAA")
}

// foundation makes the boundaries and the provider, which the roles need.
func (m *maker) foundation(ctx *pulumi.Context, name string) error {
	p := m.args.Project
	boundary, err := newPolicy(ctx, deliveryBoundary(p), "The most that who previews, deploys and operates "+p+" can do",
		m.table.boundary(m.args.regions(), m.fill()), pulumi.Parent(m.Roles))
	if err != nil {
		return err
	}
	runtime, err := newPolicy(ctx, runtimeBoundary(p), "The most that tasks and services of "+p+" can do",
		m.table.runtime(m.args.regions(), m.fill()), pulumi.Parent(m.Roles))
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
	all := slices.Concat(m.args.platforms(), m.args.colors())
	documents := m.documents(m.table.reads(), m.fill())
	documents["state"] = m.state(nil, all)
	reads, err := m.policies(ctx, previewRole(p), documents)
	if err != nil {
		return err
	}
	if m.PreviewARN, err = m.role(ctx, previewRole(p), sessionSeconds, reads,
		m.trust("pull_request", "ref:refs/heads/"+m.args.Branch)); err != nil {
		return err
	}
	compares, err := m.policies(ctx, driftRole(p), map[string][]policy.Statement{"parameters": fillAll(m.table.Drift, m.fill(), "")})
	if err != nil {
		return err
	}
	maps.Copy(compares, reads)
	if m.DriftARN, err = m.role(ctx, driftRole(p), sessionSeconds, compares, m.trust("environment:drift")); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.args.Environments)) {
		if err := m.deployer(ctx, name, m.args.Environments[name]); err != nil {
			return err
		}
	}
	return nil
}

// deployer makes the role of an environment. That of platforms moves their traffic too,
// and runs a colour's release before.
func (m *maker) deployer(ctx *pulumi.Context, name string, e Environment) error {
	documents := m.documents(m.table.deploys(true), m.of(e.Colors))
	if len(e.Platforms) > 0 {
		need := m.table.deploys(false)
		documents = m.documents(need, m.fill())
		documents["traffic"] = m.traffic(need, false, m.fill().with("environment", e.Platforms...))
	}
	documents["state"] = m.state(e.stacks(), e.Reads)
	role := deployRole(m.args.Project, name)
	policies, err := m.policies(ctx, role, documents)
	if err != nil {
		return err
	}
	m.DeployARNs[name], err = m.role(ctx, role, deploySeconds, policies, m.trust("environment:"+name))
	return err
}

// traffic is what moving the traffic needs besides the actions that a role has.
func (m *maker) traffic(has map[string]bool, people bool, fill values) []policy.Statement {
	var list []grant
	for _, g := range m.table.Operator {
		g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(action string) bool { return has[action] })
		if len(g.Actions) > 0 && (people || !g.People) {
			list = append(list, g)
		}
	}
	return fillAll(list, fill, "")
}

// documents are the statements of each group of grants that has some.
func (m *maker) documents(need map[string]bool, fill values) map[string][]policy.Statement {
	documents := map[string][]policy.Statement{}
	for _, group := range m.table.groups() {
		if statements := m.table.statements(group, need, fill); len(statements) > 0 {
			documents[group] = statements
		}
	}
	return documents
}

// trust lets workflows of the repository be a role: those whose subject ends in one of
// these.
func (m *maker) trust(ends ...string) policy.Statement {
	var subjects []string
	for _, end := range ends {
		subjects = append(subjects, m.args.Repository.subjects(end)...)
	}
	return policy.Statement{
		Actions: []string{"sts:AssumeRoleWithWebIdentity"}, Principals: map[string]any{"Federated": m.github},
		Conditions: map[string]map[string]any{"StringEquals": {issuer + ":aud": audience, issuer + ":sub": subjects}},
	}
}

// operator makes the role of the people who switch the traffic of a platform. Who in
// the account may be one, its administrator says.
func (m *maker) operator(ctx *pulumi.Context, platform string, reads []string) error {
	name := operatorRole(m.args.Project, platform)
	fill := m.fill().with("environment", platform).with("record", naming.LiveDomain(m.args.Domain)).with("recordType", "A", "AAAA")
	statements := slices.Concat(
		m.state([]string{platform}, reads),
		m.table.statements("", m.table.switches(), fill), m.traffic(m.table.switches(), true, fill))
	policies, err := m.policies(ctx, name, map[string][]policy.Statement{"traffic": statements})
	if err != nil {
		return err
	}
	m.OperatorARNs[platform], err = m.role(ctx, name, sessionSeconds, policies, m.people())
	return err
}

// people lets those of the account in who have shown a second factor: to AWS, or to
// Identity Center, whose sessions do not say so.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
func (m *maker) people() policy.Statement {
	s := policy.Statement{
		Actions: []string{"sts:AssumeRole"}, Principals: map[string]any{"AWS": "arn:aws:iam::" + m.account + ":root"},
		Conditions: map[string]map[string]any{
			"Bool":            {"aws:MultiFactorAuthPresent": "true"},
			"NumericLessThan": {"aws:MultiFactorAuthAge": fmt.Sprint(mfaSeconds)},
		},
	}
	if len(m.args.SSORoles) > 0 {
		s.Conditions = map[string]map[string]any{"ArnLike": {"aws:PrincipalArn": m.args.SSORoles}}
	}
	return s
}

// policies makes a managed policy of each document. A role may have 10.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func (m *maker) policies(ctx *pulumi.Context, role string, documents map[string][]policy.Statement) (map[string]*iam.Policy, error) {
	made := map[string]*iam.Policy{}
	for group, statements := range documents {
		created, err := newPolicy(ctx, role+"-"+group, "What "+role+" may do: "+group, statements, pulumi.Parent(m.Roles))
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

// state lets a role read the state of stacks and its secrets, and change that of some. A
// preview takes no lock, so it writes nothing. The files are those of
// https://github.com/pulumi/pulumi/blob/v3.250.0/pkg/backend/diy/store.go and lock.go.
func (m *maker) state(change, read []string) []policy.Statement {
	s := m.args.State
	file := func(path string) any { return pulumi.Sprintf("%s/.pulumi/%s", s.BucketARN, path) }
	reads := []any{file("meta.yaml")}
	for _, stack := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(change, read)))) {
		reads = append(reads, file(fmt.Sprintf("stacks/%s/%s.json*", m.args.Pulumi, stack)))
	}
	var changes []any
	for _, stack := range change {
		changes = append(changes, file(fmt.Sprintf("stacks/%s/%s.json*", m.args.Pulumi, stack)))
		for _, kind := range []string{"backups", "history", "locks/organization"} {
			changes = append(changes, file(fmt.Sprintf("%s/%s/%s/*", kind, m.args.Pulumi, stack)))
		}
	}
	bucketKey, secretsKey := []string{"kms:Decrypt"}, []string{"kms:Decrypt"}
	list := []policy.Statement{
		{Sid: "State", Actions: []string{"s3:ListBucket"}, Resources: []any{s.BucketARN}},
		{Sid: "StateRead", Actions: []string{"s3:GetObject"}, Resources: reads},
	}
	if len(changes) > 0 {
		bucketKey, secretsKey = append(bucketKey, "kms:GenerateDataKey"), append(secretsKey, "kms:Encrypt")
		list = append(list, policy.Statement{
			Sid: "StateChange", Actions: []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, Resources: changes,
		})
	}
	return append(list,
		policy.Statement{
			Sid: "StateKey", Actions: bucketKey, Resources: []any{s.KeyARN},
			Conditions: map[string]map[string]any{"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
		},
		policy.Statement{Sid: "StateSecrets", Actions: secretsKey, Resources: []any{s.SecretsKeyARN}},
	)
}
