package main

import (
	"strings"

	"github.com/pulumi/inflector"
)

// many lists the single blocks that the Pulumi provider keeps as lists, which
// therefore have plural names. A name that ends in a dot stands for
// everything below it.
var many = []string{
	"aws_ecs_service.service_connect_configuration.service.client_alias",
	"aws_route53_record.alias",
	"aws_route53_record.failover_routing_policy",
	"aws_route53_record.geolocation_routing_policy",
	"aws_route53_record.latency_routing_policy",
	"aws_route53_record.weighted_routing_policy",
	"aws_s3_bucket.lifecycle_rule.",
	"aws_s3_bucket.logging",
	"aws_s3_bucket.object_lock_configuration.",
	"aws_s3_bucket.replication_configuration",
	"aws_s3_bucket.replication_configuration.",
	"aws_s3_bucket.server_side_encryption_configuration",
	"aws_s3_bucket.server_side_encryption_configuration.",
	"aws_s3_bucket.versioning",
	"aws_s3_bucket.website",
	"aws_wafv2_web_acl.association_config.request_body.",
}

// one lists the lists that the Pulumi provider turns into one value although
// the Terraform schema does not limit them to one item: the provider limits
// them by a validator.
var one = map[string]bool{
	"aws_backup_restore_testing_plan.recovery_point_selection":                     true,
	"aws_backup_restore_testing_selection.protected_resource_conditions":           true,
	"aws_cloudfront_vpc_origin.vpc_origin_endpoint_config.origin_ssl_protocols":    true,
	"aws_cloudfront_vpc_origin.vpc_origin_endpoint_config":                         true,
	"aws_s3_bucket_lifecycle_configuration.rule.abort_incomplete_multipart_upload": true,
	"aws_s3_bucket_lifecycle_configuration.rule.expiration":                        true,
	"aws_s3_bucket_lifecycle_configuration.rule.filter":                            true,
	"aws_s3_bucket_lifecycle_configuration.rule.filter.and":                        true,
	"aws_s3_bucket_lifecycle_configuration.rule.filter.tag":                        true,
	"aws_s3_bucket_lifecycle_configuration.rule.noncurrent_version_expiration":     true,
}

// overrides lists the properties that the Pulumi provider names by hand.
var overrides = map[string]string{
	"aws_cloudwatch_metric_alarm.alarm_name":                             "name",
	"aws_default_network_acl.egress":                                     "egress",
	"aws_default_network_acl.ingress":                                    "ingress",
	"aws_default_security_group.egress":                                  "egress",
	"aws_default_security_group.ingress":                                 "ingress",
	"aws_ecs_service.service_connect_configuration.service.client_alias": "clientAlias",
	"aws_network_acl.egress":                                             "egress",
	"aws_network_acl.ingress":                                            "ingress",
	"aws_security_group.egress":                                          "egress",
	"aws_security_group.ingress":                                         "ingress",
	"aws_sns_topic_subscription.topic_arn":                               "topic",
}

// keepsTimeouts lists the types whose timeouts are an input in Pulumi too:
// those that the provider builds on the Terraform plugin framework.
var keepsTimeouts = map[string]bool{
	"aws_cloudfront_vpc_origin":             true,
	"aws_s3_bucket_lifecycle_configuration": true,
}

// pulumiName is the name of a property in Pulumi: the Terraform bridge writes
// it in camel case and gives lists and sets a plural.
func pulumiName(path, name string, plural bool) string {
	if override, ok := overrides[path]; ok {
		return override
	}
	if plural {
		name = inflector.Pluralize(name)
	}
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// isMany reports whether the list of many names the path.
func isMany(path string) bool {
	for _, m := range many {
		if path == m || (strings.HasSuffix(m, ".") && strings.HasPrefix(path, m)) {
			return true
		}
	}
	return false
}
