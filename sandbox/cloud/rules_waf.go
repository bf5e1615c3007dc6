package cloud

import (
	"fmt"
	"strings"
)

var wafRules = map[string]Rule{
	"wafv2/webAcl": {
		ID: "{uuid}", Autoname: Autoname{Max: 128},
		Outputs: map[string]any{"capacity": 100.0, "lockToken": "{uuid}", "applicationIntegrationUrl": ""},
		Unique: []Unique{{Key: "{scope} {name}", Error: "WAFDuplicateItemException: AWS WAF couldn’t perform the operation " +
			"because some resource in your request is a duplicate of an existing one."}},
		Check: checkWebACL,
		Apply: func(c *call) error {
			place := c.region + ":" + Account + ":regional"
			if c.in.str("scope") == "CLOUDFRONT" {
				if c.region != mainRegion {
					return wafInvalid("The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")
				}
				place = mainRegion + ":" + Account + ":global"
			}
			if c.old == nil {
				c.out["arn"] = fmt.Sprintf("arn:aws:wafv2:%s/webacl/%s/%s", place, c.in.str("name"), c.out.str("id"))
			}
			return nil
		},
		Destroy: func(c *call) error {
			uses := func(r *Resource) bool { return r.Outputs["webAclId"] == c.old.Outputs["arn"] }
			if len(c.each("cloudfront/distribution", uses)) > 0 {
				return refuse("WAFAssociatedItemException", wafInUse)
			}
			return nil
		},
		Missing: "WAFNonexistentItemException: AWS WAF couldn’t perform the operation because your resource doesn’t exist.",
		InUse:   "WAFAssociatedItemException: " + wafInUse,
	},
	"wafv2/webAclAssociation": {
		ID: "{webAclArn},{resourceArn}",
		Refs: []Ref{
			{Path: "webAclArn", To: "wafv2/webAcl", By: "arn"},
			{Path: "resourceArn", To: "lb/loadBalancer", By: "arn", Loose: true},
		},
		Apply: func(c *call) error {
			arn := c.in.str("webAclArn")
			if acl := c.find("wafv2/webAcl", "arn", arn); acl.Outputs["scope"] != "REGIONAL" {
				return wafInvalid("The ARN isn't valid. A web ACL of scope CLOUDFRONT cannot be associated with a regional "+
					"resource.", "WEB_ACL_ARN", arn)
			}
			return nil
		},
	},
	"wafv2/webAclLoggingConfiguration": {
		ID: "{resourceArn}",
		Refs: []Ref{
			{Path: "resourceArn", To: "wafv2/webAcl", By: "arn", Loose: true},
			{Path: "logDestinationConfigs", To: "cloudwatch/logGroup s3/bucketV2", By: "arn", Loose: true},
		},
		Check: func(in props) error {
			for _, arn := range in.strs("logDestinationConfigs") {
				name := arn[strings.LastIndex(strings.TrimSuffix(arn, ":*"), ":")+1:]
				if !strings.HasPrefix(strings.TrimPrefix(name, "deliverystream/"), "aws-waf-logs-") {
					return wafInvalid("The ARN isn't valid. A valid ARN begins with arn: and includes other information "+
						"separated by colons or slashes; the destination's name must begin with aws-waf-logs-.",
						"LOG_DESTINATION", arn)
				}
			}
			return nil
		},
	},
}

const wafInUse = "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s " +
	"associated with another resource."

func wafInvalid(reason, field, parameter string) error {
	return refuse("WAFInvalidParameterException", "Error reason: %s, field: %s, parameter: %s", reason, field, parameter)
}

func checkWebACL(in props) error {
	if scope := in.str("scope"); scope != "REGIONAL" && scope != "CLOUDFRONT" && !in.unknown("scope") {
		return fmt.Errorf("expected scope to be one of [CLOUDFRONT REGIONAL], got %s", scope)
	}
	priorities, names := map[string]bool{}, map[string]bool{}
	for _, rule := range in.objects("rules") {
		if priority := rule.str("priority"); priorities[priority] {
			return wafInvalid("You have used the same priority for more than one rule.", "RULE", priority)
		}
		if name := rule.str("name"); names[name] {
			return wafInvalid("You have used the same name for more than one rule.", "RULE", name)
		}
		priorities[rule.str("priority")], names[rule.str("name")] = true, true
		if limit := rule.num("statement.rateBasedStatement.limit", 100); limit < 10 {
			return fmt.Errorf("expected limit to be at least 10, got %v", limit)
		}
		if rule.has("action") == rule.has("overrideAction") {
			return wafInvalid("You must specify exactly one of Action and OverrideAction.", "RULE", rule.str("name"))
		}
	}
	return nil
}
