package backup

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// weekly is after the database's maintenance and the daily snapshot.
	weekly = "cron(0 13 ? * SUN *)"
	// startHours is how long a test may wait for its turn, validationHours how long
	// the restored database stays for whoever looks into it.
	startHours, validationHours = 1, 4
	// windowDays is the age of the oldest snapshot that is drawn.
	windowDays = 30
)

// restoreTest restores a random snapshot each week.
func (p *Plan) restoreTest(
	ctx *pulumi.Context, name string, args *Args, vault *backup.Vault, role *iam.Role, needs []pulumi.Resource,
) error {
	plan, err := backup.NewRestoreTestingPlan(ctx, name, &backup.RestoreTestingPlanArgs{
		Name: pulumi.String(testName(args.Names.Database())), ScheduleExpression: pulumi.String(weekly),
		ScheduleExpressionTimezone: pulumi.String("Etc/UTC"), StartWindowHours: pulumi.Int(startHours),
		RecoveryPointSelection: &backup.RestoreTestingPlanRecoveryPointSelectionArgs{
			Algorithm: pulumi.String("RANDOM_WITHIN_WINDOW"), IncludeVaults: pulumi.StringArray{vault.Arn},
			RecoveryPointTypes: pulumi.StringArray{pulumi.String("SNAPSHOT")}, SelectionWindowDays: pulumi.Int(windowDays),
		},
	}, pulumi.Parent(p))
	if err != nil {
		return fmt.Errorf("creating restore test of backup %q: %w", name, err)
	}
	// The default would be the default VPC, which may not exist, and the class and
	// the standby of the database itself.
	// https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html
	overrides := pulumi.StringMap{
		"dbInstanceClass": pulumi.String(args.TestClass), "multiAz": pulumi.String("false"),
		"dbSubnetGroupName": args.SubnetGroupName, "vpcSecurityGroupIds": pulumi.JSONMarshal([]any{args.SecurityGroupID}),
	}
	if _, err := backup.NewRestoreTestingSelection(ctx, name+"-database", &backup.RestoreTestingSelectionArgs{
		Name: pulumi.String("database"), RestoreTestingPlanName: plan.Name, IamRoleArn: role.Arn,
		ProtectedResourceType: pulumi.String("RDS"), ProtectedResourceArns: pulumi.StringArray{args.DatabaseARN},
		RestoreMetadataOverrides: overrides, ValidationWindowHours: pulumi.Int(validationHours),
	}, pulumi.Parent(p), pulumi.DependsOn(needs)); err != nil {
		return fmt.Errorf("selecting the database of the restore test of backup %q: %w", name, err)
	}
	p.RestoreTest = plan.Name
	return nil
}

// testName is a name of letters, digits and underscores, which is all that AWS
// allows; the engine's own would have hyphens.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_RestoreTestingPlanForCreate.html
func testName(database string) string { return strings.ReplaceAll(database, "-", "_") }
