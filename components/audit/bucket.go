package audit

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// newBucket registers a bucket with Object Lock and returns its policy, the last
// thing that the trail needs. The settings follow each other, since S3 refuses
// concurrent ones with OperationAborted.
func newBucket(ctx *pulumi.Context, name string, args *Args, from *trailSource, child pulumi.ResourceOption) (*s3.BucketPolicy, error) {
	created, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{
		ObjectLockEnabled: pulumi.Bool(true), ForceDestroy: pulumi.Bool(args.ForceDestroy),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("creating bucket %q: %w", name, err)
	}
	versioning, err := s3.NewBucketVersioningV2(ctx, name+"-versions", &s3.BucketVersioningV2Args{
		Bucket: created.Bucket,
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{
			Status: pulumi.String("Enabled"), // as Object Lock demands
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("creating versioning of bucket %q: %w", name, err)
	}
	lock, err := s3.NewBucketObjectLockConfigurationV2(ctx, name+"-lock", &s3.BucketObjectLockConfigurationV2Args{
		Bucket: created.Bucket,
		Rule: &s3.BucketObjectLockConfigurationV2RuleArgs{
			DefaultRetention: &s3.BucketObjectLockConfigurationV2RuleDefaultRetentionArgs{
				Mode: pulumi.String("GOVERNANCE"), Days: pulumi.Int(args.LockDays),
			},
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{versioning}))
	if err != nil {
		return nil, fmt.Errorf("creating object lock of bucket %q: %w", name, err)
	}
	lifecycle, err := s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: created.Bucket, Rules: s3.BucketLifecycleConfigurationV2RuleArray{lifecycle(args.RetentionDays)},
	}, child, pulumi.DependsOn([]pulumi.Resource{lock}))
	if err != nil {
		return nil, fmt.Errorf("creating lifecycle of bucket %q: %w", name, err)
	}
	block, err := s3.NewBucketPublicAccessBlock(ctx, name+"-public", &s3.BucketPublicAccessBlockArgs{
		Bucket:          created.Bucket,
		BlockPublicAcls: pulumi.Bool(true), IgnorePublicAcls: pulumi.Bool(true),
		BlockPublicPolicy: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, child, pulumi.DependsOn([]pulumi.Resource{lifecycle}))
	if err != nil {
		return nil, fmt.Errorf("creating public access block of bucket %q: %w", name, err)
	}
	ownership, err := s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: created.Bucket,
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, child, pulumi.DependsOn([]pulumi.Resource{block}))
	if err != nil {
		return nil, fmt.Errorf("creating ownership controls of bucket %q: %w", name, err)
	}
	access, err := s3.NewBucketPolicy(ctx, name+"-policy", &s3.BucketPolicyArgs{
		Bucket: created.Bucket, Policy: policy.Document(from.bucketStatements(created.Arn)...),
	}, child, pulumi.DependsOn([]pulumi.Resource{ownership}))
	if err != nil {
		return nil, fmt.Errorf("creating policy of bucket %q: %w", name, err)
	}
	return access, logAndEncrypt(ctx, name, created, args, child, pulumi.DependsOn([]pulumi.Resource{access}))
}

// logAndEncrypt tells who reads the files, and encrypts those that come without a
// key of their own: the trail's have one.
func logAndEncrypt(ctx *pulumi.Context, name string, bucket *s3.BucketV2, args *Args, opts ...pulumi.ResourceOption) error {
	if _, err := s3.NewBucketLoggingV2(ctx, name+"-log", &s3.BucketLoggingV2Args{
		Bucket: bucket.Bucket, TargetBucket: args.LogBucketName, TargetPrefix: pulumi.String("s3/" + name + "/"),
	}, opts...); err != nil {
		return fmt.Errorf("creating the log of bucket %q: %w", name, err)
	}
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name+"-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: bucket.Bucket,
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					ApplyServerSideEncryptionByDefault: &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
						SseAlgorithm: pulumi.String("AES256"),
					},
				},
			},
		}, opts...); err != nil {
		return fmt.Errorf("creating encryption of bucket %q: %w", name, err)
	}
	return nil
}

// lifecycle ends a file after the retention: an expired one becomes an old version
// first, which is gone a day later.
func lifecycle(days int) *s3.BucketLifecycleConfigurationV2RuleArgs {
	return &s3.BucketLifecycleConfigurationV2RuleArgs{
		Id: pulumi.String("expire"), Status: pulumi.String("Enabled"),
		Filter:     &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
		Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(days)},
		NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
			NoncurrentDays: pulumi.Int(1),
		},
		AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
			DaysAfterInitiation: pulumi.Int(7),
		},
	}
}

// bucketStatements are the bucket's policy.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
func (s *trailSource) bucketStatements(arn pulumi.StringOutput) []policy.Statement {
	return []policy.Statement{
		policy.TLSOnly(arn),
		s.admit("AclCheck", "s3:GetBucketAcl", arn, nil),
		s.admit("Write", "s3:PutObject", pulumi.Sprintf("%s/AWSLogs/%s/*", arn, s.account), map[string]map[string]any{
			"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"},
		}),
	}
}
