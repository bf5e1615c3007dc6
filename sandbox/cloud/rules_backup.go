package cloud

import (
	"fmt"
	"regexp"
	"strings"
)

var backupRules = map[string]Rule{
	"backup/vault": {
		ID: "{name}", ARN: "backup:{region}:{account}:backup-vault:{name}", Autoname: Autoname{Max: 50},
		Outputs: map[string]any{"recoveryPoints": 0.0, "kmsKeyArn": "arn:aws:kms:{region}:{account}:key/{uuid}"},
		Refs:    []Ref{{Path: "kmsKeyArn", To: anyKey, By: "arn", Loose: true}},
		Unique:  []Unique{{Key: "{name}", Error: "AlreadyExistsException: Backup vault with the same name already exists"}},
		Check: func(in props) error {
			if name := in.str("name"); name != "" && !vaultName.MatchString(name) {
				return refuse("InvalidParameterValueException", "The backup vault name %s is not valid: it has 2 to 50 letters, "+
					"digits, hyphens and underscores", name)
			}
			return nil
		},
		Destroy: func(c *call) error {
			if props(c.old.Outputs).num("recoveryPoints", 0) > 0 && !c.in.yes("forceDestroy") {
				return refuse("InvalidRequestException", "Backup vault cannot be deleted because it contains recovery points.")
			}
			return nil
		},
		Missing: "ResourceNotFoundException: Backup vault {value} does not exist",
	},
	"backup/vaultLockConfiguration": {
		ID: "{backupVaultName}",
		Outputs: map[string]any{
			"backupVaultArn": "arn:aws:backup:{region}:{account}:backup-vault:{backupVaultName}",
		},
		Refs:  []Ref{{Path: "backupVaultName", To: "backup/vault", By: "name", Loose: true}},
		Check: checkVaultLock,
	},
	"backup/plan": {
		ID: "{uuid}", ARN: "backup:{region}:{account}:backup-plan:{id}", Autoname: Autoname{Max: 50},
		Outputs: map[string]any{"version": "{hex32}"},
		Refs:    []Ref{{Path: "rules.targetVaultName", To: "backup/vault", By: "name", Loose: true}},
		Check:   checkBackupPlan,
		Apply: func(c *call) error {
			for _, arn := range c.in.strs("rules.copyActions.destinationVaultArn") {
				inAccount := strings.Contains(arn, ":"+Account+":")
				if inAccount && c.first(anywhere, "backup/vault", func(r *Resource) bool { return r.Outputs["arn"] == arn }) == nil {
					return refuse("ResourceNotFoundException", "Backup vault %s does not exist", arn)
				}
			}
			return nil
		},
		Missing: "ResourceNotFoundException: Backup plan {value} does not exist",
		// https://docs.aws.amazon.com/aws-backup/latest/devguide/deleting-a-backup-plan.html
		InUse: "InvalidRequestException: Related backup plan selections must be deleted prior to backup plan deletion.",
	},
	"backup/selection": {
		ID: "{uuid}", Autoname: Autoname{Max: 50},
		Refs: []Ref{{Path: "planId", To: "backup/plan"}, {Path: "iamRoleArn", To: "iam/role", By: "arn", Loose: true}},
		Check: func(in props) error {
			if name := in.str("name"); name != "" && !selectionName.MatchString(name) {
				return refuse("InvalidParameterValueException", "Invalid selection name: %s", name)
			}
			return nil
		},
	},
}

var (
	vaultName     = regexp.MustCompile(`^[0-9A-Za-z_-]{2,50}$`)
	selectionName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,50}$`)
	sixFields     = regexp.MustCompile(`^cron\(\S+( \S+){5}\)$`)
)

// The days of
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html.
const (
	coolingOff  = 3 // before a lock can no longer be changed.
	maxKept     = 36500
	maxPointIn  = 35 // of a continuous backup.
	coldAtLeast = 90 // that a copy stays in cold storage.
)

func checkVaultLock(in props) error {
	if days := in.num("changeableForDays", coolingOff); days < coolingOff {
		return fmt.Errorf("expected changeable_for_days to be at least (%d), got %v", coolingOff, days)
	}
	least, most := in.num("minRetentionDays", 1), in.num("maxRetentionDays", maxKept)
	if least < 1 || most > maxKept {
		return refuse("InvalidParameterValueException", "Retention days must be between 1 and %d", maxKept)
	}
	if least > most {
		return refuse("InvalidParameterValueException", "MinRetentionDays %v must not be greater than MaxRetentionDays %v", least, most)
	}
	return nil
}

func checkBackupPlan(in props) error {
	for _, rule := range in.objects("rules") {
		if schedule := rule.str("schedule"); schedule != "" && !sixFields.MatchString(schedule) {
			return refuse("InvalidParameterValueException", "Error in rule %s : Invalid schedule expression %s", rule.str("ruleName"),
				schedule)
		}
		for path, continuous := range map[string]bool{
			"lifecycle": rule.yes("enableContinuousBackup"), "copyActions.lifecycle": false,
		} {
			for _, lifecycle := range rule.objects(path) {
				if problem := lifecycleProblem(lifecycle, continuous); problem != "" {
					return refuse("InvalidParameterValueException", "Error in rule %s : Invalid lifecycle. %s", rule.str("ruleName"),
						problem)
				}
			}
		}
	}
	return nil
}

// lifecycleProblem is what AWS Backup says of a lifecycle, such as
// https://github.com/lgallard/terraform-aws-backup/issues/40.
func lifecycleProblem(lifecycle props, continuous bool) string {
	remove, cold := lifecycle.num("deleteAfter", 0), lifecycle.num("coldStorageAfter", 0)
	switch {
	case lifecycle.str("deleteAfter") != "" && (remove < 1 || remove > maxKept):
		return fmt.Sprintf("DeleteAfterDays cannot be less than 1 or more than %d days", maxKept)
	case continuous && cold > 0:
		return "MoveToColdStorageAfterDays is unavailable"
	case continuous && remove > maxPointIn:
		return fmt.Sprintf("DeleteAfterDays cannot be more than %d days for continuous backups", maxPointIn)
	case cold > 0 && remove > 0 && remove < cold+coldAtLeast:
		return fmt.Sprintf("DeleteAfterDays cannot be less than %d days apart from MoveToColdStorageAfterDays", coldAtLeast)
	}
	return ""
}
