// These tests do not prove that the services can deliver their logs, nor the
// order in which the engine creates the settings.
package accesslogs_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/accesslogs"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			"aws:index/getCallerIdentity:getCallerIdentity": func(resource.PropertyMap) (resource.PropertyMap, error) {
				return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			"aws:s3/bucketV2:BucketV2": {
				"bucket":           resource.NewProperty("logs-1a2b3c4"),
				"bucketDomainName": resource.NewProperty("logs-1a2b3c4.s3.amazonaws.com"),
				"arn":              resource.NewProperty("arn:aws:s3:::logs-1a2b3c4"),
			},
		},
	}
}

func program(args *accesslogs.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := accesslogs.New(ctx, "logs", args, opts...)
		return err
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(&accesslogs.Args{}))

	assert.Equal(t, []string{
		"/codeflow:accesslogs:Bucket logs",
		"logs/aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2 logs-lifecycle",
		"logs/aws:s3/bucketOwnershipControls:BucketOwnershipControls logs-ownership",
		"logs/aws:s3/bucketPolicy:BucketPolicy logs-policy",
		"logs/aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock logs-public",
		"logs/aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2 logs-encryption",
		"logs/aws:s3/bucketV2:BucketV2 logs",
		"logs/aws:s3/bucketVersioningV2:BucketVersioningV2 logs-versions",
	}, r.Children())
	assert.Equal(t, false, r.Get(t, "aws:s3/bucketV2:BucketV2", "logs").In("forceDestroy"))
	assert.Equal(t, "AES256", r.Get(t, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
		"logs-encryption").In("rules[0].applyServerSideEncryptionByDefault.sseAlgorithm"))

	block := r.Get(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "logs-public")
	for _, property := range []string{"blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"} {
		assert.Equal(t, true, block.In(property), property)
	}
	ownership := r.Get(t, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "logs-ownership")
	assert.Equal(t, "BucketOwnerPreferred", ownership.In("rule.objectOwnership"))
	assert.Contains(t, ownership.RPC.GetDependencies(),
		"urn:pulumi:test::codeflow::codeflow:accesslogs:Bucket$aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::logs-public")
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(&accesslogs.Args{}))

	policy := r.Get(t, "aws:s3/bucketPolicy:BucketPolicy", "logs-policy")
	assert.Equal(t, "logs-1a2b3c4", policy.In("bucket"))
	assert.Contains(t, policy.RPC.GetDependencies(),
		"urn:pulumi:test::codeflow::codeflow:accesslogs:Bucket$aws:s3/bucketOwnershipControls:BucketOwnershipControls::logs-ownership")
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"TLSOnly","Effect":"Deny","Action":["s3:*"],"Principal":{"AWS":"*"},
		 "Resource":["arn:aws:s3:::logs-1a2b3c4","arn:aws:s3:::logs-1a2b3c4/*"],
		 "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
		{"Sid":"LoadBalancers","Effect":"Allow","Action":["s3:PutObject"],
		 "Principal":{"Service":"logdelivery.elasticloadbalancing.amazonaws.com"},
		 "Resource":["arn:aws:s3:::logs-1a2b3c4/*AWSLogs/123456789012/*"],
		 "Condition":{"ArnLike":{"aws:SourceArn":"arn:*:elasticloadbalancing:*:123456789012:loadbalancer/*"}}},
		{"Sid":"Buckets","Effect":"Allow","Action":["s3:PutObject"],
		 "Principal":{"Service":"logging.s3.amazonaws.com"},
		 "Resource":["arn:aws:s3:::logs-1a2b3c4/*"],
		 "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`,
		policy.In("policy").(string))
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		days, want int
		moves      bool
	}{
		"default":                 {0, 90, true},
		"short":                   {7, 7, false},
		"last that does not move": {60, 60, false},
		"first that moves":        {61, 61, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			r.Both(t, program(&accesslogs.Args{RetentionDays: c.days, ForceDestroy: true}))

			assert.Equal(t, true, r.Get(t, "aws:s3/bucketV2:BucketV2", "logs").In("forceDestroy"))
			lifecycle := r.Get(t, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "logs-lifecycle")
			assert.EqualValues(t, c.want, lifecycle.In("rules[0].expiration.days"))
			assert.Empty(t, lifecycle.In("rules[0].filter.prefix"))
			if !c.moves {
				assert.Nil(t, lifecycle.In("rules[0].transitions"))
				return
			}
			assert.Equal(t, "STANDARD_IA", lifecycle.In("rules[0].transitions[0].storageClass"))
			assert.EqualValues(t, 30, lifecycle.In("rules[0].transitions[0].days"))
		})
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	assert.NoError(t, newRecorder().Run(false, func(ctx *pulumi.Context) error {
		b, err := accesslogs.New(ctx, "logs", &accesslogs.Args{})
		if err != nil {
			return err
		}
		ctx.Export("checked", pulumi.All(b.BucketName, b.BucketDomainName, b.BucketARN).ApplyT(func(all []any) string {
			assert.Equal(t, []any{"logs-1a2b3c4", "logs-1a2b3c4.s3.amazonaws.com", "arn:aws:s3:::logs-1a2b3c4"}, all)
			return ""
		}))
		return nil
	}))
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	assert.ErrorContains(t, r.Run(true, program(&accesslogs.Args{RetentionDays: -1})), "RetentionDays must be at least 1 day, got -1")
	assert.Empty(t, r.Children())
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return program(&accesslogs.Args{}, opts...) })
	r := newRecorder()
	delete(r.Calls, "aws:index/getCallerIdentity:getCallerIdentity")
	assert.ErrorContains(t, r.Run(true, program(&accesslogs.Args{})), `reading the account of bucket "logs"`)
}
