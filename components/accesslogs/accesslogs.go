package accesslogs

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Type is the component's type token.
const Type = "codeflow:accesslogs:Bucket"

// Bucket is an S3 bucket that AWS services deliver their access logs to.
//
// BucketName and BucketDomainName are known only when the bucket accepts logs:
// services check that they can write when logging is turned on.
type Bucket struct {
	pulumi.ResourceState

	BucketName       pulumi.StringOutput // for load balancers and S3
	BucketDomainName pulumi.StringOutput // <bucket>.s3.amazonaws.com, for CloudFront
	BucketARN        pulumi.StringOutput
}

// New registers a bucket for access logs named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Bucket, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("access logs %q: %w", name, err)
	}
	b := &Bucket{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"retentionDays": pulumi.Int(args.RetentionDays),
	}, b, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}

	bucket, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(args.ForceDestroy),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("creating bucket %q: %w", name, err)
	}
	if err := b.storage(ctx, name, args, bucket); err != nil {
		return nil, err
	}
	access, err := b.access(ctx, name, bucket)
	if err != nil {
		return nil, err
	}

	b.BucketName, b.BucketDomainName = after(access, bucket.Bucket), after(access, bucket.BucketDomainName)
	b.BucketARN = bucket.Arn
	if err := ctx.RegisterResourceOutputs(b, pulumi.Map{
		"bucketName": b.BucketName, "bucketDomainName": b.BucketDomainName, "bucketArn": b.BucketARN,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of access logs %q: %w", name, err)
	}
	return b, nil
}

// after returns value as an output that also waits for the resource.
func after(resource pulumi.CustomResource, value pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.All(value, resource.ID()).ApplyT(func(all []any) string {
		return all[0].(string)
	}).(pulumi.StringOutput)
}

// storage sets the encryption, the versions and the lifecycle.
func (b *Bucket) storage(ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2) error {
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
		}, pulumi.Parent(b)); err != nil {
		return fmt.Errorf("creating encryption of bucket %q: %w", name, err)
	}
	versioning, err := s3.NewBucketVersioningV2(ctx, name+"-versions", &s3.BucketVersioningV2Args{
		Bucket: bucket.Bucket,
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{
			Status: pulumi.String("Enabled"),
		},
	}, pulumi.Parent(b))
	if err != nil {
		return fmt.Errorf("creating versioning of bucket %q: %w", name, err)
	}
	if _, err := s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.Bucket,
		Rules:  s3.BucketLifecycleConfigurationV2RuleArray{lifecycle(args.RetentionDays)},
	}, pulumi.Parent(b), pulumi.DependsOn([]pulumi.Resource{versioning})); err != nil {
		return fmt.Errorf("creating lifecycle of bucket %q: %w", name, err)
	}
	return nil
}

// access closes the bucket to the public and opens it to the log deliveries of
// this account. The three settings follow each other: S3 refuses concurrent
// ones with OperationAborted.
func (b *Bucket) access(ctx *pulumi.Context, name string, bucket *s3.BucketV2) (*s3.BucketPolicy, error) {
	block, err := s3.NewBucketPublicAccessBlock(ctx, name+"-public", &s3.BucketPublicAccessBlockArgs{
		Bucket:          bucket.Bucket,
		BlockPublicAcls: pulumi.Bool(true), IgnorePublicAcls: pulumi.Bool(true),
		BlockPublicPolicy: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("creating public access block of bucket %q: %w", name, err)
	}
	ownership, err := s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.Bucket,
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerPreferred")},
	}, pulumi.Parent(b), pulumi.DependsOn([]pulumi.Resource{block}))
	if err != nil {
		return nil, fmt.Errorf("creating ownership controls of bucket %q: %w", name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("reading the account of bucket %q: %w", name, err)
	}
	access, err := s3.NewBucketPolicy(ctx, name+"-policy", &s3.BucketPolicyArgs{
		Bucket: bucket.Bucket,
		Policy: policy.Document(statements(bucket.Arn, identity.AccountId)...),
	}, pulumi.Parent(b), pulumi.DependsOn([]pulumi.Resource{ownership}))
	if err != nil {
		return nil, fmt.Errorf("creating policy of bucket %q: %w", name, err)
	}
	return access, nil
}

// statements are the bucket's policy. CloudFront is not in it: it writes through
// the ACL that it sets when a distribution turns its logs on.
func statements(bucket pulumi.StringOutput, account string) []policy.Statement {
	return []policy.Statement{
		policy.TLSOnly(bucket),
		{
			// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
			Sid: "LoadBalancers", Actions: []string{"s3:PutObject"},
			// Below any prefix that a load balancer may have, or none.
			Resources:  []any{pulumi.Sprintf("%s/*AWSLogs/%s/*", bucket, account)},
			Principals: map[string]any{"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
			Conditions: map[string]map[string]any{
				"ArnLike": {"aws:SourceArn": "arn:*:elasticloadbalancing:*:" + account + ":loadbalancer/*"},
			},
		},
		{
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
			Sid: "Buckets", Actions: []string{"s3:PutObject"},
			Resources:  []any{pulumi.Sprintf("%s/*", bucket)},
			Principals: map[string]any{"Service": "logging.s3.amazonaws.com"},
			Conditions: map[string]map[string]any{"StringEquals": {"aws:SourceAccount": account}},
		},
	}
}
