package cdn

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudfront"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

const (
	// noncurrentDays is how long a replaced or deleted asset can be restored.
	noncurrentDays = 30
	// uploadDays is how long the parts of an unfinished upload are kept.
	uploadDays = 7
)

// newBucket creates the private bucket of the assets, and its replica, whose name is
// empty when there is none.
func newBucket(ctx *pulumi.Context, name string, args *Args, child pulumi.ResourceOption) (*s3.BucketV2, pulumi.StringOutput, error) {
	none := pulumi.String("").ToStringOutput()
	bucket, versioning, err := newPrivate(ctx, name+"-assets", args.ForceDestroy, child)
	if err != nil {
		return nil, none, err
	}
	if _, err := s3.NewBucketLoggingV2(ctx, name+"-assets-log", &s3.BucketLoggingV2Args{
		Bucket:       bucket.Bucket,
		TargetBucket: args.LogBucketName,
		TargetPrefix: pulumi.String("s3/" + name + "/"),
	}, child); err != nil {
		return nil, none, err
	}
	if args.Replica == nil {
		return bucket, none, nil
	}
	replica, err := replicate(ctx, name, args, bucket, versioning, child)
	if err != nil {
		return nil, none, err
	}
	return bucket, replica.Bucket, nil
}

// newPrivate creates a bucket that nobody reads whom its policy does not admit.
func newPrivate(
	ctx *pulumi.Context, name string, forceDestroy bool, opts ...pulumi.ResourceOption,
) (*s3.BucketV2, *s3.BucketVersioningV2, error) {
	bucket, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{ForceDestroy: pulumi.Bool(forceDestroy)}, opts...)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s3.NewBucketPublicAccessBlock(ctx, name+"-private", &s3.BucketPublicAccessBlockArgs{
		Bucket:                bucket.Bucket,
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	}, opts...); err != nil {
		return nil, nil, err
	}
	if _, err := s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.Bucket,
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, opts...); err != nil {
		return nil, nil, err
	}
	// S3's own key, not KMS: the assets are published anyway, and a KMS key would
	// have to admit CloudFront and charge for requests to keep them from nobody.
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
		return nil, nil, err
	}
	versioning, err := keepVersions(ctx, name, bucket, opts...)
	return bucket, versioning, err
}

// keepVersions keeps what is overwritten or deleted for a while.
func keepVersions(
	ctx *pulumi.Context, name string, bucket *s3.BucketV2, opts ...pulumi.ResourceOption,
) (*s3.BucketVersioningV2, error) {
	versioning, err := s3.NewBucketVersioningV2(ctx, name+"-versioning", &s3.BucketVersioningV2Args{
		Bucket: bucket.Bucket,
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{
			Status: pulumi.String("Enabled"),
		},
	}, opts...)
	if err != nil {
		return nil, err
	}
	// The rule is about versions, so it comes after the versioning.
	_, err = s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.Bucket,
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:     pulumi.String("expire-noncurrent"),
			Status: pulumi.String("Enabled"),
			Filter: &s3.BucketLifecycleConfigurationV2RuleFilterArgs{}, // every object
			NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
				NoncurrentDays: pulumi.Int(noncurrentDays),
			},
			AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
				DaysAfterInitiation: pulumi.Int(uploadDays),
			},
		}},
	}, append([]pulumi.ResourceOption{pulumi.DependsOn([]pulumi.Resource{versioning})}, opts...)...)
	return versioning, err
}

// admit lets the distribution alone read the assets, and nobody without TLS.
func admit(
	ctx *pulumi.Context, name string, bucket *s3.BucketV2,
	distribution *cloudfront.Distribution, child pulumi.ResourceOption,
) error {
	objects := pulumi.Sprintf("%s/*", bucket.Arn)
	_, err := s3.NewBucketPolicy(ctx, name+"-assets-policy", &s3.BucketPolicyArgs{
		Bucket: bucket.Bucket,
		Policy: policy.Document(
			policy.TLSOnly(bucket.Arn),
			policy.Statement{
				Sid: "Distribution", Actions: []string{"s3:GetObject"},
				Principals: map[string]any{"Service": "cloudfront.amazonaws.com"},
				Resources:  []any{objects},
				Conditions: map[string]map[string]any{"StringEquals": {"AWS:SourceArn": distribution.Arn}},
			},
			// Without it S3 answers 403 for a key that is not there, and not 404.
			// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
			policy.Statement{
				Sid: "Missing", Actions: []string{"s3:ListBucket"},
				Principals: map[string]any{"Service": "cloudfront.amazonaws.com"},
				Resources:  []any{bucket.Arn},
				Conditions: map[string]map[string]any{"StringEquals": {"AWS:SourceArn": distribution.Arn}},
			},
		),
	}, child)
	return err
}
