package cloud

import (
	"fmt"
	"slices"
	"strings"
)

// versioned reports whether a bucket keeps versions. One with object lock does
// so by itself.
func (c *call) versioned(bucket *Resource) bool {
	settings := c.first(anywhere, "s3/bucketVersioningV2", func(r *Resource) bool { return r.Outputs["bucket"] == bucket.ID })
	if settings != nil {
		return props(settings.Outputs).str("versioningConfiguration.status") == "Enabled"
	}
	out := props(bucket.Outputs)
	return out.yes("objectLockEnabled") || out.str("objectLockConfiguration.objectLockEnabled") == "Enabled" ||
		out.yes("versionings.enabled")
}

// placeVersioning refuses to stop versions that something else relies on.
func placeVersioning(c *call) error {
	if status := c.in.str("versioningConfiguration.status"); status == "Enabled" {
		return nil
	}
	bucket := c.find("s3/bucketV2", "id", c.in.str("bucket"))
	if props(bucket.Outputs).yes("objectLockEnabled") {
		return refuse("InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state "+
			"cannot be changed.")
	}
	return unreplicated(c)
}

func unreplicated(c *call) error {
	if c.find("s3/bucketReplicationConfig", "bucket", c.in.str("bucket")) == nil {
		return nil
	}
	return refuse("InvalidBucketState", "A replication configuration is present on this bucket, so you cannot change the "+
		"versioning state. To change the versioning state, first delete the replication configuration.")
}

func checkReplication(in props) error {
	for i, rule := range in.objects("rules") {
		if status := rule.str("status"); !slices.Contains([]string{"", "Enabled", "Disabled"}, status) {
			return fmt.Errorf("rules[%d]: expected status to be one of [Enabled Disabled], got %s", i, status)
		}
		if rule.has("filter") && !rule.has("deleteMarkerReplication") {
			return refuse("InvalidRequest", "DeleteMarkerReplication must be specified for this version of Cross Region "+
				"Replication configuration schema. Please refer to S3 Developer Guide for more information.")
		}
		encrypted := rule.str("sourceSelectionCriteria.sseKmsEncryptedObjects.status") == "Enabled"
		if encrypted && !rule.has("destination.encryptionConfiguration.replicaKmsKeyId") {
			return refuse("InvalidRequest", "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.")
		}
	}
	return nil
}

// placeReplication refuses replication between buckets without versions. A
// destination of another account is not looked at.
func placeReplication(c *call) error {
	if !c.versioned(c.find("s3/bucketV2", "id", c.in.str("bucket"))) {
		return refuse("InvalidRequest", "Versioning must be 'Enabled' on the bucket to apply a replication configuration")
	}
	for _, destination := range c.in.objects("rules.destination") {
		if account := destination.str("account"); account != "" && account != Account {
			continue
		}
		arn := destination.str("bucket")
		bucket := c.first(anywhere, "s3/bucketV2", func(r *Resource) bool { return r.Outputs["arn"] == arn })
		if bucket == nil {
			return refuse("InvalidRequest", "Destination bucket must exist.")
		}
		if !c.versioned(bucket) {
			return refuse("InvalidRequest", "Destination bucket must have versioning enabled.")
		}
	}
	return nil
}

// checkLifecycle refuses the rules for ageing objects that S3 refuses:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html.
func checkLifecycle(in props) error {
	seen := map[string]bool{}
	for _, rule := range in.objects("rules") {
		if id := rule.str("id"); id != "" {
			if seen[id] {
				return refuse("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
			}
			seen[id] = true
		}
		expires := rule.num("expiration.days", 0)
		for _, transition := range rule.objects("transitions") {
			days, class := transition.num("days", 0), transition.str("storageClass")
			if strings.HasSuffix(class, "_IA") && transition.has("days") && !transition.unknown("days") && days < 30 {
				return refuse("InvalidArgument", "'Days' in Transition action must be greater than or equal to 30 for "+
					"storageClass '%s'", class)
			}
			if expires > 0 && expires <= days {
				return refuse("InvalidArgument", "'Days' in the Expiration action for filter '(prefix=%s)' must be greater than "+
					"'Days' in the Transition action", rule.str("filter.prefix"))
			}
		}
	}
	return nil
}
