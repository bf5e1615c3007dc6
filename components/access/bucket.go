package access

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

const (
	// noncurrentDays is how long an earlier state can be restored, in days.
	noncurrentDays = 365
	// noncurrentKept is how many earlier states stay, however old.
	noncurrentKept = 20
	// abortDays is how long an unfinished upload is kept, in days.
	abortDays = 7
)

// versioned is a bucket that can take part in a replication.
type versioned struct {
	*s3.BucketV2
	versioning *s3.BucketVersioningV2
	keyARN     pulumi.StringOutput
}

// bucket makes a private, versioned bucket and the key that encrypts it.
func (s *State) bucket(
	ctx *pulumi.Context, name, project, purpose, account string, opts ...pulumi.ResourceOption,
) (*versioned, error) {
	bucketName := project + purpose + account
	encryption, err := key.New(ctx, name+"-key", &key.Args{Account: account, Description: "Bucket " + bucketName}, s.kept(opts...)...)
	if err != nil {
		return nil, err
	}
	if err := s.alias(ctx, name+"-alias", stateAlias(project), encryption.KeyId, opts...); err != nil {
		return nil, err
	}
	child := append([]pulumi.ResourceOption{pulumi.Parent(s)}, opts...)
	created, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{Bucket: pulumi.String(bucketName)}, s.kept(opts...)...)
	if err != nil {
		return nil, fmt.Errorf("creating bucket %q: %w", bucketName, err)
	}
	if err := lock(ctx, name, created, child); err != nil {
		return nil, fmt.Errorf("locking bucket %q: %w", bucketName, err)
	}
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name+"-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: created.Bucket,
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					BucketKeyEnabled: pulumi.Bool(true),
					ApplyServerSideEncryptionByDefault: &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
						SseAlgorithm: pulumi.String("aws:kms"), KmsMasterKeyId: encryption.Arn,
					},
				},
			},
		}, child...); err != nil {
		return nil, fmt.Errorf("creating encryption of bucket %q: %w", bucketName, err)
	}
	versioning, err := keepVersions(ctx, name, created, child)
	if err != nil {
		return nil, fmt.Errorf("keeping versions of bucket %q: %w", bucketName, err)
	}
	return &versioned{created, versioning, encryption.Arn}, nil
}

// lock closes the bucket to the public, to other accounts and to requests without
// TLS. The settings follow each other: S3 refuses concurrent ones.
func lock(ctx *pulumi.Context, name string, bucket *s3.BucketV2, child []pulumi.ResourceOption) error {
	after := func(r pulumi.Resource) []pulumi.ResourceOption {
		return append([]pulumi.ResourceOption{pulumi.DependsOn([]pulumi.Resource{r})}, child...)
	}
	block, err := s3.NewBucketPublicAccessBlock(ctx, name+"-public", &s3.BucketPublicAccessBlockArgs{
		Bucket:          bucket.Bucket,
		BlockPublicAcls: pulumi.Bool(true), IgnorePublicAcls: pulumi.Bool(true),
		BlockPublicPolicy: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, child...)
	if err != nil {
		return err
	}
	ownership, err := s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.Bucket,
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, after(block)...)
	if err != nil {
		return err
	}
	_, err = s3.NewBucketPolicy(ctx, name+"-policy", &s3.BucketPolicyArgs{
		Bucket: bucket.Bucket, Policy: policy.Document(policy.TLSOnly(bucket.Arn)),
	}, after(ownership)...)
	return err
}

// keepVersions keeps earlier states for a while.
func keepVersions(
	ctx *pulumi.Context, name string, bucket *s3.BucketV2, child []pulumi.ResourceOption,
) (*s3.BucketVersioningV2, error) {
	versioning, err := s3.NewBucketVersioningV2(ctx, name+"-versions", &s3.BucketVersioningV2Args{
		Bucket: bucket.Bucket,
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{
			Status: pulumi.String("Enabled"),
		},
	}, child...)
	if err != nil {
		return nil, err
	}
	// The rule is about versions, so it comes after the versioning.
	_, err = s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.Bucket,
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("expire-noncurrent"), Status: pulumi.String("Enabled"),
			Filter: &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
			NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
				NoncurrentDays: pulumi.Int(noncurrentDays), NewerNoncurrentVersions: pulumi.Int(noncurrentKept),
			},
			AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
				DaysAfterInitiation: pulumi.Int(abortDays),
			},
		}},
	}, append([]pulumi.ResourceOption{pulumi.DependsOn([]pulumi.Resource{versioning})}, child...)...)
	return versioning, err
}

// replicate copies the state to a bucket of the second region, under a key there. A
// deletion is not copied, so that nobody deletes both at once.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
func (s *State) replicate(ctx *pulumi.Context, name, account string, args *StateArgs, home *versioned) error {
	replica, err := s.bucket(ctx, name+"-replica", args.Project, "-pulumi-state-replica-", account, pulumi.Provider(args.Replica))
	if err != nil {
		return err
	}
	role, permission, err := s.replicationRole(ctx, name+"-replication", home, replica)
	if err != nil {
		return err
	}
	_, err = s3.NewBucketReplicationConfig(ctx, name+"-replication", &s3.BucketReplicationConfigArgs{
		Bucket: home.Bucket, Role: role.Arn,
		Rules: s3.BucketReplicationConfigRuleArray{&s3.BucketReplicationConfigRuleArgs{
			Id: pulumi.String("everything"), Status: pulumi.String("Enabled"), Priority: pulumi.Int(1),
			Filter: &s3.BucketReplicationConfigRuleFilterArgs{},
			DeleteMarkerReplication: &s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs{
				Status: pulumi.String("Disabled"),
			},
			SourceSelectionCriteria: &s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs{
				SseKmsEncryptedObjects: &s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs{
					Status: pulumi.String("Enabled"),
				},
			},
			Destination: &s3.BucketReplicationConfigRuleDestinationArgs{
				Bucket: replica.Arn, StorageClass: pulumi.String("STANDARD"),
				EncryptionConfiguration: &s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs{
					ReplicaKmsKeyId: replica.keyARN,
				},
			},
		}},
	}, pulumi.Parent(s), pulumi.DependsOn([]pulumi.Resource{home.versioning, replica.versioning, permission}))
	return err
}

func (s *State) replicationRole(
	ctx *pulumi.Context, name string, home, replica *versioned,
) (*iam.Role, *iam.RolePolicy, error) {
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("s3.amazonaws.com", map[string]map[string]any{
			"ArnEquals": {"aws:SourceArn": home.Arn},
		}),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, nil, err
	}
	permission, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Role: role.Name,
		Policy: policy.Document(append(policy.Replicate(home.Arn, replica.Arn),
			policy.Statement{Actions: []string{"kms:Decrypt"}, Resources: []any{home.keyARN}},
			policy.Statement{Actions: []string{"kms:Encrypt", "kms:GenerateDataKey"}, Resources: []any{replica.keyARN}},
		)...),
	}, pulumi.Parent(s))
	return role, permission, err
}
