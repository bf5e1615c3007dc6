package rds

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:rds:Database"

const (
	port = 5432
	// backupWindow (daily) and maintenanceWindow (weekly) are in UTC, as RDS
	// writes them, and must not overlap.
	backupWindow      = "03:00-03:30"
	maintenanceWindow = "sun:04:00-sun:05:00"
	// insightsDays is the retention of Performance Insights that costs nothing.
	insightsDays = 7
	// monitoringSeconds is the interval of enhanced monitoring.
	monitoringSeconds = 60
)

// Database is a PostgreSQL instance with what belongs to it alone.
type Database struct {
	pulumi.ResourceState

	Address         pulumi.StringOutput // host name
	Port            pulumi.IntOutput
	Endpoint        pulumi.StringOutput // address:port
	DatabaseName    pulumi.StringOutput
	MasterSecretARN pulumi.StringOutput // Secrets Manager: {"username": …, "password": …}
	KeyARN          pulumi.StringOutput // encrypts storage, secret and insights
	SecurityGroupID pulumi.StringOutput
	InstanceID      pulumi.StringOutput // identifier, the dimension of its metrics
}

// New registers a database named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Database, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	d := &Database{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"identifier": pulumi.String(args.Identifier), "engineVersion": pulumi.String(args.EngineVersion),
	}, d, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}

	key, err := kms.NewKey(ctx, name+"-key", &kms.KeyArgs{
		Description:       pulumi.String("Database " + args.Identifier),
		EnableKeyRotation: pulumi.Bool(true),
	}, pulumi.Parent(d), pulumi.RetainOnDelete(args.FinalSnapshot))
	if err != nil {
		return nil, fmt.Errorf("creating key of database %q: %w", name, err)
	}
	instance, err := d.instance(ctx, name, args, key)
	if err != nil {
		return nil, err
	}

	d.Address, d.Port, d.Endpoint = instance.Address, instance.Port, instance.Endpoint
	d.DatabaseName, d.InstanceID = instance.DbName, instance.Identifier
	d.KeyARN, d.MasterSecretARN = key.Arn, masterSecret(instance)
	if err := ctx.RegisterResourceOutputs(d, pulumi.Map{
		"address": d.Address, "port": d.Port, "endpoint": d.Endpoint, "databaseName": d.DatabaseName,
		"masterSecretArn": d.MasterSecretARN, "keyArn": d.KeyARN,
		"securityGroupId": d.SecurityGroupID, "instanceId": d.InstanceID,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of database %q: %w", name, err)
	}
	return d, nil
}

func masterSecret(instance *rds.Instance) pulumi.StringOutput {
	return instance.MasterUserSecrets.ApplyT(func(secrets []rds.InstanceMasterUserSecret) (string, error) {
		if len(secrets) == 0 || secrets[0].SecretArn == nil {
			return "", errors.New("the database instance has no managed master secret: run pulumi up --refresh")
		}
		return *secrets[0].SecretArn, nil
	}).(pulumi.StringOutput)
}

func (d *Database) instance(ctx *pulumi.Context, name string, args *Args, key *kms.Key) (*rds.Instance, error) {
	group, err := d.securityGroup(ctx, name, args)
	if err != nil {
		return nil, err
	}
	parameters, err := d.parameterGroup(ctx, name, args)
	if err != nil {
		return nil, err
	}
	role, needs, err := d.monitoringRole(ctx, name)
	if err != nil {
		return nil, err
	}
	exports, logs, err := d.logGroups(ctx, name, args)
	if err != nil {
		return nil, err
	}
	inputs := &rds.InstanceArgs{
		Identifier: pulumi.String(args.Identifier), InstanceClass: pulumi.String(args.Class),
		Engine: pulumi.String("postgres"), EngineVersion: pulumi.String(args.EngineVersion),
		AutoMinorVersionUpgrade: pulumi.Bool(true), ParameterGroupName: parameters.Name,
		DbName: pulumi.String(args.DatabaseName), Port: pulumi.Int(port), MultiAz: pulumi.Bool(args.MultiAZ),

		DbSubnetGroupName: args.SubnetGroupName, VpcSecurityGroupIds: pulumi.StringArray{group.ID()},
		PubliclyAccessible: pulumi.Bool(false),

		Username: pulumi.String(args.Username), ManageMasterUserPassword: pulumi.Bool(true),
		MasterUserSecretKmsKeyId: key.Arn, IamDatabaseAuthenticationEnabled: pulumi.Bool(true),

		StorageType: pulumi.String("gp3"), StorageEncrypted: pulumi.Bool(true), KmsKeyId: key.Arn,
		AllocatedStorage: pulumi.Int(args.StorageGB), MaxAllocatedStorage: pulumi.Int(args.MaxStorageGB),

		BackupRetentionPeriod: pulumi.Int(args.BackupRetentionDays), BackupWindow: pulumi.String(backupWindow),
		MaintenanceWindow: pulumi.String(maintenanceWindow), CopyTagsToSnapshot: pulumi.Bool(true),
		DeletionProtection: pulumi.Bool(args.DeletionProtection), SkipFinalSnapshot: pulumi.Bool(!args.FinalSnapshot),

		PerformanceInsightsEnabled: pulumi.Bool(true), PerformanceInsightsKmsKeyId: key.Arn,
		PerformanceInsightsRetentionPeriod: pulumi.Int(insightsDays),
		MonitoringInterval:                 pulumi.Int(monitoringSeconds), MonitoringRoleArn: role.Arn,
		EnabledCloudwatchLogsExports: exports,
	}
	if args.FinalSnapshot {
		inputs.FinalSnapshotIdentifier = pulumi.String(args.Identifier + "-final")
	}
	instance, err := rds.NewInstance(ctx, name, inputs, pulumi.Parent(d), pulumi.DependsOn(append(logs, needs)))
	if err != nil {
		return nil, fmt.Errorf("creating instance of database %q: %w", name, err)
	}
	return instance, nil
}
