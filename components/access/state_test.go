package access_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const bucketType = "aws:s3/bucketV2:BucketV2"

func state(project string, replica bool, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		args := &access.StateArgs{Project: project}
		if replica {
			there, err := aws.NewProvider(ctx, "there", &aws.ProviderArgs{Region: pulumi.String("eu-west-1")})
			if err != nil {
				return err
			}
			args.Replica = there
		}
		s, err := access.NewState(ctx, "state", args, opts...)
		if err != nil {
			return err
		}
		ctx.Export("backendUrl", s.BackendURL)
		ctx.Export("checked", pulumi.All(s.BackendURL, s.SecretsProvider).ApplyT(func(all []any) string {
			if all[0] != "s3://codeflow-pulumi-state-123456789012?region=eu-central-1" ||
				all[1] != "awskms://alias/codeflow-pulumi-secrets?region=eu-central-1" {
				panic(all)
			}
			return ""
		}))
		return nil
	}
}

var alone = []string{
	"/codeflow:access:State state",
	"state/aws:kms/alias:Alias state-alias",
	"state/aws:kms/alias:Alias state-secrets-alias",
	"state/aws:kms/key:Key state-key",
	"state/aws:kms/key:Key state-secrets-key",
	"state/aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2 state-lifecycle",
	"state/aws:s3/bucketOwnershipControls:BucketOwnershipControls state-ownership",
	"state/aws:s3/bucketPolicy:BucketPolicy state-policy",
	"state/aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock state-public",
	"state/aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2 state-encryption",
	"state/aws:s3/bucketV2:BucketV2 state",
	"state/aws:s3/bucketVersioningV2:BucketVersioningV2 state-versions",
}

func TestState(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, state("codeflow", false))
	assert.Equal(t, alone, r.Children())

	bucket := r.Get(t, bucketType, "state")
	assert.Equal(t, map[string]any{"bucket": "codeflow-pulumi-state-123456789012"}, bucket.Inputs.Mappable())
	for _, kept := range []recorder.Resource{
		bucket, r.Get(t, "aws:kms/key:Key", "state-key"), r.Get(t, "aws:kms/key:Key", "state-secrets-key"),
		r.Get(t, "aws:kms/alias:Alias", "state-secrets-alias"),
	} {
		assert.True(t, kept.RPC.GetProtect() && kept.RPC.GetRetainOnDelete(), kept.Name)
	}
	encryption := r.Get(t, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "state-encryption")
	assert.Equal(t, true, encryption.In("rules[0].bucketKeyEnabled"))
	assert.Equal(t, map[string]any{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:aws:kms:eu-central-1:123456789012:state-key"},
		encryption.In("rules[0].applyServerSideEncryptionByDefault"))
	for _, property := range []string{"blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"} {
		assert.Equal(t, true, r.Get(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "state-public").In(property), property)
	}
	assert.Equal(t, "BucketOwnerEnforced", r.Get(t, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "state-ownership").In("rule.objectOwnership"))
	assert.Equal(t, "Enabled", r.Get(t, "aws:s3/bucketVersioningV2:BucketVersioningV2", "state-versions").In("versioningConfiguration.status"))
	lifecycle := r.Get(t, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "state-lifecycle")
	assert.Equal(t, map[string]any{"noncurrentDays": 365.0, "newerNoncurrentVersions": 20.0}, lifecycle.In("rules[0].noncurrentVersionExpiration"))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"TLSOnly","Effect":"Deny","Action":["s3:*"],"Principal":{"AWS":"*"},
		"Resource":["arn:aws:s3:eu-central-1:123456789012:state","arn:aws:s3:eu-central-1:123456789012:state/*"],
		"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, r.Get(t, "aws:s3/bucketPolicy:BucketPolicy", "state-policy").In("policy").(string))
	secrets := r.Get(t, "aws:kms/key:Key", "state-secrets-key")
	assert.Equal(t, true, secrets.In("multiRegion"))
	assert.Equal(t, true, secrets.In("enableKeyRotation"))
	assert.Equal(t, "alias/codeflow-pulumi-secrets", r.Get(t, "aws:kms/alias:Alias", "state-secrets-alias").In("name"))
	assert.Equal(t, "alias/codeflow-pulumi-state", r.Get(t, "aws:kms/alias:Alias", "state-alias").In("name"))
}

func TestReplica(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, state("codeflow", true))
	assert.Equal(t, 2, r.Count()[bucketType])
	replica := r.Get(t, bucketType, "state-replica")
	assert.Equal(t, "codeflow-pulumi-state-replica-123456789012", replica.In("bucket"))
	for _, there := range []recorder.Resource{
		replica, r.Get(t, "aws:kms/key:Key", "state-replica-key"), r.Get(t, "aws:kms/replicaKey:ReplicaKey", "state-secrets-replica"),
		r.Get(t, "aws:kms/alias:Alias", "state-secrets-replica-alias"),
		r.Get(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "state-replica-public"),
	} {
		assert.Contains(t, there.RPC.GetProvider(), "::there::", there.Name)
	}
	assert.Equal(t, "alias/codeflow-pulumi-secrets", r.Get(t, "aws:kms/alias:Alias", "state-secrets-replica-alias").In("name"))
	replication := r.Get(t, "aws:s3/bucketReplicationConfig:BucketReplicationConfig", "state-replication")
	assert.Equal(t, "Enabled", replication.In("rules[0].sourceSelectionCriteria.sseKmsEncryptedObjects.status"), "every object is encrypted")
	assert.Equal(t, "arn:aws:kms:eu-central-1:123456789012:state-replica-key",
		replication.In("rules[0].destination.encryptionConfiguration.replicaKmsKeyId"))
	assert.Equal(t, "Disabled", replication.In("rules[0].deleteMarkerReplication.status"))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetReplicationConfiguration","s3:ListBucket"],"Resource":["arn:aws:s3:eu-central-1:123456789012:state"]},
		{"Effect":"Allow","Action":["s3:GetObjectVersionAcl","s3:GetObjectVersionForReplication","s3:GetObjectVersionTagging"],
		 "Resource":["arn:aws:s3:eu-central-1:123456789012:state/*"]},
		{"Effect":"Allow","Action":["s3:ReplicateObject","s3:ReplicateTags"],"Resource":["arn:aws:s3:eu-central-1:123456789012:state-replica/*"]},
		{"Effect":"Allow","Action":["kms:Decrypt"],"Resource":["arn:aws:kms:eu-central-1:123456789012:state-key"]},
		{"Effect":"Allow","Action":["kms:Encrypt","kms:GenerateDataKey"],"Resource":["arn:aws:kms:eu-central-1:123456789012:state-replica-key"]}]}`,
		r.Get(t, "aws:iam/rolePolicy:RolePolicy", "state-replication").In("policy").(string))
}

func TestRefusedState(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	assert.ErrorContains(t, r.Run(true, state("Codeflow", false)), `state "state": name part "Codeflow" must be`)
	assert.Empty(t, r.Children())
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return state("codeflow", true, opts...) })
	for call, want := range map[string]string{identity: "reading the account of state", region: "reading the region of state"} {
		r := newRecorder()
		delete(r.Calls, call)
		assert.ErrorContains(t, r.Run(true, state("codeflow", false)), want)
	}
}
