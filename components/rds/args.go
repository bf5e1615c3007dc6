package rds

import (
	"cmp"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
)

// Args configures a [Database].
type Args struct {
	// Identifier is the name of the instance. Required; a change renames the
	// instance in place and replaces its log groups.
	Identifier string
	// SubnetGroupName is the RDS subnet group, with subnets in at least two
	// zones. Required; a change moves the instance.
	SubnetGroupName pulumi.StringInput
	// VpcID is the VPC of those subnets. Required; a change replaces the
	// security group.
	VpcID pulumi.StringInput
	// ClientSecurityGroupID is the group whose members may connect. Required;
	// updates in place.
	ClientSecurityGroupID pulumi.StringInput
	// Class of the instance, for example "db.t4g.medium". Required; updates in
	// place, in the maintenance window.
	Class string
	// EngineVersion is PostgreSQL's major version; RDS chooses and raises the
	// minor one. Default "17". RDS refuses a change: a major upgrade needs a plan
	// of its own.
	EngineVersion string
	// StorageGB is the storage at creation, 20 to 65536 GiB. Default 20. A higher
	// value grows it in place; storage never shrinks.
	StorageGB int
	// MaxStorageGB is what storage autoscaling may grow to, in GiB, at least 10 %
	// above StorageGB. Default five times StorageGB. Updates in place.
	MaxStorageGB int
	// BackupRetentionDays is how far point-in-time recovery reaches back, 1 to 35
	// days. Default 7. Updates in place.
	BackupRetentionDays int
	// LogRetentionDays is how long the exported logs are kept, in days, a value
	// that CloudWatch has. Default 30. Updates in place.
	LogRetentionDays int
	// MultiAZ keeps a standby in a second zone. Default false. Updates in place.
	MultiAZ bool
	// DeletionProtection refuses to delete the instance. Default false. Updates
	// in place.
	DeletionProtection bool
	// FinalSnapshot takes a snapshot when the instance is deleted, and keeps the
	// key that the snapshot needs. Default false. Updates in place.
	FinalSnapshot bool
	// DatabaseName is the database made at creation. Required; a change replaces
	// the instance and its data.
	DatabaseName string
	// Username of the master user. Required; a change replaces the instance and
	// its data.
	Username string
}

func (a *Args) setDefaults() {
	a.EngineVersion = cmp.Or(a.EngineVersion, "17")
	a.StorageGB = cmp.Or(a.StorageGB, minStorage)
	a.MaxStorageGB = cmp.Or(a.MaxStorageGB, min(5*a.StorageGB, maxStorage))
	a.BackupRetentionDays = cmp.Or(a.BackupRetentionDays, 7)
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, 30)
}

func (a *Args) validate() error {
	a.setDefaults()
	errs := []error{
		checkIdentifier(a.Identifier), CheckClass(a.Class), CheckEngineVersion(a.EngineVersion),
		CheckBackupRetention(a.BackupRetentionDays), checkName("database name", a.DatabaseName), checkUser(a.Username),
	}
	errs = append(errs, CheckStorage(a.StorageGB, a.MaxStorageGB)...)
	if a.SubnetGroupName == nil || a.VpcID == nil || a.ClientSecurityGroupID == nil {
		errs = append(errs, errors.New("SubnetGroupName, VpcID and ClientSecurityGroupID are required: give the outputs of a VPC"))
	}
	if err := logretention.Check(a.LogRetentionDays); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
