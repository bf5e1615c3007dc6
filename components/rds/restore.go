package rds

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Latest is the latest time that a point-in-time restore can reach, within five
// minutes of now.
const Latest = "latest"

// RestoreFrom is the backup that a generation is made from. Exactly one of
// Snapshot, PointInTime and ReplicatedBackup is given.
type RestoreFrom struct {
	// Snapshot is the identifier or the ARN of a snapshot: an automated, a manual
	// or a final one, or a recovery point of AWS Backup.
	Snapshot string `json:"snapshot"`
	// PointInTime is a UTC time such as "2026-03-01T12:00:00Z", or [Latest].
	PointInTime string `json:"pointInTime"`
	// Source is the identifier of the instance of PointInTime. Default: the
	// generation before.
	Source string `json:"source"`
	// ReplicatedBackup is the ARN of the automated backup of another region's
	// instance that is kept in this one. Its latest state is restored.
	ReplicatedBackup string `json:"replicatedBackup"`
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
var (
	snapshot  = regexp.MustCompile(`^(arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:snapshot:)?[A-Za-z][A-Za-z0-9:-]{0,254}$`)
	automated = regexp.MustCompile(`^arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:auto-backup:ab-[a-z0-9]+$`)
)

// Check returns an error for each thing that a generation cannot be made from.
func (f *RestoreFrom) Check(generation int) []error {
	if f == nil {
		return nil
	}
	var errs []error
	given := 0
	for _, value := range []string{f.Snapshot, f.PointInTime, f.ReplicatedBackup} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		errs = append(errs, fmt.Errorf("restoreFrom must have one of snapshot, pointInTime and replicatedBackup, got %d of them", given))
	}
	if f.Snapshot != "" && !snapshot.MatchString(f.Snapshot) {
		errs = append(errs, fmt.Errorf("restoreFrom.snapshot must be the identifier or the ARN of a snapshot, got %q", f.Snapshot))
	}
	if f.PointInTime != "" && f.PointInTime != Latest && !isUTC(f.PointInTime) {
		errs = append(errs, fmt.Errorf("restoreFrom.pointInTime must be %q or a UTC time such as %q, got %q", Latest, "2026-03-01T12:00:00Z", f.PointInTime))
	}
	if f.Source != "" {
		if f.PointInTime == "" {
			errs = append(errs, errors.New("restoreFrom.source must be left out without pointInTime"))
		}
		errs = append(errs, checkIdentifier(f.Source))
	} else if f.PointInTime != "" && generation == 1 {
		errs = append(errs, errors.New("restoreFrom.source is required for generation 1, which has none before it: "+
			"name the instance, or raise the generation if the database exists"))
	}
	if f.ReplicatedBackup != "" && !automated.MatchString(f.ReplicatedBackup) {
		errs = append(errs, fmt.Errorf("restoreFrom.replicatedBackup must be the ARN of an automated backup (…:auto-backup:ab-…), got %q", f.ReplicatedBackup))
	}
	return errs
}

func isUTC(value string) bool {
	t, err := time.Parse(time.RFC3339, value)
	return err == nil && t.Location() == time.UTC
}

// apply says in the inputs of an instance what it is restored from.
func (f *RestoreFrom) apply(inputs *rds.InstanceArgs, before string) {
	point := &rds.InstanceRestoreToPointInTimeArgs{}
	switch {
	case f.Snapshot != "":
		inputs.SnapshotIdentifier = pulumi.String(f.Snapshot)
		return
	case f.ReplicatedBackup != "":
		point.SourceDbInstanceAutomatedBackupsArn = pulumi.String(f.ReplicatedBackup)
	case f.Source != "":
		point.SourceDbInstanceIdentifier = pulumi.String(f.Source)
	default:
		point.SourceDbInstanceIdentifier = pulumi.String(before)
	}
	if f.ReplicatedBackup != "" || f.PointInTime == Latest {
		point.UseLatestRestorableTime = pulumi.Bool(true)
	} else {
		point.RestoreTime = pulumi.String(f.PointInTime)
	}
	inputs.RestoreToPointInTime = point
}
