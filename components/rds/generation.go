package rds

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// creationOnly are the inputs that say how an instance begins. What it began as
// is not known any more when its backup is no longer named, so they are ignored
// once it exists; most of them would replace it.
var creationOnly = []string{"dbName", "engineVersion", "kmsKeyId", "restoreToPointInTime", "snapshotIdentifier", "username"}

// frozen are the inputs that change no more when a newer generation exists: all
// but the deletion protection, which must go before the instance can.
var frozen = append([]string{
	"allocatedStorage", "autoMinorVersionUpgrade", "backupRetentionPeriod", "backupWindow", "copyTagsToSnapshot",
	"dbSubnetGroupName", "deleteAutomatedBackups", "enabledCloudwatchLogsExports", "engine", "finalSnapshotIdentifier", "iamDatabaseAuthenticationEnabled",
	"identifier", "instanceClass", "maintenanceWindow", "manageMasterUserPassword", "masterUserSecretKmsKeyId",
	"maxAllocatedStorage", "monitoringInterval", "monitoringRoleArn", "multiAz", "parameterGroupName",
	"performanceInsightsEnabled", "performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod", "port",
	"publiclyAccessible", "skipFinalSnapshot", "storageEncrypted", "storageType", "vpcSecurityGroupIds",
}, creationOnly...)

// shared is what all generations use.
type shared struct {
	key     pulumi.StringInput
	group   *ec2.SecurityGroup
	role    *iam.Role
	roleCan pulumi.Resource // the role's policy
}

// CheckGenerations returns an error for each number that does not fit the
// current generation.
func CheckGenerations(current, unprotected, retired int) []error {
	var errs []error
	if current < 1 {
		errs = append(errs, fmt.Errorf("generation must be 1 or more, got %d", current))
	}
	for what, n := range map[string]int{"unprotected": unprotected, "retired": retired} {
		if n < 0 || n >= max(current, 1) {
			errs = append(errs, fmt.Errorf("%s must be from 0 to less than the generation %d, got %d", what, current, n))
		}
	}
	return errs
}

// generations registers those that are not retired and returns the current one.
func (d *Database) generations(ctx *pulumi.Context, name string, args *Args, s *shared) (current *rds.Instance, err error) {
	for n := args.Retired + 1; n <= args.Generation; n++ {
		if current, err = d.generation(ctx, name, n, args, s); err != nil {
			return nil, fmt.Errorf("generation %d of database %q: %w", n, name, err)
		}
		d.Generations = append(d.Generations, Generation{Number: n, InstanceID: current.Identifier})
	}
	return current, nil
}

// numbered is the name in the state of what belongs to a generation.
func numbered(name string, generation int) string {
	if generation == 1 {
		return name
	}
	return name + "-" + strconv.Itoa(generation)
}

func (d *Database) generation(ctx *pulumi.Context, name string, n int, args *Args, s *shared) (*rds.Instance, error) {
	parameters, err := d.parameterGroup(ctx, name, n, args)
	if err != nil {
		return nil, err
	}
	exports, logs, err := d.logGroups(ctx, name, n, args)
	if err != nil {
		return nil, err
	}
	inputs := args.settings(n, s)
	inputs.ParameterGroupName, inputs.EnabledCloudwatchLogsExports = parameters.Name, exports
	ignored := frozen
	if n == args.Generation {
		ignored = creationOnly
		args.origin(inputs, s)
	}
	instance, err := rds.NewInstance(ctx, numbered(name, n), inputs, pulumi.Parent(d),
		pulumi.DependsOn(append(logs, s.roleCan)), pulumi.IgnoreChanges(ignored),
		pulumi.Protect(args.DeletionProtection && n > args.Unprotected))
	if err != nil {
		return nil, fmt.Errorf("creating instance: %w", err)
	}
	return instance, nil
}

// origin adds the inputs of the creation to those of the current generation. A
// restore takes the engine's version, the names, the key and the storage from
// its backup. Without a backup, only generation 1 can be made: the provider
// refuses to create an instance without a user.
func (a *Args) origin(inputs *rds.InstanceArgs, s *shared) {
	if a.RestoreFrom != nil {
		a.RestoreFrom.apply(inputs, a.identifier(a.Generation-1))
		return
	}
	inputs.AllocatedStorage = pulumi.Int(a.StorageGB)
	if a.Generation == 1 {
		inputs.DbName, inputs.Username = pulumi.String(a.DatabaseName), pulumi.String(a.Username)
		inputs.EngineVersion, inputs.KmsKeyId = pulumi.String(a.EngineVersion), s.key
	}
}

// settings are the inputs that an instance has whatever it was made from.
func (a *Args) settings(n int, s *shared) *rds.InstanceArgs {
	inputs := &rds.InstanceArgs{
		Identifier: pulumi.String(a.identifier(n)), InstanceClass: pulumi.String(a.Class), Engine: pulumi.String("postgres"),
		AutoMinorVersionUpgrade: pulumi.Bool(true), Port: pulumi.Int(port), MultiAz: pulumi.Bool(a.MultiAZ),

		DbSubnetGroupName: a.SubnetGroupName, VpcSecurityGroupIds: pulumi.StringArray{s.group.ID()},
		PubliclyAccessible: pulumi.Bool(false),

		ManageMasterUserPassword: pulumi.Bool(true), MasterUserSecretKmsKeyId: s.key,
		IamDatabaseAuthenticationEnabled: pulumi.Bool(true),

		StorageType: pulumi.String("gp3"), StorageEncrypted: pulumi.Bool(true), MaxAllocatedStorage: pulumi.Int(a.MaxStorageGB),

		BackupRetentionPeriod: pulumi.Int(a.BackupRetentionDays), BackupWindow: pulumi.String(a.BackupWindow),
		MaintenanceWindow: pulumi.String(a.MaintenanceWindow), CopyTagsToSnapshot: pulumi.Bool(true),
		// The provider's default would take point-in-time recovery away with the instance.
		DeleteAutomatedBackups: pulumi.Bool(false),
		DeletionProtection:     pulumi.Bool(a.DeletionProtection && n > a.Unprotected), SkipFinalSnapshot: pulumi.Bool(!a.FinalSnapshot),

		PerformanceInsightsEnabled: pulumi.Bool(true), PerformanceInsightsKmsKeyId: s.key,
		PerformanceInsightsRetentionPeriod: pulumi.Int(insightsDays),
		MonitoringInterval:                 pulumi.Int(monitoringSeconds), MonitoringRoleArn: s.role.Arn,
	}
	if a.FinalSnapshot {
		inputs.FinalSnapshotIdentifier = s.finalSnapshot(a.identifier(n))
	}
	return inputs
}

// finalSnapshot is a name that a later life of the database does not meet again: RDS
// keeps the snapshot, and refuses to delete an instance when the name is taken. It
// ends as the id of the security group, which each life has anew.
func (s *shared) finalSnapshot(identifier string) pulumi.StringOutput {
	return s.group.ID().ApplyT(func(id pulumi.ID) string {
		return identifier + "-final-" + string(id)[max(0, len(id)-finalDigits):]
	}).(pulumi.StringOutput)
}

// finalDigits of the 17 in the id of a security group.
const finalDigits = 8
