// These tests do not prove that AWS has the rule groups, accepts the rules or

// delivers the log.
package waf_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/waf"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	aclType         = "aws:wafv2/webAcl:WebAcl"
	associationType = "aws:wafv2/webAclAssociation:WebAclAssociation"
	loggingType     = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
	logGroupType    = "aws:cloudwatch/logGroup:LogGroup"
)

// webACL registers a CLOUDFRONT web ACL with a provider of its own region.
func webACL(ctx *pulumi.Context) error {
	provider, err := aws.NewProvider(ctx, "us-east-1", &aws.ProviderArgs{Region: pulumi.String("us-east-1")})
	if err != nil {
		return err
	}
	_, err = waf.New(ctx, "cdn-waf", &waf.Args{
		Scope: waf.CloudFront, LogGroupName: "codeflow-prod-cdn",
	}, pulumi.Provider(provider))
	return err
}

func TestWebACL(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, webACL)

	assert.Equal(t, []string{
		"/codeflow:waf:WebACL cdn-waf",
		"/pulumi:providers:aws us-east-1",
		"cdn-waf/aws:cloudwatch/logGroup:LogGroup cdn-waf-log",
		"cdn-waf/aws:wafv2/webAcl:WebAcl cdn-waf",
		"cdn-waf/aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration cdn-waf-logging",
	}, r.Children())

	acl := r.Get(t, aclType, "cdn-waf")
	assert.Equal(t, "CLOUDFRONT", acl.In("scope"))
	assert.Equal(t, map[string]any{"allow": map[string]any{}}, acl.In("defaultAction"))
	assert.Equal(t, visibility("cdn-waf"), acl.In("visibilityConfig"))
	assert.Equal(t, []any{
		group(0, "AWSManagedRulesAmazonIpReputationList"),
		map[string]any{
			"name": "RateLimit", "priority": 1.0, "visibilityConfig": visibility("RateLimit"),
			"action": map[string]any{"block": map[string]any{}},
			"statement": map[string]any{"rateBasedStatement": map[string]any{
				"limit": 2000.0, "aggregateKeyType": "IP", "evaluationWindowSec": 300.0,
			}},
		},
		map[string]any{
			"name": "BodyLimit", "priority": 2.0, "visibilityConfig": visibility("BodyLimit"),
			"action": map[string]any{"block": map[string]any{"customResponse": map[string]any{"responseCode": 413.0}}},
			"statement": map[string]any{"regexMatchStatement": map[string]any{
				"regexString":         acl.In("rules[2].statement.regexMatchStatement.regexString"),
				"fieldToMatch":        map[string]any{"singleHeader": map[string]any{"name": "content-length"}},
				"textTransformations": []any{map[string]any{"priority": 0.0, "type": "NONE"}},
			}},
		},
		group(3, "AWSManagedRulesCommonRuleSet", "SizeRestrictions_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY",
			"GenericRFI_BODY", "CrossSiteScripting_BODY"),
		group(4, "AWSManagedRulesKnownBadInputsRuleSet", "JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"),
		group(5, "AWSManagedRulesSQLiRuleSet", "SQLi_BODY", "SQLiExtendedPatterns_BODY"),
		map[string]any{
			"name": "AttackInBody", "priority": 6.0, "visibilityConfig": visibility("AttackInBody"),
			"action":    map[string]any{"block": map[string]any{}},
			"statement": acl.In("rules[6].statement"),
		},
	}, acl.In("rules"))
	const block = "rules[6].statement.andStatement.statements"
	var labels []string
	for _, statement := range acl.In(block + "[0].orStatement.statements").([]any) {
		labels = append(labels, statement.(map[string]any)["labelMatchStatement"].(map[string]any)["key"].(string))
	}
	assert.Equal(t, []string{
		"awswaf:managed:aws:core-rule-set:SizeRestrictions_Body", "awswaf:managed:aws:core-rule-set:EC2MetaDataSSRF_Body",
		"awswaf:managed:aws:core-rule-set:GenericLFI_Body", "awswaf:managed:aws:core-rule-set:GenericRFI_Body",
		"awswaf:managed:aws:core-rule-set:CrossSiteScripting_Body", "awswaf:managed:aws:known-bad-inputs:JavaDeserializationRCE_Body",
		"awswaf:managed:aws:known-bad-inputs:Log4JRCE_Body", "awswaf:managed:aws:known-bad-inputs:ReactJSRCE_Body",
		"awswaf:managed:aws:sql-database:SQLi_Body", "awswaf:managed:aws:sql-database:SQLiExtendedPatterns_Body",
	}, labels)
	prose := regexp.MustCompile(acl.In(block + "[1].notStatement.statements[0].regexMatchStatement.regexString").(string))
	for path, want := range map[string]bool{
		"/": false, "/mcp": true, "/mcp/": true, "/api/v1/agents": true, "/mcpx": false, "/x/mcp": false, "/apis": false,
	} {
		assert.Equal(t, want, prose.MatchString(path), path)
	}
	over := regexp.MustCompile(acl.In("rules[2].statement.regexMatchStatement.regexString").(string))
	for length := range 300_000 {
		assert.Equal(t, length > 64<<10, over.MatchString(strconv.Itoa(length)), length)
	}
	for length, want := range map[string]bool{"": false, "x": false, "0065536": false, "0065537": true, "99999999999999": true} {
		assert.Equal(t, want, over.MatchString(length), length)
	}

	log := r.Get(t, logGroupType, "cdn-waf-log")
	assert.Equal(t, "aws-waf-logs-codeflow-prod-cdn", log.In("name"))
	assert.Equal(t, 90.0, log.In("retentionInDays"))
	logging := r.Get(t, loggingType, "cdn-waf-logging")
	assert.Contains(t, logging.In("resourceArn"), ":cdn-waf")
	assert.Contains(t, logging.In("logDestinationConfigs[0]"), ":cdn-waf-log")
	assert.Equal(t, []any{
		map[string]any{"singleHeader": map[string]any{"name": "authorization"}},
		map[string]any{"singleHeader": map[string]any{"name": "cookie"}},
	}, logging.In("redactedFields"))
	condition := func(action string) any { return map[string]any{"actionCondition": map[string]any{"action": action}} }
	assert.Equal(t, map[string]any{"defaultBehavior": "DROP", "filters": []any{map[string]any{
		"behavior": "KEEP", "requirement": "MEETS_ANY", "conditions": []any{condition("BLOCK"), condition("COUNT"), condition("EXCLUDED_AS_COUNT")},
	}}}, logging.In("loggingFilter"))
}

func TestOptions(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, func(ctx *pulumi.Context) error {
		w, err := waf.New(ctx, "alb-waf", &waf.Args{
			Scope: waf.Regional, RateLimit: 10, LogRetentionDays: 365, LogGroupName: "codeflow-prod",
		})
		if err != nil {
			return err
		}
		return waf.Associate(ctx, "blue-waf", w.ARN, pulumi.String("arn:aws:elasticloadbalancing:::lb"))
	})
	assert.Equal(t, []string{
		"/aws:wafv2/webAclAssociation:WebAclAssociation blue-waf",
		"/codeflow:waf:WebACL alb-waf",
		"alb-waf/aws:cloudwatch/logGroup:LogGroup alb-waf-log",
		"alb-waf/aws:wafv2/webAcl:WebAcl alb-waf",
		"alb-waf/aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration alb-waf-logging",
	}, r.Children())
	acl := r.Get(t, aclType, "alb-waf")
	assert.Equal(t, "REGIONAL", acl.In("scope"))
	assert.Equal(t, 10.0, acl.In("rules[1].statement.rateBasedStatement.limit"))
	assert.Equal(t, 365.0, r.Get(t, logGroupType, "alb-waf-log").In("retentionInDays"))
	association := r.Get(t, associationType, "blue-waf")
	assert.Contains(t, association.In("webAclArn"), ":alb-waf")
	assert.Equal(t, "arn:aws:elasticloadbalancing:::lb", association.In("resourceArn"))
	assert.Equal(t, acl.RPC.GetVersion(), association.RPC.GetVersion())
}

// TestPlugin compares what is registered by token with the log group, which is
// registered by pulumi-aws itself.
func TestPlugin(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, webACL)
	typed := r.Get(t, logGroupType, "cdn-waf-log").RPC
	require.Contains(t, typed.GetProvider(), "::us-east-1::", "the caller's provider does not reach the children")
	for token, name := range map[string]string{aclType: "cdn-waf", loggingType: "cdn-waf-logging"} {
		got := r.Get(t, token, name).RPC
		assert.Equal(t, typed.GetVersion(), got.GetVersion(), token)
		assert.Equal(t, typed.GetPluginDownloadURL(), got.GetPluginDownloadURL(), token)
		assert.Equal(t, typed.GetProvider(), got.GetProvider(), token)
	}
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	assert.Contains(t, string(mod), "github.com/pulumi/pulumi-aws/sdk/v6 v"+typed.GetVersion()+"\n")
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	good := waf.Args{Scope: waf.Regional, LogGroupName: "codeflow"}
	for want, change := range map[string]func(*waf.Args){
		`Scope must be REGIONAL or CLOUDFRONT, got "regional"`:      func(a *waf.Args) { a.Scope = "regional" },
		"RateLimit must be 10 to 2000000000":                        func(a *waf.Args) { a.RateLimit = 9 },
		"got 2000000001":                                            func(a *waf.Args) { a.RateLimit = 2_000_000_001 },
		"log retention must be one of CloudWatch's":                 func(a *waf.Args) { a.LogRetentionDays = 100 },
		"LogGroupName is required: give what follows aws-waf-logs-": func(a *waf.Args) { a.LogGroupName = "" },
		`LogGroupName must have letters, digits and .-_/# only`:     func(a *waf.Args) { a.LogGroupName = "code flow" },
		"at most 512 characters":                                    func(a *waf.Args) { a.LogGroupName = strings.Repeat("a", 500) },
		"RateLimit must be 10 to 2000000000 requests in five minutes, got -1\nLogGroupName is required": func(a *waf.Args) { a.RateLimit, a.LogGroupName = -1, "" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			args := good
			change(&args)
			r := &recorder.Recorder{}
			assert.ErrorContains(t, r.Run(true, func(ctx *pulumi.Context) error {
				_, err := waf.New(ctx, "waf", &args)
				return err
			}), want)
			assert.Empty(t, r.Children())
		})
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	(&recorder.Recorder{}).RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := waf.New(ctx, "waf", &waf.Args{Scope: waf.Regional, LogGroupName: "codeflow"}, opts...)
			return err
		}
	})
	assert.ErrorContains(t, (&recorder.Recorder{}).Run(true, func(ctx *pulumi.Context) error {
		return waf.Associate(ctx, "", pulumi.String("acl"), pulumi.String("lb"))
	}), `associating web ACL ""`)
}

func group(priority float64, name string, count ...string) map[string]any {
	statement := map[string]any{"name": name, "vendorName": "AWS"}
	var overrides []any
	for _, rule := range count {
		overrides = append(overrides, map[string]any{"name": rule, "actionToUse": map[string]any{"count": map[string]any{}}})
	}
	if overrides != nil {
		statement["ruleActionOverrides"] = overrides
	}
	return map[string]any{
		"name": name, "priority": priority, "visibilityConfig": visibility(name),
		"overrideAction": map[string]any{"none": map[string]any{}},
		"statement":      map[string]any{"managedRuleGroupStatement": statement},
	}
}

func visibility(metric string) map[string]any {
	return map[string]any{"metricName": metric, "cloudwatchMetricsEnabled": true, "sampledRequestsEnabled": true}
}
