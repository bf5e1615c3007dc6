package policies

import (
	"fmt"
	"slices"
)

// tlsPolicies are those of control ELB.17: TLS 1.2 with forward secrecy, or newer.
// https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-17
var tlsPolicies = []any{
	"ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
	"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
}

var balancerRules = slices.Concat(
	of(types("lb/loadBalancer"), []row{
		{"alb-drops-invalid-headers", "ELB.4", "A load balancer drops invalid headers", "dropInvalidHeaderFields: true", is("dropInvalidHeaderFields", true)},
		{"alb-logged", "ELB.5", "Requests are logged", "accessLogs.enabled: true", is("accessLogs.enabled", true)},
		{"alb-deletion-protected", "ELB.6", "A load balancer cannot be deleted", "enableDeletionProtection: true", is("enableDeletionProtection", true)},
		{"alb-desync", "ELB.12", "Ambiguous requests are refused", "desyncMitigationMode: defensive", is("desyncMitigationMode", nil, "defensive", "strictest")},
		{"alb-keep-alive", "", "A client asks the DNS again in time", "clientKeepAlive: 60", atMost("clientKeepAlive", 300)},
		{"alb-zones", "ELB.13", "A load balancer is in two zones", "two subnets", count("subnets", 2)},
		{"alb-firewall", "ELB.16", "A load balancer is behind a web ACL", "a WebAclAssociation", has(aws("wafv2/webAclAssociation"), "resourceArn")},
		{
			"alb-https", "", "A load balancer serves HTTPS", "a Listener with protocol HTTPS",
			say("has no Listener with protocol HTTPS", has(aws("lb/listener"), "loadBalancerArn", is("protocol", "HTTPS"))),
		},
	}...),
	of(types("lb/listener"), []row{
		{
			"alb-redirects", "ELB.1", "HTTP is redirected to HTTPS", "a redirect to HTTPS as the first of defaultActions",
			when(is("protocol", "HTTP"), is("defaultActions.0.redirect.protocol", "HTTPS")),
		},
		{
			"alb-tls-policy", "ELB.17", "HTTPS is TLS 1.2 with forward secrecy, or newer", "sslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
			when(is("protocol", "HTTPS"), is("sslPolicy", tlsPolicies...)),
		},
		{"alb-certificate", "", "HTTPS has a certificate", "certificateArn", when(is("protocol", "HTTPS"), present("certificateArn"))},
	}...),
	of(types("lb/targetGroup"), row{
		"alb-health-check", "", "Targets are asked for their health at a path", "healthCheck.path",
		all(not("healthCheck.enabled", false), present("healthCheck.path")),
	}),
)

var firewallRules = slices.Concat(
	of(types("wafv2/webAcl"), []row{
		{
			"waf-rules", "WAF.10", "A web ACL has AWS's rules against common attacks", "the rule groups AWSManagedRulesCommonRuleSet and …KnownBadInputsRuleSet",
			all(managed("AWSManagedRulesCommonRuleSet"), managed("AWSManagedRulesKnownBadInputsRuleSet")),
		},
		{
			"waf-rate-limit", "", "A web ACL limits the requests of an address", "a rule with rateBasedStatement",
			some("rules", "rateBasedStatement", present("statement.rateBasedStatement.limit")),
		},
		{
			"waf-metrics", "WAF.12", "Each rule has metrics", "rules[].visibilityConfig.cloudwatchMetricsEnabled: true",
			each("rules", is("visibilityConfig.cloudwatchMetricsEnabled", true)),
		},
		{
			"waf-bodies-counted", "", "Managed rules do not block tool calls with source code", "ruleActionOverrides that count …_BODY, and a rule of our own that blocks by label",
			all(counted("AWSManagedRulesCommonRuleSet", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "CrossSiteScripting_BODY"),
				counted("AWSManagedRulesKnownBadInputsRuleSet", "Log4JRCE_BODY"), counted("AWSManagedRulesSQLiRuleSet", "SQLi_BODY")),
		},
		{"waf-logged", "WAF.11", "Requests are logged", "a WebAclLoggingConfiguration", has(aws("wafv2/webAclLoggingConfiguration"), "resourceArn")},
	}...),
	of(types("wafv2/webAclLoggingConfiguration"), row{
		"waf-log-redacted", "", "The log has no tokens or cookies", "redactedFields with the headers authorization and cookie",
		all(redacted("authorization"), redacted("cookie")),
	}),
)

func managed(group string) check {
	return some("rules", group, is("statement.managedRuleGroupStatement.name", group))
}

// counted wants that rules of a managed group only count.
func counted(group string, rules ...string) check {
	const statement = "statement.managedRuleGroupStatement"
	var overrides []check
	for _, name := range rules {
		overrides = append(overrides, some(statement+".ruleActionOverrides", "count of "+name, is("name", name), present("actionToUse.count")))
	}
	return each("rules", when(is(statement+".name", group), overrides...))
}

func redacted(header string) check {
	return some("redactedFields", "header "+header, is("singleHeader.name", header))
}

var cdnRules = slices.Concat(
	of(types("cloudfront/distribution"), []row{
		{"cdn-root-object", "CloudFront.1", "A distribution has a page for /", "defaultRootObject", present("defaultRootObject")},
		{
			"cdn-https", "CloudFront.3", "Viewers use HTTPS", "viewerProtocolPolicy: redirect-to-https or https-only",
			behaviors(is("viewerProtocolPolicy", "redirect-to-https", "https-only")),
		},
		{"cdn-logged", "CloudFront.5", "Requests are logged", "loggingConfig", present("loggingConfig.bucket")},
		{"cdn-firewall", "CloudFront.6", "A distribution is behind a web ACL", "webAclId", present("webAclId")},
		{"cdn-certificate", "CloudFront.7", "A distribution has its own certificate", "viewerCertificate.acmCertificateArn", present("viewerCertificate.acmCertificateArn")},
		{"cdn-sni", "CloudFront.8", "A distribution needs no address of its own", "viewerCertificate.sslSupportMethod: sni-only", is("viewerCertificate.sslSupportMethod", "sni-only")},
		{
			"cdn-tls-policy", "CloudFront.15", "HTTPS is TLS 1.2 of 2021 or newer", "viewerCertificate.minimumProtocolVersion: TLSv1.2_2021",
			is("viewerCertificate.minimumProtocolVersion", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"),
		},
		{
			"cdn-origin-https", "CloudFront.9", "Origins are reached by HTTPS", "customOriginConfig.originProtocolPolicy: https-only",
			each("origins", is("customOriginConfig.originProtocolPolicy", nil, "https-only")),
		},
		{
			"cdn-origin-tls", "CloudFront.10", "Origins are reached by TLS 1.2", "customOriginConfig.originSslProtocols: [TLSv1.2]",
			each("origins", when(present("customOriginConfig"), is("customOriginConfig.originSslProtocols.0", "TLSv1.2"),
				is("customOriginConfig.originSslProtocols.1", nil))),
		},
		{
			"cdn-origin-access", "CloudFront.13", "Buckets answer the distribution only", "originAccessControlId",
			each("origins", when(is("customOriginConfig", nil), present("originAccessControlId"))),
		},
		{
			"cdn-errors-not-kept", "", "Errors are not kept", "customErrorResponses with errorCachingMinTtl: 0 for 404 and 5xx",
			all(notKept(404), notKept(500), notKept(502), notKept(503), notKept(504)),
		},
		{"cdn-headers", "", "Answers have security headers", "responseHeadersPolicyId", behaviors(present("responseHeadersPolicyId"))},
	}...),
	of(types("cloudfront/responseHeadersPolicy"), row{
		"cdn-hsts", "", "Browsers use HTTPS for a year", "securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec: 31536000",
		atLeast("securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec", 31536000),
	}),
)

func notKept(code float64) check {
	return some("customErrorResponses", fmt.Sprintf("errorCode %v with errorCachingMinTtl 0", code), is("errorCode", code), is("errorCachingMinTtl", 0.0))
}

func behaviors(c check) check {
	return all(each("defaultCacheBehavior", c), each("orderedCacheBehaviors", c))
}

var dnsRules = slices.Concat(
	of(types("acm/certificate"), []row{
		{"acm-key-length", "ACM.2", "A certificate's key is long enough", "keyAlgorithm: RSA_2048 or EC_prime256v1", not("keyAlgorithm", "RSA_1024")},
		{"acm-dns-validated", "", "A certificate renews by itself", "validationMethod: DNS", is("validationMethod", "DNS")},
	}...),
	of(types("route53/zone"), row{
		"dns-queries-logged", "Route53.2", "Queries of a public zone are logged", "a QueryLog",
		when(is("vpcs", nil), has(aws("route53/queryLog"), "zoneId")),
	}),
	of(types("route53/healthCheck"), row{
		"dns-health-https", "", "Health is asked for by HTTPS", "type: HTTPS, enableSni: true",
		all(is("type", "HTTPS", "HTTPS_STR_MATCH", "CALCULATED", "CLOUDWATCH_METRIC"), not("enableSni", false)),
	}),
)

var clusterRules = slices.Concat(
	of(types("ecs/taskDefinition"), []row{
		{"ecs-own-network", "ECS.17", "A task has its own network", "networkMode: awsvpc", is("networkMode", "awsvpc")},
		{"ecs-own-processes", "ECS.3", "A task does not see the host's processes", "no pidMode host", not("pidMode", "host")},
		{"ecs-roles", "", "A task and its start have roles", "taskRoleArn, executionRoleArn", all(present("taskRoleArn"), present("executionRoleArn"))},
		{"ecs-unprivileged", "ECS.4", "Containers are not privileged", "no privileged", containers(not("privileged", true))},
		{"ecs-read-only", "ECS.5", "Containers do not write to their image", "readonlyRootFilesystem: true", containers(is("readonlyRootFilesystem", true))},
		{"ecs-not-root", "ECS.20", "Containers do not run as root", "user: 65532:65532", containers(not("user", nil, "", "0", "0:0", "root", "root:root"))},
		{
			"ecs-no-capabilities", "", "Containers have no capabilities", "linuxParameters.capabilities.drop: [ALL]",
			containers(is("linuxParameters.capabilities.drop.0", "ALL"), is("linuxParameters.capabilities.add", nil)),
		},
		{"ecs-no-plain-secret", "ECS.8", "Secrets are not in environment variables", "secrets[].valueFrom", containers(each("environment", plainVariable))},
		{"ecs-logged", "ECS.9", "Containers log", "logConfiguration", containers(present("logConfiguration.logDriver"))},
		{"ecs-image-private", "", "Tasks start without a public registry", "image: ….dkr.ecr.….amazonaws.com/…", containers(private)},
		{"ecs-image-digest", "", "Images are named by digest", "image: repository@sha256:…", containers(byDigest)},
	}...),
	of(types("ecs/service"), []row{
		{"ecs-no-public-ip", "ECS.2", "Tasks have no public address", "networkConfiguration.assignPublicIp: false", not("networkConfiguration.assignPublicIp", true)},
		{"ecs-latest-platform", "ECS.10", "Tasks run on the latest platform", "platformVersion: LATEST", is("platformVersion", nil, "LATEST")},
		{
			"ecs-rolls-back", "", "A failed deployment is rolled back", "deploymentCircuitBreaker: {enable: true, rollback: true}",
			all(is("deploymentCircuitBreaker.enable", true), is("deploymentCircuitBreaker.rollback", true)),
		},
		{"ecs-no-exec", "", "Nobody opens a shell in a task", "enableExecuteCommand: false", not("enableExecuteCommand", true)},
	}...),
	of(types("ecs/cluster"), row{
		"ecs-insights", "ECS.12", "A cluster has Container Insights", "settings containerInsights: enabled",
		some("settings", "containerInsights: enabled", is("name", "containerInsights"), is("value", "enabled", "enhanced")),
	}),
)

func containers(checks ...check) check { return each("containerDefinitions", checks...) }
