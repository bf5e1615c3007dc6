// These tests do not prove that RDS accepts the combination of inputs, nor what
// it changes by itself.
package rds_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	callerIdentity = "aws:index/getCallerIdentity:getCallerIdentity"
	instanceType   = "aws:rds/instance:Instance"
	replication    = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
	subscription   = "aws:rds/eventSubscription:EventSubscription"
	urnPrefix      = "urn:pulumi:test::codeflow::codeflow:rds:Database$"
)

var creationOnly = []string{"dbName", "engineVersion", "kmsKeyId", "restoreToPointInTime", "snapshotIdentifier", "username"}

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			callerIdentity: func(resource.PropertyMap) (resource.PropertyMap, error) {
				return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			"aws:rds/parameterGroup:ParameterGroup": {"name": resource.NewProperty("db-parameters-1a2b3c4")},
			"aws:iam/role:Role":                     {"name": resource.NewProperty("db-monitoring-1a2b3c4")},
			instanceType: {
				"resourceId": resource.NewProperty("db-ABC"),
				"address":    resource.NewProperty("codeflow-prod.abc.eu-central-1.rds.amazonaws.com"),
				"endpoint":   resource.NewProperty("codeflow-prod.abc.eu-central-1.rds.amazonaws.com:5432"),
				"masterUserSecrets": resource.NewProperty([]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{
					"secretArn": resource.NewProperty("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1"),
				})}),
			},
		},
	}
}

func minimal() rds.Args {
	return rds.Args{
		Names: naming.Platform{Project: "codeflow", Environment: "prod"}, Class: "db.t4g.medium", DatabaseName: "codeflow", Username: "codeflow",
		SubnetGroupName: pulumi.String("database"), VpcID: pulumi.String("vpc-1"),
		ClientSecurityGroupID: pulumi.String("sg-client"),
	}
}

func program(args rds.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := rds.New(ctx, "db", &args, opts...)
		return err
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal()))

	assert.Equal(t, []string{
		"/codeflow:rds:Database db",
		"db/aws:cloudwatch/logGroup:LogGroup db-postgresql",
		"db/aws:cloudwatch/logGroup:LogGroup db-upgrade",
		"db/aws:ec2/securityGroup:SecurityGroup db-access",
		"db/aws:iam/role:Role db-monitoring",
		"db/aws:iam/rolePolicyAttachment:RolePolicyAttachment db-monitoring",
		"db/aws:kms/key:Key db-key",
		"db/aws:rds/instance:Instance db",
		"db/aws:rds/parameterGroup:ParameterGroup db-parameters",
		"db/aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule db-access",
	}, r.Children())

	const key = "arn:aws:kms:eu-central-1:123456789012:db-key"
	instance := r.Get(t, instanceType, "db")
	assert.Equal(t, map[string]any{
		"identifier": "codeflow-prod", "instanceClass": "db.t4g.medium", "engine": "postgres", "engineVersion": "17",
		"autoMinorVersionUpgrade": true, "parameterGroupName": "db-parameters-1a2b3c4",
		"dbName": "codeflow", "port": 5432.0, "multiAz": false,
		"dbSubnetGroupName": "database", "vpcSecurityGroupIds": []any{"db-access-id"}, "publiclyAccessible": false,
		"username": "codeflow", "manageMasterUserPassword": true, "masterUserSecretKmsKeyId": key,
		"iamDatabaseAuthenticationEnabled": true,
		"storageType":                      "gp3", "storageEncrypted": true, "kmsKeyId": key,
		"allocatedStorage": 20.0, "maxAllocatedStorage": 100.0,
		"backupRetentionPeriod": 7.0, "backupWindow": "03:00-03:30", "maintenanceWindow": "sun:04:00-sun:05:00",
		"copyTagsToSnapshot": true, "deleteAutomatedBackups": false, "deletionProtection": false, "skipFinalSnapshot": true,
		"performanceInsightsEnabled": true, "performanceInsightsKmsKeyId": key, "performanceInsightsRetentionPeriod": 7.0,
		"monitoringInterval": 60.0, "monitoringRoleArn": "arn:aws:iam:eu-central-1:123456789012:db-monitoring",
		"enabledCloudwatchLogsExports": []any{"postgresql", "upgrade"},
	}, instance.Inputs.Mappable(), "no password, and nothing that AWS fills in")
	assert.Equal(t, creationOnly, instance.RPC.GetIgnoreChanges(), "nothing that AWS or the operator changes later")
	for _, before := range []string{
		"aws:iam/rolePolicyAttachment:RolePolicyAttachment::db-monitoring",
		"aws:cloudwatch/logGroup:LogGroup::db-postgresql", "aws:cloudwatch/logGroup:LogGroup::db-upgrade",
	} {
		assert.Contains(t, instance.RPC.GetDependencies(), urnPrefix+before)
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal()))

	key := r.Get(t, "aws:kms/key:Key", "db-key")
	assert.Equal(t, true, key.In("enableKeyRotation"))
	assert.False(t, key.RPC.GetRetainOnDelete())
	assert.Equal(t, map[string]any{
		"family": "postgres17", "description": "Database codeflow-prod",
		"parameters": []any{map[string]any{"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"}},
	}, r.Get(t, "aws:rds/parameterGroup:ParameterGroup", "db-parameters").Inputs.Mappable())

	group := r.Get(t, "aws:ec2/securityGroup:SecurityGroup", "db-access").Inputs
	assert.ElementsMatch(t, []resource.PropertyKey{"description", "vpcId"}, slices.Collect(maps.Keys(group)), "no inline rules")
	assert.Equal(t, map[string]any{
		"securityGroupId": "db-access-id", "referencedSecurityGroupId": "sg-client",
		"ipProtocol": "tcp", "fromPort": 5432.0, "toPort": 5432.0, "description": "PostgreSQL from members of the client group",
	}, r.Get(t, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "db-access").Inputs.Mappable())

	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
		"Principal":{"Service":"monitoring.rds.amazonaws.com"},
		"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnLike":{"aws:SourceArn":"arn:*:rds:*:123456789012:db:*"}}}]}`,
		r.Get(t, "aws:iam/role:Role", "db-monitoring").In("assumeRolePolicy").(string))
	attachment := r.Get(t, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "db-monitoring")
	assert.Equal(t, map[string]any{
		"role": "db-monitoring-1a2b3c4", "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
	}, attachment.Inputs.Mappable())
	for _, log := range []string{"postgresql", "upgrade"} {
		assert.Equal(t, map[string]any{"name": "/aws/rds/instance/codeflow-prod/" + log, "retentionInDays": 30.0},
			r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "db-"+log).Inputs.Mappable())
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	args := minimal()
	args.EngineVersion, args.StorageGB, args.MaxStorageGB = "16", 100, 1000
	args.BackupRetentionDays, args.LogRetentionDays = 35, 90
	args.BackupWindow, args.MaintenanceWindow, args.LogKeyARN = "01:00-02:00", "mon:02:00-mon:03:00", pulumi.String("logs-key")
	args.MultiAZ, args.DeletionProtection, args.FinalSnapshot = true, true, true
	r := newRecorder()
	r.Both(t, program(args))

	instance := r.Get(t, instanceType, "db")
	for property, want := range map[string]any{
		"engineVersion": "16", "allocatedStorage": 100.0, "maxAllocatedStorage": 1000.0, "backupRetentionPeriod": 35.0,
		"backupWindow": "01:00-02:00", "maintenanceWindow": "mon:02:00-mon:03:00",
		"multiAz": true, "deletionProtection": true, "skipFinalSnapshot": false, "finalSnapshotIdentifier": "codeflow-prod-final-ccess-id",
	} {
		assert.Equal(t, want, instance.In(property), property)
	}
	assert.Equal(t, "postgres16", r.Get(t, "aws:rds/parameterGroup:ParameterGroup", "db-parameters").In("family"))
	assert.EqualValues(t, 90, r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "db-upgrade").In("retentionInDays"))
	assert.Equal(t, "logs-key", r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "db-upgrade").In("kmsKeyId"))
	assert.True(t, r.Get(t, "aws:kms/key:Key", "db-key").RPC.GetRetainOnDelete(), "the final snapshot needs the key")
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, func(ctx *pulumi.Context) error {
		args := minimal()
		d, err := rds.New(ctx, "db", &args)
		if err != nil {
			return err
		}
		ctx.Export("checked", pulumi.All(d.Address, d.Port, d.Endpoint, d.DatabaseName, d.MasterSecretARN,
			d.KeyARN, d.SecurityGroupID, d.InstanceID, d.InstanceARN, d.ResourceID, d.ReplicatedBackupARN, d.RecoveryKeyARN).ApplyT(func(all []any) string {
			assert.Equal(t, []any{
				"codeflow-prod.abc.eu-central-1.rds.amazonaws.com", 5432, "codeflow-prod.abc.eu-central-1.rds.amazonaws.com:5432",
				"codeflow", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1",
				"arn:aws:kms:eu-central-1:123456789012:db-key", "db-access-id", "codeflow-prod",
				"arn:aws:rds:eu-central-1:123456789012:db", "db-ABC", "", "",
			}, all)
			return ""
		}))
		return nil
	})
}

func TestNoMasterSecret(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	delete(r.Outputs[instanceType], "masterUserSecrets")
	assert.ErrorContains(t, r.Run(false, program(minimal())), "no managed master secret")
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	bad := func(change func(*rds.Args)) rds.Args {
		args := minimal()
		change(&args)
		return args
	}
	for want, args := range map[string]rds.Args{
		`instance class must be db.<family>.<size>, got ""`: {},
		`"Codeflow" must be lower-case`:                     bad(func(a *rds.Args) { a.Names.Project = "Codeflow" }),
		`identifier must be up to 63 lower-case letters`: bad(func(a *rds.Args) {
			a.Names.Project, a.Generation = strings.Repeat("a", 58), 2
		}),
		`engine version must be one of the major versions`:                  bad(func(a *rds.Args) { a.EngineVersion = "17.4" }),
		`maximum storage must be at least 10% above`:                        bad(func(a *rds.Args) { a.MaxStorageGB = 20 }),
		`backup retention must be 1 to 35 days, got 36`:                     bad(func(a *rds.Args) { a.BackupRetentionDays = 36 }),
		`database name must be up to 63 letters`:                            bad(func(a *rds.Args) { a.DatabaseName = "code-flow" }),
		`user name must be up to 63 letters`:                                bad(func(a *rds.Args) { a.Username = "" }),
		`user name must not be one of [admin rdsadmin], which RDS reserves`: bad(func(a *rds.Args) { a.Username = "admin" }),
		`SubnetGroupName, VpcID and ClientSecurityGroupID are required`:     bad(func(a *rds.Args) { a.VpcID = nil }),
		`log retention must be one of CloudWatch's`:                         bad(func(a *rds.Args) { a.LogRetentionDays = -1 }),
		`generation must be 1 or more, got -1`:                              bad(func(a *rds.Args) { a.Generation = -1 }),
		`retired must be from 0 to less than`:                               bad(func(a *rds.Args) { a.Retired = 1 }),
		`backup window must be hh:mm-hh:mm`:                                 bad(func(a *rds.Args) { a.BackupWindow = "3-4" }),
		`restoreFrom must have one of`:                                      bad(func(a *rds.Args) { a.RestoreFrom = &rds.RestoreFrom{} }),
		`Recovery.Provider is required`:                                     bad(func(a *rds.Args) { a.Recovery = &rds.Recovery{} }),
		`in the second region: backup retention must`:                       bad(func(a *rds.Args) { a.Recovery = &rds.Recovery{RetentionDays: 36} }),
		`KeyARN is required to restore a replicated`:                        bad(func(a *rds.Args) { a.RestoreFrom = &rds.RestoreFrom{ReplicatedBackup: replicated} }),
		"user name must be up to 63 letters, digits and underscores, starting with a letter, got \"\"\n" +
			"storage must be 20 to 65536 GiB, got 1": bad(func(a *rds.Args) { a.Username, a.StorageGB = "", 1 }),
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
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			args := minimal()
			args.Generation, args.RestoreFrom = 2, &rds.RestoreFrom{PointInTime: rds.Latest}
			return withAll(args, opts...)(ctx)
		}
	})
	r := newRecorder()
	delete(r.Calls, callerIdentity)
	assert.ErrorContains(t, r.Run(true, program(minimal())), `reading the account of database "db"`)
}
