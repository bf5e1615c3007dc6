package cloud

import "fmt"

// xrayRules are the types of X-Ray. Two sampling rules may have one priority;
// their names then decide, as in
// https://github.com/aws/aws-xray-sdk-go/blob/master/strategy/sampling/centralized_sampling_rule_manifest.go.
var xrayRules = map[string]Rule{
	"xray/group": {
		ID: "{arn}", ARN: "xray:{region}:{account}:group/{groupName}/{upper20}",
		Unique: []Unique{{Key: "{groupName}", Error: "InvalidRequestException: Group with name {groupName} already exists."}},
		Check: func(in props) error {
			if name := in.str("groupName"); len(name) > 32 || name == "Default" {
				return refuse("InvalidRequestException", "Invalid group name: %s. It has 1 to 32 characters and is not Default.", name)
			}
			settings := "insightsConfiguration."
			if in.yes(settings+"notificationsEnabled") && in.str(settings+"insightsEnabled") == "false" {
				return refuse("InvalidRequestException", "Notifications cannot be enabled when insights are not")
			}
			return nil
		},
	},
	"xray/samplingRule": {
		ID: "{ruleName}", ARN: "xray:{region}:{account}:sampling-rule/{ruleName}",
		Unique: []Unique{{Key: "{ruleName}", Error: "InvalidRequestException: Sampling rule {ruleName} already exists."}},
		Check:  checkSamplingRule,
	},
}

// checkSamplingRule judges the limits of
// https://docs.aws.amazon.com/xray/latest/api/API_SamplingRule.html.
func checkSamplingRule(in props) error {
	if name := in.str("ruleName"); !in.has("ruleName") || len(name) > 32 {
		return fmt.Errorf("expected length of rule_name to be in the range (1 - 32), got %s", name)
	}
	if priority := in.num("priority", 1); priority < 1 || priority > 9999 {
		return fmt.Errorf("expected priority to be in the range (1 - 9999), got %v", priority)
	}
	if rate := in.num("fixedRate", 0); rate < 0 || rate > 1 {
		return refuse("InvalidRequestException", "FixedRate must be between 0 and 1, got %v", rate)
	}
	if size := in.num("reservoirSize", 0); size < 0 {
		return fmt.Errorf("expected reservoir_size to be at least (0), got %v", size)
	}
	if version := in.num("version", 1); version != 1 {
		return refuse("InvalidRequestException", "Unsupported sampling rule version: %v", version)
	}
	return nil
}
