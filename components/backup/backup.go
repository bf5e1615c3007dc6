package backup

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Type is the component's type token.
const Type = "codeflow:backup:Plan"

// The schedules are in UTC, hours away from the default windows of the database:
// AWS Backup does not start while RDS is in one of them or an hour before.
const (
	daily   = "cron(0 7 ? * * *)"
	monthly = "cron(0 10 1 * ? *)"
	// startMinutes is how long a job may wait for its turn, completeMinutes how
	// long it may take.
	startMinutes, completeMinutes = 60, 480
)

// Plan is the vaults, what goes into them and the test that it comes out again.
type Plan struct {
	pulumi.ResourceState

	VaultName         pulumi.StringOutput
	VaultARN          pulumi.StringOutput
	RecoveryVaultName pulumi.StringOutput // in the second region; empty without Recovery
	RoleARN           pulumi.StringOutput // that backs up and restores
	RestoreTest       pulumi.StringOutput // name of the restore testing plan
}

// New registers a plan named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Plan, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("backup %q: %w", name, err)
	}
	p := &Plan{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"environment": pulumi.String(args.Names.Environment),
	}, p, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(p))
	if err != nil {
		return nil, fmt.Errorf("reading the account of backup %q: %w", name, err)
	}
	role, needs, err := p.role(ctx, name)
	if err != nil {
		return nil, err
	}
	home, copies, err := p.vaults(ctx, name, identity.AccountId, args)
	if err != nil {
		return nil, err
	}
	if err := p.plan(ctx, name, args, home, copies, role, needs); err != nil {
		return nil, err
	}
	if err := p.restoreTest(ctx, name, args, home, role, needs); err != nil {
		return nil, err
	}

	p.VaultName, p.VaultARN, p.RoleARN = home.Name, home.Arn, role.Arn
	p.RecoveryVaultName = pulumi.String("").ToStringOutput()
	if copies != nil {
		p.RecoveryVaultName = copies.Name
	}
	if err := ctx.RegisterResourceOutputs(p, pulumi.Map{
		"vaultName": p.VaultName, "vaultArn": p.VaultARN, "recoveryVaultName": p.RecoveryVaultName,
		"roleArn": p.RoleARN, "restoreTest": p.RestoreTest,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of backup %q: %w", name, err)
	}
	return p, nil
}

// role is what AWS Backup works as. AWS's own policies are used: they are wider
// than one database, but AWS extends them when a job needs a further action, which
// is found out by a failed restore otherwise.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
func (p *Plan) role(ctx *pulumi.Context, name string) (*iam.Role, []pulumi.Resource, error) {
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		// A role can be passed within its account only, and AWS documents no
		// condition for this service.
		AssumeRolePolicy: policy.AssumeRole("backup.amazonaws.com", nil),
	}, pulumi.Parent(p))
	if err != nil {
		return nil, nil, fmt.Errorf("creating role of backup %q: %w", name, err)
	}
	var attached []pulumi.Resource
	for _, managed := range []struct {
		suffix string
		arn    iam.ManagedPolicy
	}{
		{"-backups", iam.ManagedPolicyAWSBackupServiceRolePolicyForBackup},
		{"-restores", iam.ManagedPolicyAWSBackupServiceRolePolicyForRestores},
	} {
		attachment, err := iam.NewRolePolicyAttachment(ctx, name+managed.suffix, &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: managed.arn,
		}, pulumi.Parent(p))
		if err != nil {
			return nil, nil, fmt.Errorf("attaching policy %q of backup %q: %w", managed.arn, name, err)
		}
		attached = append(attached, attachment)
	}
	return role, attached, nil
}

// plan is what is taken when, and of which database.
func (p *Plan) plan(
	ctx *pulumi.Context, name string, args *Args, home, copies *backup.Vault, role *iam.Role, needs []pulumi.Resource,
) error {
	rule := func(ruleName, schedule string, days int) *backup.PlanRuleArgs {
		return &backup.PlanRuleArgs{
			RuleName: pulumi.String(ruleName), Schedule: pulumi.String(schedule), TargetVaultName: home.Name,
			ScheduleExpressionTimezone: pulumi.String("Etc/UTC"),
			StartWindow:                pulumi.Int(startMinutes), CompletionWindow: pulumi.Int(completeMinutes),
			// Point-in-time recovery is RDS's own; two of them would change each
			// other's retention.
			// https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
			EnableContinuousBackup: pulumi.Bool(false),
			Lifecycle:              &backup.PlanRuleLifecycleArgs{DeleteAfter: pulumi.Int(days)},
		}
	}
	long := rule("monthly", monthly, args.MonthlyDays)
	if copies != nil {
		long.CopyActions = backup.PlanRuleCopyActionArray{&backup.PlanRuleCopyActionArgs{
			DestinationVaultArn: copies.Arn,
			Lifecycle:           &backup.PlanRuleCopyActionLifecycleArgs{DeleteAfter: pulumi.Int(args.MonthlyDays)},
		}}
	}
	plan, err := backup.NewPlan(ctx, name, &backup.PlanArgs{
		Rules: backup.PlanRuleArray{rule("daily", daily, args.DailyDays), long},
	}, pulumi.Parent(p))
	if err != nil {
		return fmt.Errorf("creating plan of backup %q: %w", name, err)
	}
	if _, err := backup.NewSelection(ctx, name+"-database", &backup.SelectionArgs{
		PlanId: plan.ID(), IamRoleArn: role.Arn, Resources: pulumi.StringArray{args.DatabaseARN},
	}, pulumi.Parent(p), pulumi.DependsOn(needs)); err != nil {
		return fmt.Errorf("selecting the database of backup %q: %w", name, err)
	}
	return nil
}
