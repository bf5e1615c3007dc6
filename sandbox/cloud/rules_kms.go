package cloud

import (
	"fmt"
	"strings"
)

// anyKey is what names a key: one of this region, or the copy here of one of another region.
const anyKey = "kms/key kms/replicaKey"

// keyPolicy is the policy of a key without one.
const keyPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",` +
	`"Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"}]}`

var kmsRules = map[string]Rule{
	"kms/key": {
		ID: "{uuid}", ARN: "kms:{region}:{account}:key/{id}",
		Outputs: map[string]any{
			"keyId": "{id}", "keyUsage": "ENCRYPT_DECRYPT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
			"isEnabled": true, "enableKeyRotation": false, "multiRegion": false, "rotationPeriodInDays": 365.0,
			"policy": keyPolicy,
		},
		Check: checkKey,
		Apply: func(c *call) error {
			if c.old == nil && c.in.yes("multiRegion") {
				c.out["id"] = "mrk-" + randomHex(32)
			}
			return nil
		},
		Missing: "NotFoundException: Key '{value}' does not exist",
	},
	"kms/replicaKey": {
		ID: "{keyId}", ARN: "kms:{region}:{account}:key/{keyId}",
		Outputs: map[string]any{"enabled": true, "policy": keyPolicy},
		Refs:    []Ref{{Path: "primaryKeyArn", To: "kms/key", By: "arn", In: anywhere, Loose: true}},
		Check:   checkKey,
		Apply:   replicateKey,
		Missing: "NotFoundException: Key '{value}' does not exist",
	},
	"kms/alias": {
		ID: "{name}", ARN: "kms:{region}:{account}:{name}", Autoname: Autoname{Prefix: "alias/"},
		Refs:   []Ref{{Path: "targetKeyId", To: anyKey, By: "id arn", Loose: true}},
		Unique: []Unique{{Key: "{name}", Error: "AlreadyExistsException: An alias with the name {arn|name} already exists"}},
		Check: func(in props) error {
			name := in.str("name")
			if name != "" && (!strings.HasPrefix(name, "alias/") || strings.HasPrefix(name, "alias/aws/")) {
				return fmt.Errorf("%q must begin with 'alias/' and be comprised of only [a-zA-Z0-9/_-]", name)
			}
			return nil
		},
		Apply: func(c *call) error {
			for short := range strings.FieldsSeq(anyKey) {
				if key := c.find(short, "id arn", c.in.str("targetKeyId")); key != nil {
					c.out["targetKeyArn"] = key.Outputs["arn"]
				}
			}
			return nil
		},
	},
}

func checkKey(in props) error {
	if days := in.num("deletionWindowInDays", 30); days < 7 || days > 30 {
		return fmt.Errorf("expected deletion_window_in_days to be in the range (7 - 30), got %v", days)
	}
	return checkPolicies(in, "policy")
}

// replicateKey gives a replica the id and the settings of its primary, which
// must be a multi-Region key of another region and have no other replica here:
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html.
func replicateKey(c *call) error {
	arn := c.in.str("primaryKeyArn")
	primary := c.first(anywhere, "kms/key", func(r *Resource) bool { return r.Outputs["arn"] == arn })
	if primary == nil { // a name of AWS's own, which refers to no key of the account.
		return refuse("UnsupportedOperationException", "%s is not a multi-Region primary key", arn)
	}
	switch out := props(primary.Outputs); {
	case !out.yes("multiRegion"):
		return refuse("UnsupportedOperationException", "%s is not a multi-Region primary key", arn)
	case primary.Region == c.region:
		return refuse("UnsupportedOperationException", "%s is in %s: a replica must be in another Region", arn, c.region)
	case c.old == nil && c.find("kms/replicaKey", "keyId", primary.ID) != nil:
		return refuse("AlreadyExistsException", "Key '%s' already has a replica in %s", primary.ID, c.region)
	default:
		c.out["keyId"], c.out["keyUsage"] = primary.ID, out["keyUsage"]
		c.out["keySpec"], c.out["keyRotationEnabled"] = out["customerMasterKeySpec"], out.yes("enableKeyRotation")
		return nil
	}
}
