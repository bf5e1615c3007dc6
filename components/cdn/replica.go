package cdn

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// ReplicationRule is the id of the rule of the replication, a dimension of its metrics.
const ReplicationRule = "everything"

// replicate copies the assets to a bucket in the second region. A deletion is not
// copied, so that nobody deletes both at once.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html
func replicate(
	ctx *pulumi.Context, name string, args *Args, source *s3.BucketV2, versioning *s3.BucketVersioningV2, child pulumi.ResourceOption,
) (*s3.BucketV2, error) {
	there := []pulumi.ResourceOption{child, pulumi.Provider(args.Replica)}
	replica, replicaVersioning, err := newPrivate(ctx, name+"-replica", args.ForceDestroy, there...)
	if err != nil {
		return nil, err
	}
	if _, err := s3.NewBucketPolicy(ctx, name+"-replica-policy", &s3.BucketPolicyArgs{
		Bucket: replica.Bucket, Policy: policy.Document(policy.TLSOnly(replica.Arn)),
	}, there...); err != nil {
		return nil, err
	}
	role, err := iam.NewRole(ctx, name+"-replication", &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("s3.amazonaws.com", map[string]map[string]any{
			"ArnEquals": {"aws:SourceArn": source.Arn},
		}),
	}, child)
	if err != nil {
		return nil, err
	}
	permission, err := iam.NewRolePolicy(ctx, name+"-replication", &iam.RolePolicyArgs{
		Role: role.Name, Policy: policy.Document(policy.Replicate(source.Arn, replica.Arn)...),
	}, child)
	if err != nil {
		return nil, err
	}
	_, err = s3.NewBucketReplicationConfig(ctx, name+"-replication", &s3.BucketReplicationConfigArgs{
		Bucket: source.Bucket, Role: role.Arn,
		Rules: s3.BucketReplicationConfigRuleArray{&s3.BucketReplicationConfigRuleArgs{
			Id: pulumi.String(ReplicationRule), Status: pulumi.String("Enabled"), Priority: pulumi.Int(1),
			Filter: &s3.BucketReplicationConfigRuleFilterArgs{},
			DeleteMarkerReplication: &s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs{
				Status: pulumi.String("Disabled"),
			},
			Destination: &s3.BucketReplicationConfigRuleDestinationArgs{
				Bucket: replica.Arn, StorageClass: pulumi.String("STANDARD"),
				// Without them nothing tells that copies are late, or fail.
				// https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
				Metrics: &s3.BucketReplicationConfigRuleDestinationMetricsArgs{Status: pulumi.String("Enabled")},
			},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{versioning, replicaVersioning, permission}))
	return replica, err
}
