package cloud

import (
	"fmt"
	"regexp"
	"slices"
)

var restoreName = regexp.MustCompile(`^[a-zA-Z0-9_]{1,50}$`)

// restoreRules are AWS Backup's restore tests, with the limits of
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_RestoreTestingPlanForCreate.html
// and API_RestoreTestingSelectionForCreate.html, and a vault's policy.
var restoreRules = map[string]Rule{
	"backup/restoreTestingPlan": {
		ID: "{name}", ARN: "backup:{region}:{account}:restore-testing-plan:{name}-{uuid}", Autoname: Autoname{Max: 50},
		Outputs: map[string]any{"scheduleExpressionTimezone": "Etc/UTC", "startWindowHours": 24.0},
		Unique:  []Unique{{Key: "{name}", Error: "AlreadyExistsException: Restore testing plan {name} already exists"}},
		Check:   checkRestorePlan,
		Apply: func(c *call) error {
			for _, vault := range c.in.strs("recoveryPointSelection.includeVaults") {
				if vault != "*" && c.find("backup/vault", "arn", vault) == nil {
					return refuse("ResourceNotFoundException", "Backup vault %s does not exist", vault)
				}
			}
			return nil
		},
		Missing: "ResourceNotFoundException: Restore testing plan {value} does not exist",
		InUse:   "InvalidRequestException: Restore testing plan {id} has selections.",
	},
	"backup/restoreTestingSelection": {
		ID: "{name}:{restoreTestingPlanName}", Autoname: Autoname{Max: 50},
		Outputs: map[string]any{"validationWindowHours": 0.0},
		Refs: []Ref{
			{Path: "restoreTestingPlanName", To: "backup/restoreTestingPlan", By: "name"},
			{Path: "iamRoleArn", To: "iam/role", By: "arn", Loose: true},
		},
		Check: func(in props) error {
			if err := restoreTestName(in); err != nil {
				return err
			}
			if !in.has("protectedResourceArns") && !in.has("protectedResourceConditions") {
				return refuse("InvalidParameterValueException", "Either ProtectedResourceArns or ProtectedResourceConditions is required")
			}
			return within(in, "validationWindowHours", 1, 168)
		},
	},
	"backup/vaultNotifications": {
		ID: "{backupVaultName}",
		Outputs: map[string]any{
			"backupVaultArn": "arn:aws:backup:{region}:{account}:backup-vault:{backupVaultName}",
		},
		Refs: []Ref{
			{Path: "backupVaultName", To: "backup/vault", By: "name", Loose: true}, {Path: "snsTopicArn", To: "sns/topic", By: "arn", Loose: true},
		},
	},
	"backup/vaultPolicy": {
		ID: "{backupVaultName}",
		Outputs: map[string]any{
			"backupVaultArn": "arn:aws:backup:{region}:{account}:backup-vault:{backupVaultName}",
		},
		Refs:  []Ref{{Path: "backupVaultName", To: "backup/vault", By: "name", Loose: true}},
		Check: func(in props) error { return checkPolicies(in, "policy") },
	},
}

func restoreTestName(in props) error {
	if name := in.str("name"); name != "" && !restoreName.MatchString(name) {
		return refuse("InvalidParameterValueException", "The name %s is not valid: it has 1 to 50 letters, digits and underscores", name)
	}
	return nil
}

func checkRestorePlan(in props) error {
	if err := restoreTestName(in); err != nil {
		return err
	}
	if schedule := in.str("scheduleExpression"); schedule != "" && !sixFields.MatchString(schedule) {
		return refuse("InvalidParameterValueException", "Invalid schedule expression %s", schedule)
	}
	for path, known := range map[string][]string{
		"recoveryPointSelection.algorithm":          {"LATEST_WITHIN_WINDOW", "RANDOM_WITHIN_WINDOW"},
		"recoveryPointSelection.recoveryPointTypes": {"CONTINUOUS", "SNAPSHOT"},
	} {
		for _, value := range in.strs(path) {
			if !slices.Contains(known, value) {
				return fmt.Errorf("%s must be one of %v, got %q", path, known, value)
			}
		}
	}
	if err := within(in, "startWindowHours", 1, 168); err != nil {
		return err
	}
	return within(in, "recoveryPointSelection.selectionWindowDays", 1, 365)
}

// within refuses a number that is set and outside of the limits.
func within(in props, path string, least, most float64) error {
	if n := in.num(path, least); n < least || n > most {
		return fmt.Errorf("expected %s to be in the range (%v - %v), got %v", path, least, most, n)
	}
	return nil
}
