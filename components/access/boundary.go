package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// RuntimeBoundaryARN is the boundary that [NewRoles] makes for the roles of a
// project's tasks and services, which can do no more than it lists.
func RuntimeBoundaryARN(account, project string) string {
	return "arn:aws:iam::" + account + ":policy/" + runtimeBoundary(project)
}

func deliveryBoundary(project string) string { return project + "-boundary" }
func runtimeBoundary(project string) string  { return project + "-runtime-boundary" }

// Bound puts a boundary on each role that the stack registers from here on. The
// deploy role may make no role without [RuntimeBoundaryARN], so that it cannot make
// an administrator.
func Bound(ctx *pulumi.Context, boundaryARN pulumi.StringInput) error {
	return ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		role, ok := args.Props.(*iam.RoleArgs)
		if !ok {
			return nil
		}
		role.PermissionsBoundary = boundaryARN.ToStringOutput().ToStringPtrOutput()
		return &pulumi.ResourceTransformationResult{Props: role, Opts: args.Opts}
	})
}

// NeedsBoundary is whether the caller, by its ARN, is a role of this package: it can
// make no role without [RuntimeBoundaryARN].
func NeedsBoundary(project, callerARN string) bool {
	_, session, found := strings.Cut(callerARN, ":assumed-role/")
	return found && slices.ContainsFunc([]string{"deploy-", "drift/", "operator-", "preview/"}, func(kind string) bool {
		return strings.HasPrefix(session, project+"-"+kind)
	})
}

// boundary are the statements of the boundary of this package's roles. It grants
// nothing: a role can do what both its policies and the boundary allow.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
func (t *table) boundary(regions []string, fill values) []policy.Statement {
	return append([]policy.Statement{
		{Sid: "UpTo", Actions: []string{"*"}, Resources: []any{"*"}},
		within(regions),
		{Sid: "Withheld", Effect: "Deny", Actions: t.withheld(), Resources: []any{"*"}},
	}, fillAll(t.Denies, fill, "Deny")...)
}

// runtime are the statements of the boundary of the roles that deployments make.
func (t *table) runtime(regions []string, fill values) []policy.Statement {
	return slices.Concat(fillAll(t.Runtime, fill, ""), fillAll(t.RuntimeDenies, fill, "Deny"), []policy.Statement{within(regions)})
}

func within(regions []string) policy.Statement {
	return policy.Statement{
		Sid: "Regions", Effect: "Deny", Actions: []string{"*"}, Resources: []any{"*"},
		Conditions: map[string]map[string]any{"StringNotEquals": {"aws:RequestedRegion": regions}},
	}
}

// maxPolicy is the most characters that a managed policy has, without white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxPolicy = 6144

// newPolicy makes a managed policy, and refuses one that IAM would refuse.
func newPolicy(ctx *pulumi.Context, name, description string, statements []policy.Statement, opts ...pulumi.ResourceOption) (*iam.Policy, error) {
	document := policy.Document(statements...).ApplyT(func(text string) (string, error) {
		if len(text) > maxPolicy {
			return "", fmt.Errorf("policy %q has %d characters, IAM allows %d: give some grants of actions.json another group",
				name, len(text), maxPolicy)
		}
		return text, nil
	}).(pulumi.StringOutput)
	created, err := iam.NewPolicy(ctx, name, &iam.PolicyArgs{
		Name: pulumi.String(name), Description: pulumi.String(description), Policy: document,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating policy %q: %w", name, err)
	}
	return created, nil
}
