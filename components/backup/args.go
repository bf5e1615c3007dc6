package backup

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
)

// Args configures a [Plan].
type Args struct {
	// Names of the platform; the restore test is named after the database.
	// Required; a change replaces the test.
	Names naming.Platform
	// DatabaseARN is the instance that is backed up, of the current generation.
	// Required; a change replaces the selection, and what is kept stays.
	DatabaseARN pulumi.StringInput
	// SubnetGroupName and SecurityGroupID are where a test restores to. Required;
	// in place.
	SubnetGroupName, SecurityGroupID pulumi.StringInput
	// TestClass is the instance class of the restored database. Default
	// "db.t4g.medium". In place.
	TestClass string
	// DailyDays is how long the daily snapshots are kept, MonthlyDays the monthly
	// ones. Default 35 and 365. A change replaces the locks and is for new
	// snapshots.
	DailyDays, MonthlyDays int
	// Recovery is the provider of the second region, which the monthly snapshots
	// are copied to. Optional.
	Recovery pulumi.ProviderResource
	// TopicARN is the SNS topic that is told of failed copies and of each restore
	// that ended. Its policy and that of its key must admit backup.amazonaws.com.
	// Optional; in place.
	TopicARN pulumi.StringInput
	// ForceDestroy deletes the recovery points with the vaults, which otherwise
	// refuse to go. Default false. In place.
	ForceDestroy bool
}

// maxDays is the longest retention in AWS Backup, a hundred years.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html
const maxDays = 36500

func (a *Args) validate() error {
	a.TestClass = cmp.Or(a.TestClass, "db.t4g.medium")
	a.DailyDays, a.MonthlyDays = cmp.Or(a.DailyDays, 35), cmp.Or(a.MonthlyDays, 365)
	errs := append(a.Names.Check(), rds.CheckClass(a.TestClass))
	if a.DatabaseARN == nil || a.SubnetGroupName == nil || a.SecurityGroupID == nil {
		errs = append(errs, errors.New("DatabaseARN, SubnetGroupName and SecurityGroupID are required: give the outputs of a database and its VPC"))
	}
	if a.DailyDays < 1 || a.MonthlyDays < a.DailyDays || a.MonthlyDays > maxDays {
		errs = append(errs, fmt.Errorf("DailyDays and MonthlyDays must be from 1 to %d, and the monthly snapshots kept as long as the daily ones, got %d and %d",
			maxDays, a.DailyDays, a.MonthlyDays))
	}
	return errors.Join(errs...)
}
