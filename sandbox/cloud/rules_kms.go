package cloud

import (
	"fmt"
	"strings"
)

var kmsRules = map[string]Rule{
	"kms/key": {
		ID: "{uuid}", ARN: "kms:{region}:{account}:key/{id}",
		Outputs: map[string]any{
			"keyId": "{id}", "keyUsage": "ENCRYPT_DECRYPT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
			"isEnabled": true, "enableKeyRotation": false, "multiRegion": false, "rotationPeriodInDays": 365.0,
			"policy": `{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",` +
				`"Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"}]}`,
		},
		Check: func(in props) error {
			if days := in.num("deletionWindowInDays", 30); days < 7 || days > 30 {
				return fmt.Errorf("expected deletion_window_in_days to be in the range (7 - 30), got %v", days)
			}
			return checkPolicies(in, "policy")
		},
		Missing: "NotFoundException: Key '{value}' does not exist",
	},
	"kms/alias": {
		ID: "{name}", ARN: "kms:{region}:{account}:{name}", Autoname: Autoname{Prefix: "alias/"},
		Refs:   []Ref{{Path: "targetKeyId", To: "kms/key", By: "id arn", Loose: true}},
		Unique: []Unique{{Key: "{name}", Error: "AlreadyExistsException: An alias with the name {arn|name} already exists"}},
		Check: func(in props) error {
			name := in.str("name")
			if name != "" && (!strings.HasPrefix(name, "alias/") || strings.HasPrefix(name, "alias/aws/")) {
				return fmt.Errorf("%q must begin with 'alias/' and be comprised of only [a-zA-Z0-9/_-]", name)
			}
			return nil
		},
		Apply: func(c *call) error {
			if key := c.find("kms/key", "id arn", c.in.str("targetKeyId")); key != nil {
				c.out["targetKeyArn"] = key.Outputs["arn"]
			}
			return nil
		},
	},
}
