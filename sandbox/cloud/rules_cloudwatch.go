package cloud

import (
	"fmt"
	"slices"
)

// retentions are the days that CloudWatch Logs can keep events for.
var retentions = []float64{
	0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

// maxResourcePolicy is the length of a resource policy of Logs:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html.
const maxResourcePolicy = 5120

var cloudwatchRules = map[string]Rule{
	"cloudwatch/logGroup": {
		ID: "{name}", ARN: "logs:{region}:{account}:log-group:{name}", Autoname: Autoname{Max: 512},
		Outputs: map[string]any{"logGroupClass": "STANDARD"},
		Refs:    []Ref{{Path: "kmsKeyId", To: anyKey, By: "arn", Loose: true}},
		Unique:  []Unique{{Key: "{name}", Error: "ResourceAlreadyExistsException: The specified log group already exists"}},
		Check: func(in props) error {
			if days := in.num("retentionInDays", 0); !slices.Contains(retentions, days) {
				return fmt.Errorf("expected retention_in_days to be one of %v, got %v", retentions, days)
			}
			return nil
		},
		Missing: "ResourceNotFoundException: The specified log group does not exist: {value}",
	},
	"cloudwatch/metricAlarm": {
		ID: "{name}", ARN: "cloudwatch:{region}:{account}:alarm:{name}", Autoname: Autoname{Max: 255},
		Check: checkAlarm,
		Apply: func(c *call) error {
			if err := alarmName(c, c.in.str("name"), "cloudwatch/compositeAlarm", "alarmName"); err != nil {
				return err
			}
			return alarmActions(c)
		},
		Destroy: freeAlarm,
		Missing: "ResourceNotFound: The alarm '{value}' does not exist",
	},
	"cloudwatch/compositeAlarm": {
		ID: "{alarmName}", ARN: "cloudwatch:{region}:{account}:alarm:{alarmName}",
		Outputs: map[string]any{"actionsEnabled": true},
		Check: func(in props) error {
			_, err := alarmsOf(in)
			return err
		},
		Apply:   placeCompositeAlarm,
		Destroy: freeAlarm,
	},
	"cloudwatch/queryDefinition": {
		ID: "{queryDefinitionId}", Outputs: map[string]any{"queryDefinitionId": "{uuid}"},
		Refs: []Ref{{Path: "logGroupNames", To: "cloudwatch/logGroup", By: "name", Loose: true}},
	},
	"cloudwatch/logMetricFilter": {
		ID: "{name}", Key: "{logGroupName}:{name}", Autoname: Autoname{Max: 512},
		Refs: []Ref{{Path: "logGroupName", To: "cloudwatch/logGroup", By: "name", Loose: true}},
	},
	"cloudwatch/logResourcePolicy": {
		ID: "{policyName}",
		Check: func(in props) error {
			if len(in.str("policyDocument")) > maxResourcePolicy {
				return refuse("LimitExceededException", "Resource policy document exceeds %d characters", maxResourcePolicy)
			}
			return checkPolicies(in, "policyDocument")
		},
	},
	"cloudwatch/dashboard": {
		ID:      "{dashboardName}",
		Outputs: map[string]any{"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"},
		Check:   checkDashboard,
	},
}

func checkAlarm(in props) error {
	if in.has("metricName") == in.has("metricQueries") {
		return fmt.Errorf("exactly one of metricName, metricQueries must be set")
	}
	if in.has("metricName") && !in.has("statistic") && !in.has("extendedStatistic") {
		return fmt.Errorf("one of statistic, extendedStatistic must be set when metricName is")
	}
	if period := int(in.num("period", 60)); period != 10 && period != 20 && period != 30 && (period <= 0 || period%60 != 0) {
		return refuse("ValidationError", "Period must be 10, 20, 30 or a multiple of 60, got %d", period)
	}
	if in.num("evaluationPeriods", 1) < 1 {
		return refuse("ValidationError", "EvaluationPeriods must be greater than or equal to 1")
	}
	if in.num("datapointsToAlarm", 0) > in.num("evaluationPeriods", 1e9) {
		return refuse("ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods")
	}
	missing := []string{"", "missing", "ignore", "breaching", "notBreaching"}
	if !slices.Contains(missing, in.str("treatMissingData")) {
		return fmt.Errorf("expected treat_missing_data to be one of %v, got %s", missing[1:], in.str("treatMissingData"))
	}
	return nil
}
