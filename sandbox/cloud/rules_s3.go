package cloud

import (
	"crypto/md5" //nolint:gosec // an S3 etag is an MD5 sum.
	"encoding/hex"
	"fmt"
	"regexp"
)

// ofBucket is the rule of the settings of a bucket, which go with it.
func ofBucket(rule Rule) Rule {
	rule.ID = "{bucket}"
	rule.Refs = append(rule.Refs, Ref{Path: "bucket", To: "s3/bucketV2", Loose: true})
	return rule
}

var s3Rules = map[string]Rule{
	"s3/bucketV2": {
		ID: "{bucket}", ARN: "s3:::{bucket}", Autoname: Autoname{Property: "bucket", Max: 63, Lower: true},
		Outputs: map[string]any{
			"bucketDomainName":         "{bucket}.s3.amazonaws.com",
			"bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
			"region":                   "{region}", "requestPayer": "BucketOwner", "objectLockEnabled": false,
		},
		Unique: []Unique{{Key: "{bucket}", Everywhere: true, Error: "BucketAlreadyOwnedByYou: Your previous request to " +
			"create the named bucket succeeded and you already own it."}},
		Check: func(in props) error {
			if name := in.str("bucket"); name != "" && !bucketName.MatchString(name) {
				return refuse("InvalidBucketName", "The specified bucket is not valid: %s", name)
			}
			return nil
		},
		Destroy: emptyBucket,
		Missing: "NoSuchBucket: The specified bucket does not exist: {value}",
	},
	"s3/bucketVersioningV2": ofBucket(Rule{Apply: placeVersioning, Destroy: unreplicated}),
	"s3/bucketObjectLockConfigurationV2": ofBucket(Rule{
		Check: checkObjectLock,
		Apply: func(c *call) error {
			if bucket := c.find("s3/bucketV2", "id", c.in.str("bucket")); !c.versioned(bucket) {
				return refuse("InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
			}
			return nil
		},
	}),
	"s3/bucketReplicationConfig": ofBucket(Rule{
		Refs:  []Ref{{Path: "role", To: "iam/role", By: "arn", Loose: true}},
		Check: checkReplication,
		Apply: placeReplication,
	}),
	"s3/bucketServerSideEncryptionConfigurationV2": ofBucket(Rule{Refs: []Ref{{
		Path: "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId", To: anyKey, By: "arn id", Loose: true,
	}}}),
	"s3/bucketPublicAccessBlock":        ofBucket(Rule{}),
	"s3/bucketLifecycleConfigurationV2": ofBucket(Rule{Check: checkLifecycle}),
	"s3/bucketOwnershipControls":        ofBucket(Rule{}),
	"s3/bucketPolicy": ofBucket(Rule{
		Check: func(in props) error { return checkPolicies(in, "policy") },
	}),
	"s3/bucketLoggingV2": ofBucket(Rule{Refs: []Ref{{Path: "targetBucket", To: "s3/bucketV2", Loose: true}}}),
	"s3/bucketObjectv2": {
		ID: "{key}", Key: "{bucket}/{key}", ARN: "s3:::{bucket}/{key}", Autoname: Autoname{Property: "-"},
		Outputs: map[string]any{
			"contentType": "application/octet-stream", "storageClass": "STANDARD", "serverSideEncryption": "AES256",
		},
		Refs: []Ref{{Path: "bucket", To: "s3/bucketV2", Loose: true}},
		Apply: func(c *call) error {
			sum := md5.Sum(fmt.Append(nil, c.in["content"], c.in["contentBase64"], c.in["source"])) //nolint:gosec // see above.
			if !c.in.has("etag") {
				c.out["etag"] = hex.EncodeToString(sum[:])
			}
			return nil
		},
	},
}

// checkObjectLock judges the default retention of
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html.
func checkObjectLock(in props) error {
	for _, retention := range in.objects("rule.defaultRetention") {
		if mode := retention.str("mode"); mode != "" && mode != "GOVERNANCE" && mode != "COMPLIANCE" {
			return fmt.Errorf("expected mode to be one of [COMPLIANCE GOVERNANCE], got %s", mode)
		}
		if retention.has("days") == retention.has("years") {
			return refuse("MalformedXML", "The XML you provided was not well-formed: exactly one of Days, Years must be set")
		}
	}
	return nil
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// emptyBucket refuses to delete a bucket with objects, unless its state says
// forceDestroy; then they go too.
func emptyBucket(c *call) error {
	objects := c.each("s3/bucketObjectv2", func(r *Resource) bool { return r.Outputs["bucket"] == c.old.ID })
	if len(objects) > 0 && !c.in.yes("forceDestroy") {
		return refuse("BucketNotEmpty", "The bucket you tried to delete is not empty")
	}
	for _, object := range objects {
		if err := c.cloud.store.Delete(object.Type, object.Region, object.Key); err != nil {
			return err
		}
	}
	return nil
}
