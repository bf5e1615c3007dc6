package rds

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
)

// Type is the component's type token.
const Type = "codeflow:rds:Database"

const (
	port = 5432
	// insightsDays is the retention of Performance Insights that costs nothing.
	insightsDays = 7
	// monitoringSeconds is the interval of enhanced monitoring.
	monitoringSeconds = 60
)

// Database is a PostgreSQL instance with what belongs to it alone. The outputs
// are those of the current generation.
type Database struct {
	pulumi.ResourceState

	Address             pulumi.StringOutput // host name
	Port                pulumi.IntOutput
	Endpoint            pulumi.StringOutput // address:port
	DatabaseName        pulumi.StringOutput
	MasterSecretARN     pulumi.StringOutput // Secrets Manager: {"username": …, "password": …}
	KeyARN              pulumi.StringOutput // encrypts storage, secret and insights
	SecurityGroupID     pulumi.StringOutput
	InstanceID          pulumi.StringOutput // identifier, the dimension of its metrics
	InstanceARN         pulumi.StringOutput
	ResourceID          pulumi.StringOutput // db-…, in the ARN of rds-db:connect
	ReplicatedBackupARN pulumi.StringOutput // in the second region; empty without Recovery
	RecoveryKeyARN      pulumi.StringOutput // the key of it
	// Generations are those that are not retired, the current one last.
	Generations []Generation
}

// Generation is an instance of a [Database].
type Generation struct {
	Number     int
	InstanceID pulumi.StringOutput // known when the instance is there
}

// New registers a database named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Database, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("database %q: %w", name, err)
	}
	d := &Database{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"identifier": pulumi.String(args.identifier(args.Generation)), "engineVersion": pulumi.String(args.EngineVersion),
	}, d, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(d))
	if err != nil {
		return nil, fmt.Errorf("reading the account of database %q: %w", name, err)
	}
	s, err := d.shared(ctx, name, identity.AccountId, args)
	if err != nil {
		return nil, err
	}
	instance, err := d.generations(ctx, name, args, s)
	if err != nil {
		return nil, err
	}
	if err := d.recover(ctx, name, identity.AccountId, args, instance); err != nil {
		return nil, err
	}
	if err := d.subscribe(ctx, name, args, instance); err != nil {
		return nil, err
	}

	d.Address, d.Port, d.Endpoint = instance.Address, instance.Port, instance.Endpoint
	d.DatabaseName = pulumi.String(args.DatabaseName).ToStringOutput()
	d.InstanceID, d.InstanceARN, d.ResourceID = instance.Identifier, instance.Arn, instance.ResourceId
	d.KeyARN, d.MasterSecretARN = s.key.ToStringOutput(), masterSecret(instance)
	if err := ctx.RegisterResourceOutputs(d, pulumi.Map{
		"address": d.Address, "port": d.Port, "endpoint": d.Endpoint, "databaseName": d.DatabaseName,
		"masterSecretArn": d.MasterSecretARN, "keyArn": d.KeyARN, "securityGroupId": d.SecurityGroupID,
		"instanceId": d.InstanceID, "instanceArn": d.InstanceARN, "resourceId": d.ResourceID,
		"replicatedBackupArn": d.ReplicatedBackupARN, "recoveryKeyArn": d.RecoveryKeyARN,
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

// shared registers what all generations use.
func (d *Database) shared(ctx *pulumi.Context, name, account string, args *Args) (*shared, error) {
	s := &shared{key: args.KeyARN}
	if s.key == nil {
		created, err := key.New(ctx, name+"-key", &key.Args{Account: account, Description: "Database " + args.identifier(1)},
			pulumi.Parent(d), pulumi.RetainOnDelete(args.FinalSnapshot))
		if err != nil {
			return nil, err
		}
		s.key = created.Arn
	}
	var err error
	if s.group, err = d.securityGroup(ctx, name, args); err != nil {
		return nil, err
	}
	s.role, s.roleCan, err = d.monitoringRole(ctx, name, account)
	return s, err
}
