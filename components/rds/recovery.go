package rds

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
)

// events are the categories of an instance's events that somebody is told of,
// sorted as AWS returns them.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
var events = []string{
	"availability", "backup", "configuration change", "deletion", "failover", "failure", "low storage", "maintenance",
	"notification", "recovery", "restoration", "security patching",
}

// recover copies the automated backups of the current generation to the second
// region, under a key there: the one of the first region may be lost with it.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html
func (d *Database) recover(ctx *pulumi.Context, name, account string, args *Args, instance *rds.Instance) error {
	if args.Recovery == nil {
		none := pulumi.String("").ToStringOutput()
		d.ReplicatedBackupARN, d.RecoveryKeyARN = none, none
		return nil
	}
	there := []pulumi.ResourceOption{pulumi.Parent(d), pulumi.Provider(args.Recovery.Provider)}
	created, err := key.New(ctx, name+"-recovery-key", &key.Args{
		Account: account, Description: "Copied backups of database " + args.identifier(1),
	}, append(there, pulumi.RetainOnDelete(args.FinalSnapshot))...)
	if err != nil {
		return err
	}
	replication, err := rds.NewInstanceAutomatedBackupsReplication(ctx, numbered(name+"-recovery", args.Generation),
		&rds.InstanceAutomatedBackupsReplicationArgs{
			SourceDbInstanceArn: instance.Arn, KmsKeyId: created.Arn, RetentionPeriod: pulumi.Int(args.Recovery.RetentionDays),
		}, append(there,
			// An instance is replicated once: to stop the old replication is to stop both.
			// What it copied stays until its retention is over.
			// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StopDBInstanceAutomatedBackupsReplication.html
			pulumi.DeleteBeforeReplace(true))...)
	if err != nil {
		return fmt.Errorf("replicating backups of database %q: %w", name, err)
	}
	d.ReplicatedBackupARN, d.RecoveryKeyARN = replication.ID().ToStringOutput(), created.Arn
	return nil
}

func (d *Database) subscribe(ctx *pulumi.Context, name string, args *Args, instance *rds.Instance) error {
	if args.EventTopicARN == nil {
		return nil
	}
	if _, err := rds.NewEventSubscription(ctx, name+"-events", &rds.EventSubscriptionArgs{
		SnsTopic: args.EventTopicARN, SourceType: pulumi.String("db-instance"), SourceIds: pulumi.StringArray{instance.Identifier},
		EventCategories: pulumi.ToStringArray(events),
	}, pulumi.Parent(d)); err != nil {
		return fmt.Errorf("subscribing to the events of database %q: %w", name, err)
	}
	return nil
}
