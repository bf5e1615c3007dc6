package cloud

import (
	"encoding/json"
	"strings"
)

// maxRoleName is the greatest length of a role's name.
const maxRoleName = 64

var iamRules = map[string]Rule{
	"iam/accountPasswordPolicy": {
		ID: "iam-account-password-policy", Global: true, Autoname: Autoname{Property: "-"},
		Outputs: map[string]any{"expirePasswords": false, "hardExpiry": false},
		Unique:  []Unique{{Key: "policy", Error: "the account has a password policy already, which this would replace"}},
		Check: func(in props) error {
			if n := in.num("minimumPasswordLength", 6); n < 6 || n > 128 {
				return refuse("ValidationError", "1 validation error detected: Value '%v' at 'minimumPasswordLength' failed to satisfy "+
					"constraint: Member must have value between 6 and 128", n)
			}
			return nil
		},
	},
	"iam/openIdConnectProvider": {
		ID: "{arn}", Global: true, Autoname: Autoname{Property: "-"},
		Unique: []Unique{{Key: "{url}", Error: "EntityAlreadyExists: Provider with url {url} already exists."}},
		Check: func(in props) error {
			if url := in.str("url"); url != "" && !strings.HasPrefix(url, "https://") {
				return refuse("ValidationError", "Invalid Open ID Connect Provider URL %s: it must begin with https://", url)
			}
			return nil
		},
		Apply: func(c *call) error {
			c.out["arn"] = "arn:aws:iam::" + Account + ":oidc-provider/" + strings.TrimPrefix(c.in.str("url"), "https://")
			return nil
		},
	},
	"accessanalyzer/analyzer": {
		ID: "{analyzerName}", ARN: "access-analyzer:{region}:{account}:analyzer/{analyzerName}", Autoname: Autoname{Property: "analyzerName"},
		Outputs: map[string]any{"type": "ACCOUNT"},
		Unique:  []Unique{{Key: "analyzer", Error: "ServiceQuotaExceededException: a region has one analyzer of the account"}},
	},
	"iam/role": {
		ID: "{name}", ARN: "iam::{account}:role{path}{name}", Global: true, Autoname: Autoname{Max: maxRoleName},
		Outputs: map[string]any{
			"path": "/", "uniqueId": "AROA{upper13}ABCD", "createDate": "2025-01-01T00:00:00Z", "maxSessionDuration": 3600.0,
		},
		Unique: []Unique{{Key: "{name}", Error: "EntityAlreadyExists: Role with name {name} already exists."}},
		Check: func(in props) error {
			if len(in.str("name")) > maxRoleName {
				return refuse("ValidationError", "1 validation error detected: Value at 'roleName' failed to satisfy "+
					"constraint: Member must have length less than or equal to %d", maxRoleName)
			}
			return checkPolicies(in, "assumeRolePolicy")
		},
		Missing: "NoSuchEntity: The role with name {value} cannot be found.",
		InUse:   "DeleteConflict: Cannot delete entity, must detach all policies first.",
	},
	"iam/policy": {
		ID: "{arn}", ARN: "iam::{account}:policy{path}{name}", Global: true, Autoname: Autoname{Max: 128},
		Outputs: map[string]any{"path": "/", "policyId": "ANPA{upper13}ABCD", "attachmentCount": 0.0},
		Unique: []Unique{{Key: "{name}", Error: "EntityAlreadyExists: A policy called {name} already exists. " +
			"Duplicate names are not allowed."}},
		Check:   func(in props) error { return checkPolicies(in, "policy") },
		Missing: "NoSuchEntity: Policy {value} does not exist or is not attachable.",
		InUse:   "DeleteConflict: Cannot delete a policy attached to entities.",
	},
	"iam/rolePolicy": {
		ID: "{role}:{name}", Global: true, Autoname: Autoname{Max: 128},
		Refs:  []Ref{{Path: "role", To: "iam/role", By: "name id"}},
		Check: func(in props) error { return checkPolicies(in, "policy") },
	},
	"iam/rolePolicyAttachment": {
		DeletedFirst: true,
		ID:           "{role}-{hex16}", Global: true,
		Refs: []Ref{
			{Path: "role", To: "iam/role", By: "name id"}, {Path: "policyArn", To: "iam/policy", By: "arn"},
		},
	},
}

// checkPolicies refuses policy documents that are not JSON with statements.
func checkPolicies(in props, names ...string) error {
	for _, name := range names {
		document := in.str(name)
		if document == "" {
			continue
		}
		var policy struct {
			Statement json.RawMessage
		}
		if json.Unmarshal([]byte(document), &policy) != nil {
			return refuse("MalformedPolicyDocument", "%s: This policy contains invalid Json", name)
		}
		if len(policy.Statement) == 0 {
			return refuse("MalformedPolicyDocument", "%s: Missing required field Statement", name)
		}
	}
	return nil
}
