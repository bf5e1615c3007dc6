package cloud

import "slices"

var snsRules = map[string]Rule{
	"sns/topic": {
		ID: "{arn}", ARN: "sns:{region}:{account}:{name}", Autoname: Autoname{Max: 256},
		Outputs: map[string]any{"owner": "{account}"},
		Refs:    []Ref{{Path: "kmsMasterKeyId", To: "kms/key", By: "id arn", Loose: true}},
		Check:   func(in props) error { return checkPolicies(in, "policy") },
		Missing: "NotFound: Topic does not exist: {value}",
	},
	"sns/topicPolicy": {
		ID: "{arn}", Outputs: map[string]any{"owner": "{account}"},
		Refs:  []Ref{{Path: "arn", To: "sns/topic", By: "arn", Loose: true}},
		Check: func(in props) error { return checkPolicies(in, "policy") },
	},
	"sns/topicSubscription": {
		ID: "{arn}",
		Outputs: map[string]any{
			"arn": "{topic}:{uuid}", "ownerId": "{account}", "pendingConfirmation": false,
			"confirmationWasAuthenticated": true, "filterPolicyScope": "",
		},
		Refs: []Ref{{Path: "topic", To: "sns/topic", By: "arn", Loose: true}},
		Check: func(in props) error {
			known := []string{"", "application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"}
			if protocol := in.str("protocol"); !slices.Contains(known, protocol) {
				return refuse("InvalidParameter", "Invalid parameter: Does not support this protocol string: %s", protocol)
			}
			return nil
		},
	},
}
