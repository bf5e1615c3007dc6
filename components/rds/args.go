package rds

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// Args configures a [Database].
type Args struct {
	// Names gives the identifier of each generation. Required; a change renames
	// the instances in place and replaces their log groups.
	Names naming.Platform
	// Generation counts the restores, from 1. Default 1. A higher one makes a new
	// instance from RestoreFrom beside those before, which stay as they are. Raise
	// it by one.
	Generation int
	// RestoreFrom is what the generation is made from. Required for a generation
	// above 1 until it exists; afterwards it is ignored and can be left out.
	RestoreFrom *RestoreFrom
	// Unprotected is the last generation that has lost its deletion protection,
	// which must go before Retired reaches it. Default 0: none. In place.
	Unprotected int
	// Retired is the last generation that is gone. Default 0: all are kept. Raising
	// it deletes instances, with a final snapshot when they have FinalSnapshot.
	Retired int
	// SubnetGroupName is the RDS subnet group, with subnets in at least two
	// zones. Required; a change moves the instance.
	SubnetGroupName pulumi.StringInput
	// VpcID is the VPC of those subnets. Required; a change replaces the
	// security group.
	VpcID pulumi.StringInput
	// ClientSecurityGroupID is the group whose members may connect. Required;
	// updates in place.
	ClientSecurityGroupID pulumi.StringInput
	// Class of the instance, for example "db.t4g.medium", one that [Figures]
	// knows. Required; updates in place, in the maintenance window.
	Class string
	// EngineVersion is PostgreSQL's major version; RDS chooses and raises the
	// minor one. Default "17". A generation keeps the version that it began with, a
	// restored one that of its backup, and RDS refuses a change: a major upgrade is
	// a new generation (docs/database.md).
	EngineVersion string
	// StorageGB is the storage at creation, 20 to 65536 GiB. Default 20. A higher
	// value grows it in place; storage never shrinks. A restore has the storage of
	// its backup.
	StorageGB int
	// MaxStorageGB is what storage autoscaling may grow to, in GiB, at least 10 %
	// above StorageGB and above the storage of a backup that is restored. Default
	// five times StorageGB. Updates in place.
	MaxStorageGB int
	// BackupRetentionDays is how far point-in-time recovery reaches back, 1 to 35
	// days. Default 7. Updates in place.
	BackupRetentionDays int
	// BackupWindow is when RDS takes the daily backup, in UTC, at least 30 minutes
	// that the maintenance window does not overlap. Default "03:00-03:30". In place.
	BackupWindow string
	// MaintenanceWindow is when RDS may interrupt the database, for minor upgrades
	// and what waits for it, in UTC. Default "sun:04:00-sun:05:00". In place.
	MaintenanceWindow string
	// LogRetentionDays is how long the exported logs are kept, in days, a value
	// that CloudWatch has. Default 30. Updates in place.
	LogRetentionDays int
	// LogKeyARN encrypts the exported logs; its policy must have [key.Logs].
	// Default: CloudWatch's own key. Updates in place.
	LogKeyARN pulumi.StringInput
	// KeyARN is a key of another owner that encrypts all but the logs, the one of
	// the backup when RestoreFrom is a replicated backup. Default: a key of the
	// database's own. A change is ignored by instances that exist.
	KeyARN pulumi.StringInput
	// MultiAZ keeps a standby in a second zone. Default false. Updates in place.
	MultiAZ bool
	// DeletionProtection refuses to delete the instance. Default false. Updates
	// in place.
	DeletionProtection bool
	// FinalSnapshot takes a snapshot when the instance is deleted, and keeps the
	// keys that its backups need. Default false. Updates in place.
	FinalSnapshot bool
	// DatabaseName is the database made at creation. Required; a change is ignored.
	DatabaseName string
	// Username of the master user. Required; a change is ignored.
	Username string
	// Recovery copies the automated backups to a second region. Optional.
	Recovery *Recovery
	// EventTopicARN is the SNS topic that is told what happens to the instance. Its
	// policy and that of its key must admit events.rds.amazonaws.com. Optional;
	// updates in place.
	EventTopicARN pulumi.StringInput
}

// Recovery is where the automated backups are copied to.
type Recovery struct {
	// Provider of the second region. Required.
	Provider pulumi.ProviderResource
	// RetentionDays is how long the copies are kept, 1 to 35 days. Default
	// BackupRetentionDays. A change replaces the replication.
	RetentionDays int
}

func (a *Args) setDefaults() {
	a.Generation = cmp.Or(a.Generation, 1)
	a.EngineVersion = cmp.Or(a.EngineVersion, "17")
	a.StorageGB = cmp.Or(a.StorageGB, minStorage)
	a.MaxStorageGB = cmp.Or(a.MaxStorageGB, min(5*a.StorageGB, maxStorage))
	a.BackupRetentionDays = cmp.Or(a.BackupRetentionDays, 7)
	a.BackupWindow = cmp.Or(a.BackupWindow, "03:00-03:30")
	a.MaintenanceWindow = cmp.Or(a.MaintenanceWindow, "sun:04:00-sun:05:00")
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, 30)
	if a.Recovery != nil {
		recovery := *a.Recovery
		recovery.RetentionDays = cmp.Or(recovery.RetentionDays, a.BackupRetentionDays)
		a.Recovery = &recovery
	}
}

func (a *Args) validate() error {
	a.setDefaults()
	errs := append(a.Names.Check(), CheckGenerations(a.Generation, a.Unprotected, a.Retired)...)
	errs = append(errs, a.RestoreFrom.Check(a.Generation)...)
	errs = append(errs, checkIdentifier(a.identifier(a.Generation)), CheckClass(a.Class), CheckEngineVersion(a.EngineVersion),
		CheckBackupRetention(a.BackupRetentionDays), checkName("database name", a.DatabaseName), checkUser(a.Username))
	errs = append(errs, CheckStorage(a.StorageGB, a.MaxStorageGB)...)
	errs = append(errs, CheckWindows(a.BackupWindow, a.MaintenanceWindow)...)
	if a.SubnetGroupName == nil || a.VpcID == nil || a.ClientSecurityGroupID == nil {
		errs = append(errs, errors.New("SubnetGroupName, VpcID and ClientSecurityGroupID are required: give the outputs of a VPC"))
	}
	if a.RestoreFrom != nil && a.RestoreFrom.ReplicatedBackup != "" && a.KeyARN == nil {
		errs = append(errs, errors.New("KeyARN is required to restore a replicated backup: give the key that encrypts the backup"))
	}
	if a.Recovery != nil {
		if a.Recovery.Provider == nil {
			errs = append(errs, errors.New("Recovery.Provider is required: give the provider of the second region"))
		}
		if err := CheckBackupRetention(a.Recovery.RetentionDays); err != nil {
			errs = append(errs, fmt.Errorf("in the second region: %w", err))
		}
	}
	if err := logretention.Check(a.LogRetentionDays); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *Args) identifier(generation int) string { return a.Names.DatabaseGeneration(generation) }
