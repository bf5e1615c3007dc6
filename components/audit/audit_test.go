// These tests do not prove that CloudTrail accepts the policies, nor that S3 keeps
// a locked file.
package audit_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/audit"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	trailType  = "aws:cloudtrail/trail:Trail"
	policyType = "aws:s3/bucketPolicy:BucketPolicy"
	identity   = "aws:index/getCallerIdentity:getCallerIdentity"
	region     = "aws:index/getRegion:getRegion"
)

func newRecorder() *recorder.Recorder {
	answer := func(key, value string) func(resource.PropertyMap) (resource.PropertyMap, error) {
		return func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{resource.PropertyKey(key): resource.NewProperty(value)}, nil
		}
	}
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			identity: answer("accountId", recorder.Account), region: answer("name", "eu-central-1"),
		},
		Outputs: map[string]resource.PropertyMap{"aws:s3/bucketV2:BucketV2": {
			"bucket": resource.NewProperty("audit-1a2b3c4"), "arn": resource.NewProperty("arn:aws:s3:::audit-1a2b3c4"),
		}},
	}
}

func valid() *audit.Args {
	return &audit.Args{Names: naming.Platform{Project: "codeflow", Environment: "prod"}, LogBucketName: pulumi.String("logs")}
}

func program(args *audit.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := audit.New(ctx, "audit", args, opts...)
		return err
	}
}

func TestTrail(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(valid()))
	assert.Equal(t, []string{
		"/codeflow:audit:Trail audit",
		"audit/aws:cloudtrail/trail:Trail audit",
		"audit/aws:cloudwatch/logGroup:LogGroup audit",
		"audit/aws:iam/role:Role audit-log",
		"audit/aws:iam/rolePolicy:RolePolicy audit-log",
		"audit/aws:kms/key:Key audit-key",
		"audit/aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2 audit-lifecycle",
		"audit/aws:s3/bucketLoggingV2:BucketLoggingV2 audit-log",
		"audit/aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2 audit-lock",
		"audit/aws:s3/bucketOwnershipControls:BucketOwnershipControls audit-ownership",
		"audit/aws:s3/bucketPolicy:BucketPolicy audit-policy",
		"audit/aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock audit-public",
		"audit/aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2 audit-encryption",
		"audit/aws:s3/bucketV2:BucketV2 audit",
		"audit/aws:s3/bucketVersioningV2:BucketVersioningV2 audit-versions",
	}, r.Children())
	trail := r.Get(t, trailType, "audit")
	assert.Equal(t, map[string]any{
		"name": "codeflow-prod", "s3BucketName": "audit-1a2b3c4", "kmsKeyId": "arn:aws:kms:eu-central-1:123456789012:audit-key",
		"isMultiRegionTrail": true, "includeGlobalServiceEvents": true, "enableLogFileValidation": true,
		"cloudWatchLogsGroupArn": "arn:aws:cloudwatch:eu-central-1:123456789012:audit:*",
		"cloudWatchLogsRoleArn":  "arn:aws:iam:eu-central-1:123456789012:audit-log",
	}, trail.Inputs.Mappable())
	assert.Contains(t, trail.RPC.GetDependencies(),
		"urn:pulumi:test::codeflow::codeflow:audit:Trail$aws:s3/bucketPolicy:BucketPolicy::audit-policy", "CloudTrail tries the bucket")
	assert.Contains(t, trail.RPC.GetDependencies(),
		"urn:pulumi:test::codeflow::codeflow:audit:Trail$aws:iam/rolePolicy:RolePolicy::audit-log", "and the log group")
	log := r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "audit")
	assert.Equal(t, map[string]any{"name": "/audit/codeflow-prod", "retentionInDays": 30.0}, log.Inputs.Mappable())
	assert.Contains(t, r.Get(t, "aws:iam/role:Role", "audit-log").In("assumeRolePolicy"), `"aws:SourceArn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"`)
	block := r.Get(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "audit-public")
	for _, property := range []string{"blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"} {
		assert.Equal(t, true, block.In(property), property)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args            audit.Args
		lock, retention int
	}{
		"default": {audit.Args{}, 30, 365},
		"given":   {audit.Args{LockDays: 90, RetentionDays: 90, ForceDestroy: true}, 90, 90},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			c.args.Names, c.args.LogBucketName = valid().Names, valid().LogBucketName
			r.Both(t, program(&c.args))
			bucket := r.Get(t, "aws:s3/bucketV2:BucketV2", "audit")
			assert.Equal(t, true, bucket.In("objectLockEnabled"), "it cannot be turned on by the provider later")
			assert.Equal(t, c.args.ForceDestroy, bucket.In("forceDestroy"))
			lock := r.Get(t, "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2", "audit-lock")
			assert.Equal(t, "GOVERNANCE", lock.In("rule.defaultRetention.mode"))
			assert.EqualValues(t, c.lock, lock.In("rule.defaultRetention.days"))
			lifecycle := r.Get(t, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "audit-lifecycle")
			assert.EqualValues(t, c.retention, lifecycle.In("rules[0].expiration.days"))
			assert.EqualValues(t, 1, lifecycle.In("rules[0].noncurrentVersionExpiration.noncurrentDays"), "an expired file is only hidden")
		})
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(valid()))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"TLSOnly","Effect":"Deny","Action":["s3:*"],"Principal":{"AWS":"*"},
		 "Resource":["arn:aws:s3:::audit-1a2b3c4","arn:aws:s3:::audit-1a2b3c4/*"],
		 "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
		{"Sid":"AclCheck","Effect":"Allow","Action":["s3:GetBucketAcl"],"Resource":["arn:aws:s3:::audit-1a2b3c4"],
		 "Principal":{"Service":"cloudtrail.amazonaws.com"},
		 "Condition":{"ArnEquals":{"aws:SourceArn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"}}},
		{"Sid":"Write","Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::audit-1a2b3c4/AWSLogs/123456789012/*"],
		 "Principal":{"Service":"cloudtrail.amazonaws.com"},
		 "Condition":{"ArnEquals":{"aws:SourceArn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"},
		  "StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]}`,
		r.Get(t, policyType, "audit-policy").In("policy").(string))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Account","Effect":"Allow","Action":["kms:*"],"Resource":["*"],"Principal":{"AWS":"123456789012"}},
		{"Sid":"Encrypt","Effect":"Allow","Action":["kms:GenerateDataKey*"],"Resource":["*"],
		 "Principal":{"Service":"cloudtrail.amazonaws.com"},
		 "Condition":{"ArnEquals":{"aws:SourceArn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"},
		  "ArnLike":{"kms:EncryptionContext:aws:cloudtrail:arn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"}}},
		{"Sid":"Describe","Effect":"Allow","Action":["kms:DescribeKey"],"Resource":["*"],
		 "Principal":{"Service":"cloudtrail.amazonaws.com"},
		 "Condition":{"ArnEquals":{"aws:SourceArn":"arn:*:cloudtrail:eu-central-1:123456789012:trail/codeflow-prod"}}}]}`,
		r.Get(t, "aws:kms/key:Key", "audit-key").In("policy").(string))
}

func TestDataEvents(t *testing.T) {
	t.Parallel()
	args, r := valid(), newRecorder()
	args.DataBucketARNs = []pulumi.StringInput{pulumi.String("arn:aws:s3:::state")}
	r.Both(t, program(args))
	assert.Equal(t, []any{
		map[string]any{"includeManagementEvents": true, "readWriteType": "All"},
		map[string]any{
			"includeManagementEvents": false, "readWriteType": "WriteOnly",
			"dataResources": []any{map[string]any{"type": "AWS::S3::Object", "values": []any{"arn:aws:s3:::state/"}}},
		},
	}, r.Get(t, trailType, "audit").In("eventSelectors"))
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*audit.Args){
		"lower-case":                          func(a *audit.Args) { a.Names.Environment = "Prod" },
		"LockDays must be 1 to 36500, got -1": func(a *audit.Args) { a.LockDays = -1 },
		"not be less than LockDays, 30, got 7: a locked file cannot expire": func(a *audit.Args) { a.RetentionDays = 7 },
	} {
		args, r := valid(), newRecorder()
		change(args)
		require.ErrorContains(t, r.Run(true, program(args)), want)
		assert.Empty(t, r.Children())
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return program(valid(), opts...) })
	for token, want := range map[string]string{identity: "reading the account", region: "reading the region"} {
		r := newRecorder()
		delete(r.Calls, token)
		require.ErrorContains(t, r.Run(true, program(valid())), `audit trail "audit": `+want)
	}
}
