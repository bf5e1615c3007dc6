// These tests do not prove that AWS Backup accepts the plan, nor that it restores.
package backup_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/backup"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	callerIdentity = "aws:index/getCallerIdentity:getCallerIdentity"
	planType       = "aws:backup/plan:Plan"
	vaultType      = "aws:backup/vault:Vault"
	lockType       = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
	testType       = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
	testedType     = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
	arn            = "arn:aws:backup:eu-central-1:123456789012:"
	database       = "arn:aws:rds:eu-central-1:123456789012:db:codeflow-prod"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			callerIdentity: func(resource.PropertyMap) (resource.PropertyMap, error) {
				return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			vaultType:           {"name": resource.NewProperty("backup-1a2b3c4")},
			"aws:iam/role:Role": {"name": resource.NewProperty("backup-role"), "arn": resource.NewProperty("role-arn")},
		},
	}
}

func minimal() backup.Args {
	return backup.Args{
		Names:       naming.Platform{Project: "codeflow", Environment: "prod"},
		DatabaseARN: pulumi.String(database), SubnetGroupName: pulumi.String("subnets"), SecurityGroupID: pulumi.String("sg-db"),
	}
}

func program(args backup.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := backup.New(ctx, "backup", &args, opts...)
		return err
	}
}

func everything(opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		there, err := aws.NewProvider(ctx, "there", &aws.ProviderArgs{Region: pulumi.String("eu-west-1")})
		if err != nil {
			return err
		}
		args := minimal()
		args.Recovery, args.TopicARN = there, pulumi.String("topic")
		return program(args, opts...)(ctx)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, everything())
	assert.Equal(t, []string{
		"/codeflow:backup:Plan backup",
		"/pulumi:providers:aws there",
		"backup/" + planType + " backup",
		"backup/" + testType + " backup",
		"backup/" + testedType + " backup-database",
		"backup/aws:backup/selection:Selection backup-database",
		"backup/" + vaultType + " backup",
		"backup/" + vaultType + " backup-recovery",
		"backup/" + lockType + " backup",
		"backup/" + lockType + " backup-recovery",
		"backup/aws:backup/vaultNotifications:VaultNotifications backup",
		"backup/aws:iam/role:Role backup",
		"backup/aws:iam/rolePolicyAttachment:RolePolicyAttachment backup-backups",
		"backup/aws:iam/rolePolicyAttachment:RolePolicyAttachment backup-restores",
		"backup/aws:kms/key:Key backup-key",
		"backup/aws:kms/key:Key backup-recovery-key",
	}, r.Children())
	for _, typ := range []string{vaultType, lockType} {
		assert.Contains(t, r.Get(t, typ, "backup-recovery").RPC.GetProvider(), "there")
	}

	r.Both(t, program(minimal()))
	for _, typ := range []string{vaultType, lockType} {
		assert.Equal(t, 1, r.Count()[typ], "one region")
	}
	assert.Zero(t, r.Count()["aws:backup/vaultNotifications:VaultNotifications"])
	for _, rule := range r.Get(t, planType, "backup").In("rules").([]any) {
		assert.NotContains(t, rule, "copyActions")
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, everything())
	rule := func(name, schedule string, days float64) map[string]any {
		return map[string]any{
			"ruleName": name, "schedule": schedule, "scheduleExpressionTimezone": "Etc/UTC", "targetVaultName": "backup-1a2b3c4",
			"startWindow": 60.0, "completionWindow": 480.0, "enableContinuousBackup": false,
			"lifecycle": map[string]any{"deleteAfter": days},
		}
	}
	long := rule("monthly", "cron(0 10 1 * ? *)", 365)
	long["copyActions"] = []any{map[string]any{
		"destinationVaultArn": arn + "backup-recovery", "lifecycle": map[string]any{"deleteAfter": 365.0},
	}}
	assert.Equal(t, []any{rule("daily", "cron(0 7 ? * * *)", 35), long}, r.Get(t, planType, "backup").In("rules"))
	assert.Equal(t, map[string]any{
		"planId": "backup-id", "iamRoleArn": "role-arn", "resources": []any{database},
	}, r.Get(t, "aws:backup/selection:Selection", "backup-database").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"backupVaultName": "backup-1a2b3c4", "snsTopicArn": "topic", "backupVaultEvents": []any{"COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"},
	}, r.Get(t, "aws:backup/vaultNotifications:VaultNotifications", "backup").Inputs.Mappable())
}

func TestVaults(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, everything())
	for name, least := range map[string]float64{"backup": 35, "backup-recovery": 365} {
		assert.Equal(t, map[string]any{
			"name": "codeflow-prod", "kmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:" + name + "-key", "forceDestroy": false,
		}, r.Get(t, vaultType, name).Inputs.Mappable())
		assert.Equal(t, map[string]any{
			"backupVaultName": "backup-1a2b3c4", "minRetentionDays": least, "maxRetentionDays": 365.0,
		}, r.Get(t, lockType, name).Inputs.Mappable(), "changeableForDays would make it compliance mode, for ever")
		assert.True(t, r.Get(t, "aws:kms/key:Key", name+"-key").RPC.GetRetainOnDelete(), "what is kept needs the key")
	}

	args := minimal()
	args.ForceDestroy, args.DailyDays, args.MonthlyDays = true, 7, 90
	r.Both(t, program(args))
	assert.Equal(t, true, r.Get(t, vaultType, "backup").In("forceDestroy"))
	assert.EqualValues(t, 7, r.Get(t, lockType, "backup").In("minRetentionDays"))
	assert.EqualValues(t, 90, r.Get(t, lockType, "backup").In("maxRetentionDays"))
	assert.False(t, r.Get(t, "aws:kms/key:Key", "backup-key").RPC.GetRetainOnDelete())
}

func TestRole(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal()))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
		"Principal":{"Service":"backup.amazonaws.com"}}]}`, r.Get(t, "aws:iam/role:Role", "backup").In("assumeRolePolicy").(string))
	const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	for suffix, managed := range map[string]string{"-backups": "ForBackup", "-restores": "ForRestores"} {
		assert.Equal(t, "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicy"+managed,
			r.Get(t, attachment, "backup"+suffix).In("policyArn"))
		for typ, name := range map[string]string{"aws:backup/selection:Selection": "backup-database", testedType: "backup-database"} {
			assert.Contains(t, r.Get(t, typ, name).RPC.GetDependencies(),
				"urn:pulumi:test::codeflow::codeflow:backup:Plan$"+attachment+"::backup"+suffix, "AWS tries the role")
		}
	}
}

func TestRestoreTest(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal()))
	assert.Equal(t, map[string]any{
		"name": "codeflow_prod", "scheduleExpression": "cron(0 13 ? * SUN *)", "scheduleExpressionTimezone": "Etc/UTC",
		"startWindowHours": 1.0, "recoveryPointSelection": map[string]any{
			"algorithm": "RANDOM_WITHIN_WINDOW", "includeVaults": []any{arn + "backup"}, "recoveryPointTypes": []any{"SNAPSHOT"},
			"selectionWindowDays": 30.0,
		},
	}, r.Get(t, testType, "backup").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"name": "database", "restoreTestingPlanName": "codeflow_prod", "iamRoleArn": "role-arn",
		"protectedResourceType": "RDS", "protectedResourceArns": []any{database}, "validationWindowHours": 4.0,
		"restoreMetadataOverrides": map[string]any{
			"dbInstanceClass": "db.t4g.medium", "dbSubnetGroupName": "subnets", "multiAz": "false", "vpcSecurityGroupIds": `["sg-db"]`,
		},
	}, r.Get(t, testedType, "backup-database").Inputs.Mappable())
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	newRecorder().Both(t, func(ctx *pulumi.Context) error {
		args := minimal()
		p, err := backup.New(ctx, "backup", &args)
		if err != nil {
			return err
		}
		ctx.Export("checked", pulumi.All(p.VaultName, p.VaultARN, p.RecoveryVaultName, p.RoleARN, p.RestoreTest).ApplyT(func(all []any) string {
			assert.Equal(t, []any{"backup-1a2b3c4", arn + "backup", "", "role-arn", "codeflow_prod"}, all)
			return ""
		}))
		return nil
	})
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	bad := func(change func(*backup.Args)) backup.Args {
		args := minimal()
		change(&args)
		return args
	}
	for want, args := range map[string]backup.Args{
		`name part ""`: bad(func(a *backup.Args) { a.Names.Project = "" }),
		"DatabaseARN, SubnetGroupName and SecurityGroupID are required": bad(func(a *backup.Args) { a.DatabaseARN = nil }),
		`instance class must be one whose memory is known`:              bad(func(a *backup.Args) { a.TestClass = "db.x2g.large" }),
		"got -1 and 365":   bad(func(a *backup.Args) { a.DailyDays = -1 }),
		"got 35 and 30":    bad(func(a *backup.Args) { a.MonthlyDays = 30 }),
		"got 35 and 36501": bad(func(a *backup.Args) { a.MonthlyDays = 36501 }),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			assert.ErrorContains(t, r.Run(true, program(args)), want)
			assert.Empty(t, r.Children())
		})
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, everything)
	r := newRecorder()
	delete(r.Calls, callerIdentity)
	assert.ErrorContains(t, r.Run(true, program(minimal())), `reading the account of backup "backup"`)
}
