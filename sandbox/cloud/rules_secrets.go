package cloud

import (
	"fmt"
	"slices"
	"strings"
)

var secretRules = map[string]Rule{
	"ssm/parameter": {
		ID:      "{name}",
		Outputs: map[string]any{"dataType": "text", "tier": "Standard"},
		Refs:    []Ref{{Path: "keyId", To: "kms/key kms/alias", By: "id arn name", Loose: true}},
		Unique: []Unique{{Key: "{name}", Error: "ParameterAlreadyExists: The parameter already exists. To overwrite this " +
			"value, set the overwrite option in the request to true."}},
		Check: checkParameter,
		Apply: func(c *call) error {
			c.out["version"] = 1.0
			if c.old != nil {
				c.out["version"] = props(c.old.Outputs).num("version", 0) + 1
				return nil
			}
			name := "/" + strings.TrimPrefix(c.in.str("name"), "/")
			c.out["arn"] = fmt.Sprintf("arn:aws:ssm:%s:%s:parameter%s", c.region, Account, name)
			return nil
		},
	},
	"secretsmanager/secret": {
		ID: "{arn}", ARN: "secretsmanager:{region}:{account}:secret:{name}-{letters6}", Autoname: Autoname{Max: 512},
		Outputs: map[string]any{"policy": ""},
		Refs:    []Ref{{Path: "kmsKeyId", To: "kms/key", By: "id arn", Loose: true}},
		Unique: []Unique{{Key: "{name}", Error: "ResourceExistsException: The operation failed because the secret {name} " +
			"already exists."}},
		Check: func(in props) error {
			if days := in.num("recoveryWindowInDays", 30); days != 0 && (days < 7 || days > 30) {
				return fmt.Errorf("expected recovery_window_in_days to be 0 or in the range (7 - 30), got %v", days)
			}
			return nil
		},
		Missing: "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
	},
	"secretsmanager/secretVersion": {
		ID:      "{secretId}|{versionId}",
		Outputs: map[string]any{"versionId": "{uuid}", "arn": "{secretId}", "versionStages": []any{"AWSCURRENT"}},
		Refs:    []Ref{{Path: "secretId", To: "secretsmanager/secret", By: "id arn name", Loose: true}},
	},
}

func checkParameter(in props) error {
	kinds := []string{"", "String", "StringList", "SecureString"}
	if kind := in.str("type"); !slices.Contains(kinds, kind) {
		return fmt.Errorf("expected type to be one of [String StringList SecureString], got %s", kind)
	}
	name := strings.ToLower(strings.TrimPrefix(in.str("name"), "/"))
	if strings.HasPrefix(name, "aws") || strings.HasPrefix(name, "ssm") {
		return refuse("ValidationException", "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	}
	if !in.has("value") && !in.has("insecureValue") {
		return fmt.Errorf("one of value, insecureValue must be set")
	}
	return nil
}
