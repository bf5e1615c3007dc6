package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

var secretRules = map[string]Rule{
	"ssm/parameter": {
		ID:      "{name}",
		Outputs: map[string]any{"dataType": "text", "tier": "Standard"},
		Refs:    []Ref{{Path: "keyId", To: anyKey + " kms/alias", By: "id arn name", Loose: true}},
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
		Refs:    []Ref{{Path: "kmsKeyId", To: anyKey, By: "id arn", Loose: true}},
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
	"secretsmanager/secretPolicy": {
		ID: "{secretArn}",
		Check: func(in props) error {
			if err := checkPolicies(in, "policy"); err != nil {
				return err
			}
			if in.yes("blockPublicPolicy") && public(in.str("policy")) {
				return refuse("PublicPolicyException", "The BlockPublicPolicy parameter is set to true, and the resource policy did "+
					"not prevent broad access to the secret.")
			}
			return nil
		},
		Apply: func(c *call) error {
			_, err := secretOf(c, "secretArn")
			return err
		},
	},
	"secretsmanager/secretRotation": {
		ID: "{secretId}", Outputs: map[string]any{"rotationEnabled": true},
		Check: checkRotation,
		Apply: func(c *call) error {
			managed, err := secretOf(c, "secretId")
			if err == nil && !managed && !c.in.has("rotationLambdaArn") {
				err = refuse("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
			}
			if function := c.in.str("rotationLambdaArn"); err == nil && function != "" &&
				!strings.HasPrefix(function, "arn:aws:lambda:"+c.region+":") {
				err = refuse("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "+
					"function policy grants access to the principal secretsmanager.amazonaws.com.")
			}
			return err
		},
	},
}

// secretOf refuses a secret that does not exist. It reports whether the secret
// is one that RDS manages for an instance, which rotates without a function.
func secretOf(c *call, property string) (managed bool, err error) {
	id := c.in.str(property)
	if c.find("secretsmanager/secret", "id arn name", id) != nil {
		return false, nil
	}
	owner := c.first(c.region, "rds/instance", func(r *Resource) bool {
		return id != "" && slices.Contains(props(r.Outputs).strs("masterUserSecrets.secretArn"), id)
	})
	if owner == nil {
		return false, refuseAs(rules["secretsmanager/secret"].Missing, c.region, props{"value": id})
	}
	return true, nil
}

// public reports whether a policy lets everybody in without a condition.
func public(policy string) bool {
	var document props
	if json.Unmarshal([]byte(policy), &document) != nil {
		return false
	}
	return slices.ContainsFunc(document.objects("Statement"), func(statement props) bool {
		everybody := slices.Contains(append(statement.strs("Principal"), statement.strs("Principal.AWS")...), "*")
		return everybody && statement.str("Effect") == "Allow" && !statement.has("Condition")
	})
}

// maxRotationDays is the longest time between rotations:
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html.
const maxRotationDays = 1000

func checkRotation(in props) error {
	if in.unknown("rotationRules") {
		return nil
	}
	days, schedule := "rotationRules.automaticallyAfterDays", in.str("rotationRules.scheduleExpression")
	if in.has(days) == in.has("rotationRules.scheduleExpression") {
		return fmt.Errorf("exactly one of automaticallyAfterDays, scheduleExpression must be set in rotationRules")
	}
	if n := in.num(days, 1); n < 1 || n > maxRotationDays {
		return refuse("ValidationException", "1 validation error detected: Value '%v' at 'rotationRules.automaticallyAfterDays' "+
			"failed to satisfy constraint: Member must have value between 1 and %d", n, maxRotationDays)
	}
	if schedule != "" && !scheduleExpression.MatchString(schedule) {
		return refuse("InvalidParameterException", "The rotation schedule expression %s is not valid.", schedule)
	}
	return nil
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
