package cloud

import (
	"fmt"
	"strings"
)

// greatestPriority is that of a listener's rule; the default rule has 99999.
const greatestPriority = 50000

// listenerRule is the rule of the type lb/listenerRule.
func listenerRule() Rule {
	return Rule{
		ID: "{arn}",
		Refs: []Ref{
			{Path: "listenerArn", To: "lb/listener", By: "arn", Loose: true}, // goes with it.
			{Path: "actions.targetGroupArn", To: "lb/targetGroup", By: "arn"},
			{Path: "actions.forward.targetGroups.arn", To: "lb/targetGroup", By: "arn"},
		},
		Unique: []Unique{{Key: "{listenerArn} {priority}", Error: "PriorityInUse: Priority '{priority}' is currently in use"}},
		Check:  checkListenerRule,
		Apply:  placeListenerRule,
	}
}

func checkListenerRule(in props) error {
	if priority := in.num("priority", 1); priority < 1 || (priority > greatestPriority && priority != 99999) {
		return fmt.Errorf("%q must be in the range 1-%d for normal rule or 99999 for default rule", "priority", greatestPriority)
	}
	for i, action := range in.objects("actions") {
		if action.str("type") == "forward" && !action.has("targetGroupArn") && !action.has("forward") {
			return fmt.Errorf("actions[%d]: a forward action needs targetGroupArn or forward", i)
		}
	}
	for i, condition := range in.objects("conditions") {
		if len(condition) != 1 {
			return fmt.Errorf("conditions[%d]: exactly one of hostHeader, httpHeader, httpRequestMethod, pathPattern, "+
				"queryStrings, sourceIp must be set, got %d", i, len(condition))
		}
	}
	return nil
}

// placeListenerRule gives a rule without a priority the one after the last, as
// the provider does, and refuses target groups that the load balancer cannot reach.
func placeListenerRule(c *call) error {
	listener := c.find("lb/listener", "arn", c.in.str("listenerArn"))
	if c.old == nil {
		c.out["arn"] = strings.Replace(listener.ID, ":listener/", ":listener-rule/", 1) + "/" + randomHex(16)
	}
	if !c.out.has("priority") {
		last := 0.0
		for _, other := range c.each("lb/listenerRule", func(r *Resource) bool { return r.Outputs["listenerArn"] == listener.ID }) {
			last = max(last, props(other.Outputs).num("priority", 0))
		}
		c.out["priority"] = last + 1
	}
	balancer := c.find("lb/loadBalancer", "arn", text(listener.Outputs["loadBalancerArn"]))
	if balancer == nil {
		return refuse("LoadBalancerNotFound", "Load balancer '%v' not found", listener.Outputs["loadBalancerArn"])
	}
	return inBalancersVPC(c, balancer, forwards(c.in))
}

// inBalancersVPC refuses target groups of another VPC than the load balancer's.
func inBalancersVPC(c *call, balancer *Resource, groups []string) error {
	for _, arn := range groups {
		if group := c.find("lb/targetGroup", "arn", arn); group.Outputs["vpcId"] != balancer.Outputs["vpcId"] {
			return refuse("ValidationError", "The following target groups are not in the same VPC as load balancer '%s': '%s'",
				balancer.ID, arn)
		}
	}
	return nil
}
