package cloud

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

var snsRules = map[string]Rule{
	"sns/topic": {
		ID: "{arn}", ARN: "sns:{region}:{account}:{name}", Autoname: Autoname{Max: 256},
		Outputs: map[string]any{"owner": "{account}"},
		Refs:    []Ref{{Path: "kmsMasterKeyId", To: anyKey, By: "id arn", Loose: true}},
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
			"arn": "{topic}:{uuid}", "ownerId": "{account}", "filterPolicyScope": "",
		},
		Refs:  []Ref{{Path: "topic", To: "sns/topic", By: "arn", Loose: true}},
		Check: checkSubscription,
		Apply: func(c *call) error {
			if c.old == nil { // who receives it has to confirm it, which nobody does here.
				waits := confirmed[c.in.str("protocol")] && !c.in.yes("endpointAutoConfirms")
				c.out["pendingConfirmation"], c.out["confirmationWasAuthenticated"] = waits, !waits
			}
			return nil
		},
	},
}

// confirmed are the protocols of which AWS asks the receiver to confirm a
// subscription.
var confirmed = map[string]bool{"email": true, "email-json": true, "http": true, "https": true}

var phoneNumber = regexp.MustCompile(`^\+[1-9]\d{4,14}$`)

func checkSubscription(in props) error {
	known := []string{"", "application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"}
	protocol, endpoint := in.str("protocol"), in.str("endpoint")
	if !slices.Contains(known, protocol) {
		return refuse("InvalidParameter", "Invalid parameter: Does not support this protocol string: %s", protocol)
	}
	if err := checkJSON(in, "filterPolicy", "InvalidParameter"); err != nil {
		return err
	}
	if endpoint == "" {
		return nil
	}
	switch protocol {
	case "email", "email-json":
		if address, err := mail.ParseAddress(endpoint); err != nil || address.Address != endpoint {
			return refuse("InvalidParameter", "Invalid parameter: Email address")
		}
	case "http", "https":
		if !strings.HasPrefix(endpoint, protocol+"://") {
			return refuse("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol")
		}
	case "sms":
		if !phoneNumber.MatchString(endpoint) {
			return refuse("InvalidParameter", "Invalid parameter: Invalid phone number: %s", endpoint)
		}
	case "sqs", "lambda", "firehose":
		if !strings.HasPrefix(endpoint, "arn:aws:"+protocol+":") {
			return refuse("InvalidParameter", "Invalid parameter: %s endpoint ARN", strings.ToUpper(protocol))
		}
	}
	return nil
}
