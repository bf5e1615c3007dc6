package accesslogs

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// infrequentDays is the age in days at which logs move to STANDARD_IA, the
	// earliest that S3 allows; infrequentMinDays is the least that S3 charges for
	// there, so shorter retentions do not move.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
	infrequentDays    = 30
	infrequentMinDays = 30
	// abortDays is how long an unfinished upload is kept, in days.
	abortDays = 7
)

// Args configures a [Bucket].
type Args struct {
	// RetentionDays is how long a log is kept, in days. Default 90. Updates in
	// place.
	RetentionDays int
	// ForceDestroy lets destroy remove a bucket that still holds logs. Default
	// false. Updates in place.
	ForceDestroy bool
}

func (a *Args) validate() error {
	if a.RetentionDays == 0 {
		a.RetentionDays = 90
	}
	if a.RetentionDays < 1 {
		return fmt.Errorf("RetentionDays must be at least 1 day, got %d: leave it out for the default of 90", a.RetentionDays)
	}
	return nil
}

// lifecycle is the one rule of the bucket, for every object in it.
func lifecycle(retentionDays int) *s3.BucketLifecycleConfigurationV2RuleArgs {
	rule := &s3.BucketLifecycleConfigurationV2RuleArgs{
		Id: pulumi.String("expire"), Status: pulumi.String("Enabled"),
		Filter:     &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
		Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(retentionDays)},
		// Of what is deleted by hand, or expired.
		NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
			NoncurrentDays: pulumi.Int(abortDays),
		},
		AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
			DaysAfterInitiation: pulumi.Int(abortDays),
		},
	}
	if retentionDays > infrequentDays+infrequentMinDays {
		rule.Transitions = s3.BucketLifecycleConfigurationV2RuleTransitionArray{
			&s3.BucketLifecycleConfigurationV2RuleTransitionArgs{
				Days: pulumi.Int(infrequentDays), StorageClass: pulumi.String("STANDARD_IA"),
			},
		}
	}
	return rule
}
