package cloud

import (
	"slices"
	"strings"
)

// managedPolicies are the ids of policies that CloudFront itself has, from
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
// and its neighbours.
var managedPolicies = map[string]map[string]string{
	"cloudfront/cachePolicy": {
		"Managed-CachingOptimized":                       "658327ea-f89d-4fab-a63d-7e88639e58f6",
		"Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
		"Managed-CachingDisabled":                        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
	},
	"cloudfront/originRequestPolicy": {
		"Managed-AllViewer":                 "216adef6-5c7f-47e4-b989-5492eafa07d3",
		"Managed-AllViewerExceptHostHeader": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
		"Managed-CORS-S3Origin":             "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
		"Managed-CORS-CustomOrigin":         "59781a5b-3903-41f3-afcb-af62929ccde1",
	},
	"cloudfront/responseHeadersPolicy": {
		"Managed-SecurityHeadersPolicy":          "67f7725c-6f97-4210-82d7-5512b31e9d03",
		"Managed-SimpleCORS":                     "60669652-455b-4ae9-85a4-c4c02393f86c",
		"Managed-CORS-and-SecurityHeadersPolicy": "e61eb60c-9c35-4d20-a928-2b84e02af89c",
	},
}

// cloudfrontPolicy is the rule of the kinds of policies of cache behaviours.
func cloudfrontPolicy(kind string) Rule {
	return Rule{
		ID: "{uuid}", ARN: "cloudfront::{account}:" + kind + "/{id}", Global: true,
		Outputs: map[string]any{"etag": "E{upper13}"},
		Unique:  []Unique{{Key: "{name}", Error: "PolicyAlreadyExists: A " + kind + " with the same name already exists: {name}"}},
		Missing: "NoSuchPolicy: The " + kind + " '{value}' does not exist.",
		InUse:   "PolicyInUse: The " + kind + " '{id}' is attached to a distribution.",
	}
}

// behaviours lists the references of the cache behaviours to policies.
func behaviours() (refs []Ref) {
	for _, behaviour := range []string{"defaultCacheBehavior", "orderedCacheBehaviors"} {
		for _, kind := range []string{"cachePolicy", "originRequestPolicy", "responseHeadersPolicy"} {
			refs = append(refs, Ref{Path: behaviour + "." + kind + "Id", To: "cloudfront/" + kind})
		}
	}
	return refs
}

var cloudfrontRules = map[string]Rule{
	"cloudfront/cachePolicy":           cloudfrontPolicy("cache-policy"),
	"cloudfront/originRequestPolicy":   cloudfrontPolicy("origin-request-policy"),
	"cloudfront/responseHeadersPolicy": cloudfrontPolicy("response-headers-policy"),
	"cloudfront/monitoringSubscription": {
		ID: "{distributionId}", Global: true, Refs: []Ref{{Path: "distributionId", To: "cloudfront/distribution", In: anywhere}},
		Unique: []Unique{{Key: "{distributionId}", Error: "MonitoringSubscriptionAlreadyExists: A monitoring subscription already " +
			"exists for the specified distribution."}},
	},
	"cloudfront/originAccessControl": {
		ID: "E{upper13}", ARN: "cloudfront::{account}:origin-access-control/{id}", Global: true, Autoname: Autoname{Max: 64},
		Outputs: map[string]any{"etag": "E{upper13}"},
		Unique: []Unique{{Key: "{name}", Error: "OriginAccessControlAlreadyExists: An origin access control with the same " +
			"name already exists: {name}"}},
		Missing: "NoSuchOriginAccessControl: The origin access control '{value}' does not exist.",
		InUse:   "OriginAccessControlInUse: Cannot delete the origin access control because it's in use by one or more distributions.",
	},
	"cloudfront/distribution": {
		ID: "E{upper13}", ARN: "cloudfront::{account}:distribution/{id}", Global: true,
		Outputs: map[string]any{
			"domainName": "d{lower14}.cloudfront.net", "hostedZoneId": cloudfrontZone, "status": "Deployed",
			"etag": "E{upper13}", "callerReference": "terraform-{digits}", "inProgressValidationBatches": 0.0,
			"lastModifiedTime": "2025-01-01 00:00:00 +0000 UTC", "httpVersion": "http2", "priceClass": "PriceClass_All",
			"trustedKeyGroups": []any{}, "trustedSigners": []any{}, "retainOnDelete": false, "staging": false,
		},
		Refs: append(behaviours(),
			Ref{Path: "origins.originAccessControlId", To: "cloudfront/originAccessControl"}),
		Check: checkDistribution,
		Apply: placeDistribution,
	},
}

func checkDistribution(in props) error {
	origins := append(in.strs("origins.originId"), in.strs("originGroups.originId")...)
	targets := append(in.strs("defaultCacheBehavior.targetOriginId"), in.strs("orderedCacheBehaviors.targetOriginId")...)
	if in.unknown("origins.originId") {
		return nil
	}
	for _, target := range targets {
		if !slices.Contains(origins, target) {
			return refuse("NoSuchOrigin", "One or more of your origins or origin groups do not exist: %s", target)
		}
	}
	if in.has("aliases") && !in.has("viewerCertificate.acmCertificateArn") && !in.has("viewerCertificate.iamCertificateId") {
		return refuse("InvalidViewerCertificate", "To add an alternate domain name (CNAME) to a CloudFront distribution, you "+
			"must attach a trusted certificate that validates your authorization to use the domain name.")
	}
	return nil
}

func placeDistribution(c *call) error {
	if arn := c.in.str("viewerCertificate.acmCertificateArn"); arn != "" {
		certificate := c.first(mainRegion, "acm/certificate", func(r *Resource) bool { return r.Outputs["arn"] == arn })
		if certificate == nil || certificate.Outputs["status"] != issued {
			return refuse("InvalidViewerCertificate", "The specified SSL certificate doesn't exist, isn't in us-east-1 region, "+
				"isn't valid, or doesn't include a valid certificate chain.")
		}
		for _, alias := range c.in.strs("aliases") {
			if !covers(certificate.Outputs, alias) {
				return refuse("InvalidViewerCertificate", "The certificate that is attached to your distribution doesn't cover "+
					"the alternate domain name (CNAME) that you're trying to add: %s", alias)
			}
		}
	}
	if acl := c.in.str("webAclId"); acl != "" {
		exists := func(r *Resource) bool { return r.Outputs["arn"] == acl && r.Outputs["scope"] == "CLOUDFRONT" }
		if c.first(mainRegion, "wafv2/webAcl", exists) == nil {
			return refuse("InvalidWebACLId", "The web ACL %s does not exist or is not of scope CLOUDFRONT in us-east-1.", acl)
		}
	}
	for _, alias := range c.in.strs("aliases") {
		has := func(r *Resource) bool { return slices.Contains(props(r.Outputs).strs("aliases"), alias) }
		if len(c.each("cloudfront/distribution", has)) > 0 {
			return refuse("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a "+
				"different resource: %s", alias)
		}
	}
	return distributionLogs(c)
}

// distributionLogs refuses a log bucket that does not take ACLs, by which
// CloudFront's standard logging writes.
func distributionLogs(c *call) error {
	domain := c.in.str("loggingConfig.bucket")
	if domain == "" {
		return nil
	}
	name, _, _ := strings.Cut(domain, ".s3.")
	controls := c.find("s3/bucketOwnershipControls", "bucket", name)
	if controls == nil || props(controls.Outputs).str("rule.objectOwnership") == "BucketOwnerEnforced" {
		return refuse("InvalidArgument", "The S3 bucket that you specified for CloudFront logs does not enable ACL access: %s",
			domain)
	}
	return nil
}
