package cloud

import (
	"fmt"
	"slices"
)

var budgetRules = map[string]Rule{
	"budgets/budget": {
		ID: "{account}:{name}", ARN: "budgets::{account}:budget/{name}", Global: true, Autoname: Autoname{Max: 100},
		Outputs: map[string]any{
			"accountId": "{account}", "timePeriodStart": "2025-01-01_00:00", "timePeriodEnd": "2087-06-15_00:00",
		},
		Refs: []Ref{{
			Path: "notifications.subscriberSnsTopicArns", To: "sns/topic", By: "arn", In: anywhere, Loose: true,
		}},
		Unique: []Unique{{Key: "{name}", Error: "DuplicateRecordException: Error creating budget: {name} - the budget already " +
			"exists."}},
		Check: checkBudget,
	},
}

var (
	budgetTypes = []string{
		"", "USAGE", "COST", "RI_UTILIZATION", "RI_COVERAGE", "SAVINGS_PLANS_UTILIZATION", "SAVINGS_PLANS_COVERAGE",
	}
	timeUnits = []string{"", "DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY"}
)

func checkBudget(in props) error {
	if kind := in.str("budgetType"); !slices.Contains(budgetTypes, kind) {
		return fmt.Errorf("expected budget_type to be one of %q, got %s", budgetTypes[1:], kind)
	}
	if unit := in.str("timeUnit"); !slices.Contains(timeUnits, unit) {
		return fmt.Errorf("expected time_unit to be one of %q, got %s", timeUnits[1:], unit)
	}
	if in.has("limitAmount") != in.has("limitUnit") {
		return fmt.Errorf("limitAmount and limitUnit must be set together")
	}
	for i, notification := range in.objects("notifications") {
		if !notification.has("subscriberEmailAddresses") && !notification.has("subscriberSnsTopicArns") {
			return refuse("InvalidParameterException", "Notification %d must have at least one subscriber", i)
		}
	}
	return nil
}
