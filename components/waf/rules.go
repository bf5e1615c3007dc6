package waf

import (
	"net/http"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// rateWindow is the time over which a rate limit counts, in seconds.
const rateWindow = 300

// overMaxBody matches the Content-Length of bodies over 64 KiB, which the server
// refuses too: codeflow-server's -max-body. Those without a length pass, and the
// server counts them. A size constraint on the body itself ends where WAF's
// inspection does, at 8 KB on a load balancer.
const overMaxBody = `^0*(6553[7-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[1-9][0-9]{5,})$`

// prosePaths are where bodies are prose and source code: MCP's tool calls, and the
// API. Scripts, paths, SQL and addresses are what people ask about there.
const prosePaths = `^/(mcp|api)(/|$)`

// The managed groups, with their rules on bodies. All of them count. [attackInBody]
// then blocks what they matched, but on [prosePaths]. What is beyond the inspection
// limit passes unread: 8 KB, fixed, on a load balancer and 16 KB on CloudFront, where
// an associationConfig could raise it to 64 KB for a fee per request.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-use-case.html
// https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-setting-body-inspection-limit.html
var (
	commonRules = managedGroup{
		name: "AWSManagedRulesCommonRuleSet", labels: "core-rule-set",
		bodies: []string{"SizeRestrictions", "EC2MetaDataSSRF", "GenericLFI", "GenericRFI", "CrossSiteScripting"},
	}
	knownBadInputs = managedGroup{
		name: "AWSManagedRulesKnownBadInputsRuleSet", labels: "known-bad-inputs",
		bodies: []string{"JavaDeserializationRCE", "Log4JRCE", "ReactJSRCE"},
	}
	sqlInjection = managedGroup{
		name: "AWSManagedRulesSQLiRuleSet", labels: "sql-database", bodies: []string{"SQLi", "SQLiExtendedPatterns"},
	}
)

// rules is the web ACL's rule table, in the order of evaluation. What the cheap
// rules at the top block is not inspected further. Together they use 1142 of the
// 1500 capacity units that the base price covers.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
func rules(rateLimit int) []rule {
	return []rule{
		managedGroup{name: "AWSManagedRulesAmazonIpReputationList"},
		rateBased{name: "RateLimit", limit: rateLimit},
		tooLarge{name: "BodyLimit"},
		commonRules, knownBadInputs, sqlInjection,
		attackInBody{name: "AttackInBody", groups: []managedGroup{commonRules, knownBadInputs, sqlInjection}},
	}
}

// rule is one rule of a web ACL; its name is its metric's name too.
type rule interface {
	render(priority int) pulumi.Map
}

// managedGroup is a rule group that AWS maintains. Its rules act as AWS has set them,
// but those on bodies only count, and label what they match.
type managedGroup struct {
	name   string
	labels string   // the last part of their namespace
	bodies []string // rules, without _BODY
}

func (g managedGroup) render(priority int) pulumi.Map {
	statement := pulumi.Map{"name": pulumi.String(g.name), "vendorName": pulumi.String("AWS")}
	if len(g.bodies) > 0 {
		overrides := make(pulumi.Array, len(g.bodies))
		for i, name := range g.bodies {
			overrides[i] = pulumi.Map{
				"name": pulumi.String(name + "_BODY"), "actionToUse": pulumi.Map{"count": pulumi.Map{}},
			}
		}
		statement["ruleActionOverrides"] = overrides
	}
	return pulumi.Map{
		"name":             pulumi.String(g.name),
		"priority":         pulumi.Int(priority),
		"overrideAction":   pulumi.Map{"none": pulumi.Map{}},
		"statement":        pulumi.Map{"managedRuleGroupStatement": statement},
		"visibilityConfig": visibility(g.name),
	}
}

// attackInBody blocks what the groups' rules on bodies have labelled, but on
// [prosePaths].
type attackInBody struct {
	name   string
	groups []managedGroup
}

func (r attackInBody) render(priority int) pulumi.Map {
	var labels pulumi.Array
	for _, g := range r.groups {
		for _, name := range g.bodies {
			labels = append(labels, pulumi.Map{"labelMatchStatement": pulumi.Map{
				"scope": pulumi.String("LABEL"), "key": pulumi.String("awswaf:managed:aws:" + g.labels + ":" + name + "_Body"),
			}})
		}
	}
	prose := pulumi.Map{"regexMatchStatement": pulumi.Map{
		"regexString":         pulumi.String(prosePaths),
		"fieldToMatch":        pulumi.Map{"uriPath": pulumi.Map{}},
		"textTransformations": pulumi.Array{pulumi.Map{"priority": pulumi.Int(0), "type": pulumi.String("NONE")}},
	}}
	return pulumi.Map{
		"name":     pulumi.String(r.name),
		"priority": pulumi.Int(priority),
		"action":   pulumi.Map{"block": pulumi.Map{}},
		"statement": pulumi.Map{"andStatement": pulumi.Map{"statements": pulumi.Array{
			pulumi.Map{"orStatement": pulumi.Map{"statements": labels}},
			pulumi.Map{"notStatement": pulumi.Map{"statements": pulumi.Array{prose}}},
		}}},
		"visibilityConfig": visibility(r.name),
	}
}

// rateBased blocks an address that sends more than limit requests in a window.
type rateBased struct {
	name  string
	limit int
}

func (r rateBased) render(priority int) pulumi.Map {
	return pulumi.Map{
		"name":     pulumi.String(r.name),
		"priority": pulumi.Int(priority),
		"action":   pulumi.Map{"block": pulumi.Map{}},
		"statement": pulumi.Map{"rateBasedStatement": pulumi.Map{
			"limit": pulumi.Int(r.limit), "aggregateKeyType": pulumi.String("IP"),
			"evaluationWindowSec": pulumi.Int(rateWindow),
		}},
		"visibilityConfig": visibility(r.name),
	}
}

type tooLarge struct{ name string }

func (r tooLarge) render(priority int) pulumi.Map {
	return pulumi.Map{
		"name":     pulumi.String(r.name),
		"priority": pulumi.Int(priority),
		"action": pulumi.Map{"block": pulumi.Map{
			"customResponse": pulumi.Map{"responseCode": pulumi.Int(http.StatusRequestEntityTooLarge)},
		}},
		"statement": pulumi.Map{"regexMatchStatement": pulumi.Map{
			"regexString":         pulumi.String(overMaxBody),
			"fieldToMatch":        pulumi.Map{"singleHeader": pulumi.Map{"name": pulumi.String("content-length")}},
			"textTransformations": pulumi.Array{pulumi.Map{"priority": pulumi.Int(0), "type": pulumi.String("NONE")}},
		}},
		"visibilityConfig": visibility(r.name),
	}
}

func render(rules []rule) pulumi.Array {
	list := make(pulumi.Array, len(rules))
	for i, r := range rules {
		list[i] = r.render(i)
	}
	return list
}

func visibility(metric string) pulumi.Map {
	return pulumi.Map{
		"metricName":               pulumi.String(metric),
		"cloudwatchMetricsEnabled": pulumi.Bool(true),
		"sampledRequestsEnabled":   pulumi.Bool(true),
	}
}
