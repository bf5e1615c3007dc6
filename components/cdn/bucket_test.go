// These tests do not prove that S3 evaluates the policy as it reads.

package cdn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	r, _ := register(t, minimal())
	for _, setting := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
		assert.Equal(t, true, r.Get(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "web-assets-private").In(setting))
	}
	for _, c := range []struct {
		typ, suffix, path string
		want              any
	}{
		{"bucketOwnershipControls:BucketOwnershipControls", "ownership", "rule.objectOwnership", "BucketOwnerEnforced"},
		{"bucketVersioningV2:BucketVersioningV2", "versioning", "versioningConfiguration.status", "Enabled"},
		{"bucketLoggingV2:BucketLoggingV2", "log", "targetBucket", "logs"},
		{"bucketLoggingV2:BucketLoggingV2", "log", "targetPrefix", "s3/web/"},
		{
			"bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "encryption",
			"rules[0].applyServerSideEncryptionByDefault.sseAlgorithm", "AES256",
		},
		{"bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "lifecycle", "rules", []any{map[string]any{
			"id": "expire-noncurrent", "status": "Enabled", "filter": map[string]any{},
			"noncurrentVersionExpiration":    map[string]any{"noncurrentDays": 30.0},
			"abortIncompleteMultipartUpload": map[string]any{"daysAfterInitiation": 7.0},
		}}},
	} {
		got := r.Get(t, "aws:s3/"+c.typ, "web-assets-"+c.suffix)
		assert.Equal(t, c.want, got.In(c.path), c.path)
		assert.Equal(t, "assets-1a2b", got.In("bucket"), c.typ)
	}
	lifecycle := r.Get(t, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "web-assets-lifecycle")
	assert.Contains(t, lifecycle.RPC.GetDependencies(),
		"urn:pulumi:test::codeflow::codeflow:cdn:CDN$aws:s3/bucketVersioningV2:BucketVersioningV2::web-assets-versioning")
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"TLSOnly","Effect":"Deny","Action":["s3:*"],"Principal":{"AWS":"*"},
		 "Resource":["arn:aws:s3:eu-central-1:123456789012:web-assets","arn:aws:s3:eu-central-1:123456789012:web-assets/*"],
		 "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
		{"Sid":"Distribution","Effect":"Allow","Action":["s3:GetObject"],"Principal":{"Service":"cloudfront.amazonaws.com"},
		 "Resource":["arn:aws:s3:eu-central-1:123456789012:web-assets/*"],
		 "Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront:eu-central-1:123456789012:web"}}},
		{"Sid":"Missing","Effect":"Allow","Action":["s3:ListBucket"],"Principal":{"Service":"cloudfront.amazonaws.com"},
		 "Resource":["arn:aws:s3:eu-central-1:123456789012:web-assets"],
		 "Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront:eu-central-1:123456789012:web"}}}]}`,
		r.Get(t, "aws:s3/bucketPolicy:BucketPolicy", "web-assets-policy").In("policy").(string))
}
