package audit

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// maxLockDays is the longest default retention of Object Lock, in days.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html
const maxLockDays = 36500

// Args configures a [Trail].
type Args struct {
	// Names of the platform, for the trail's name. Required; a change replaces the
	// trail.
	Names naming.Platform
	// LogBucketName is a bucket of components/accesslogs, which is told who reads the
	// files. Required; updates in place.
	LogBucketName pulumi.StringInput
	// LockDays is how long nobody deletes a file, in days. Default 30. Updates in
	// place, for new files.
	LockDays int
	// RetentionDays is how long a file is kept, in days, at least LockDays. Default
	// 365. Updates in place.
	RetentionDays int
	// DataBucketARNs are buckets whose writes and deletes of objects are recorded.
	// They cost by the event. The buckets that logs are written to do not belong
	// here: each log file would be an event. Optional; updates in place.
	DataBucketARNs []pulumi.StringInput
	// LogRetentionDays is how long the trail's log group is kept, in days, a value that
	// CloudWatch has. Default 30. Updates in place.
	LogRetentionDays int
	// LogKeyARN encrypts the log group; its policy must have [key.Logs]. Default:
	// CloudWatch's own key. Updates in place.
	LogKeyARN pulumi.StringInput
	// ForceDestroy lets destroy remove a bucket with files, locked ones too. Default
	// false. Updates in place.
	ForceDestroy bool
}

func (a *Args) validate() error {
	if a.LockDays == 0 {
		a.LockDays = 30
	}
	if a.RetentionDays == 0 {
		a.RetentionDays = 365
	}
	if a.LogRetentionDays == 0 {
		a.LogRetentionDays = 30
	}
	errs := append(a.Names.Check(), logretention.Check(a.LogRetentionDays))
	if a.LogBucketName == nil {
		errs = append(errs, errors.New("LogBucketName is required: give that of components/accesslogs"))
	}
	if a.LockDays < 1 || a.LockDays > maxLockDays {
		errs = append(errs, fmt.Errorf("LockDays must be 1 to %d, got %d", maxLockDays, a.LockDays))
	}
	if a.RetentionDays < a.LockDays {
		errs = append(errs, fmt.Errorf("RetentionDays must not be less than LockDays, %d, got %d: a locked file cannot expire", a.LockDays, a.RetentionDays))
	}
	return errors.Join(errs...)
}
