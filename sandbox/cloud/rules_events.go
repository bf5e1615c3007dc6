package cloud

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// maxTargets is how many targets a rule of EventBridge may have:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html.
const maxTargets = 5

// eventRules are the types of EventBridge, which Pulumi keeps in the module
// cloudwatch. There is only the default event bus.
var eventRules = map[string]Rule{
	"cloudwatch/eventRule": {
		ID: "{name}", ARN: "events:{region}:{account}:rule/{name}", Autoname: Autoname{Max: 64},
		Outputs: map[string]any{"eventBusName": "default"},
		Refs:    []Ref{{Path: "roleArn", To: "iam/role", By: "arn", Loose: true}},
		Check:   checkEventRule,
		Apply:   defaultBus,
		Missing: "ResourceNotFoundException: Rule {value} does not exist on EventBus default.",
		InUse:   "ValidationException: Rule can't be deleted since it has targets.",
	},
	"cloudwatch/eventTarget": {
		ID:      "{rule}-{targetId}",
		Outputs: map[string]any{"eventBusName": "default", "targetId": "terraform-{hex32}"},
		Refs: []Ref{
			{Path: "rule", To: "cloudwatch/eventRule", By: "name"},
			{Path: "roleArn", To: "iam/role", By: "arn", Loose: true},
			{Path: "ecsTarget.taskDefinitionArn", To: "ecs/taskDefinition", By: "arn arnWithoutRevision", Loose: true},
		},
		Check: checkEventTarget,
		Apply: func(c *call) error {
			ofRule := func(r *Resource) bool { return r.Outputs["rule"] == c.in["rule"] }
			if len(c.each("cloudwatch/eventTarget", ofRule)) >= maxTargets {
				return refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
			}
			return defaultBus(c)
		},
	},
}

var scheduleExpression = regexp.MustCompile(`^(cron\(\S+( \S+){5}\)|rate\([1-9]\d* (minute|hour|day)s?\))$`)

func checkEventRule(in props) error {
	if !in.has("eventPattern") && !in.has("scheduleExpression") {
		return refuse("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if expression := in.str("scheduleExpression"); expression != "" && !scheduleExpression.MatchString(expression) {
		return refuse("ValidationException", "Parameter ScheduleExpression is not valid.")
	}
	if pattern := in.str("eventPattern"); pattern != "" && !json.Valid([]byte(pattern)) {
		return refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: not JSON")
	}
	return nil
}

func checkEventTarget(in props) error {
	given := 0
	for _, name := range []string{"input", "inputPath", "inputTransformer"} {
		if in.has(name) {
			given++
		}
	}
	if given > 1 {
		return fmt.Errorf("only one of input, inputPath, inputTransformer can be set")
	}
	arn := in.str("arn")
	if arn != "" && !strings.HasPrefix(arn, "arn:") {
		return refuse("ValidationException", "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", arn)
	}
	if strings.Contains(arn, ":ecs:") && !in.has("roleArn") {
		return refuse("ValidationException", "RoleArn is required for target %s.", arn)
	}
	return nil
}

func defaultBus(c *call) error {
	if bus := c.in.str("eventBusName"); bus != "" && bus != "default" {
		return refuse("ResourceNotFoundException", "Event bus %s does not exist.", bus)
	}
	return nil
}
