package cloud

import (
	"regexp"
	"slices"
	"strings"
)

// ruleToken is the next part of a composite alarm's rule; one that looks at an
// alarm has its name. Of the grammar it leaves out AT_LEAST:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html.
var ruleToken = regexp.MustCompile(`^(?:\s+|[()]|(?:AND|OR|NOT|TRUE|FALSE)\b|` +
	`(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^\s"'()]+))\s*\))`)

// alarmsOf lists the alarms that a composite alarm looks at, by name.
func alarmsOf(composite props) ([]string, error) {
	rule := composite.str("alarmRule")
	if strings.TrimSpace(rule) != rule {
		return nil, refuse("ValidationError", "AlarmRule must not contain leading or trailing whitespace or be null")
	}
	var names []string
	for at := 0; at < len(rule); {
		if strings.HasPrefix(rule[at:], "()") {
			return nil, refuse("ValidationError", "Error in AlarmRule [Unsupported token ')' at char %d]", at+1)
		}
		match := ruleToken.FindStringSubmatch(rule[at:])
		if match == nil {
			return nil, refuse("ValidationError", "Error in AlarmRule [Unsupported token '%s' at char %d]",
				strings.Fields(rule[at:])[0], at)
		}
		if name := match[1] + match[2] + match[3]; name != "" {
			names = append(names, nameOfAlarm(name))
		}
		at += len(match[0])
	}
	for _, suppressor := range composite.strs("actionsSuppressor.alarm") {
		names = append(names, nameOfAlarm(suppressor))
	}
	return names, nil
}

// nameOfAlarm is the name of an alarm that is given by its name or ARN.
func nameOfAlarm(nameOrARN string) string {
	if _, name, isARN := strings.Cut(nameOrARN, ":alarm:"); isARN {
		return name
	}
	return nameOrARN
}

func placeCompositeAlarm(c *call) error {
	if err := alarmName(c, c.in.str("alarmName"), "cloudwatch/metricAlarm", "name"); err != nil {
		return err
	}
	names, err := alarmsOf(c.in)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range names {
		if c.find("cloudwatch/metricAlarm", "name", name) == nil && c.find("cloudwatch/compositeAlarm", "alarmName", name) == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 { // https://github.com/awsdocs/aws-cloudformation-user-guide/issues/911
		return refuse("ValidationError", "Could not save the composite alarm as alarms [%s] in the alarm rule do not exist",
			strings.Join(missing, ", "))
	}
	return alarmActions(c)
}

// alarmName refuses the name of an alarm of the other kind: one name means one
// alarm in a region.
func alarmName(c *call, name, other, property string) error {
	if c.find(other, property, name) != nil {
		return refuse("ValidationError", "The alarm %s already exists in the region as a %s: a name must be unique", name, other)
	}
	return nil
}

// alarmActions refuses actions in another region.
func alarmActions(c *call) error {
	for _, actions := range []string{"alarmActions", "okActions", "insufficientDataActions"} {
		for _, arn := range c.in.strs(actions) {
			if parts := strings.Split(arn, ":"); len(parts) > 3 && parts[3] != "" && parts[3] != c.region {
				return refuse("ValidationError", "Invalid region %s specified. Only %s is supported.", parts[3], c.region)
			}
		}
	}
	return nil
}

// freeAlarm refuses to delete an alarm that a composite alarm looks at.
func freeAlarm(c *call) error {
	watched := c.each("cloudwatch/compositeAlarm", func(r *Resource) bool {
		names, _ := alarmsOf(r.Outputs)
		return slices.Contains(names, c.old.ID)
	})
	if len(watched) > 0 {
		return refuse("ValidationError", "Cannot delete %s as there are composite alarm(s) depending on it.", c.old.ID)
	}
	return nil
}
