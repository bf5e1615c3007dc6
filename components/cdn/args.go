package cdn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// priceClasses are the sets of edge locations, cheapest first.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PriceClass.html
var priceClasses = []string{"PriceClass_100", "PriceClass_200", "PriceClass_All"}

// Args configures a [CDN].
type Args struct {
	// Domain that the distribution answers on, for example "cdn.example.com".
	// Browsers will insist on HTTPS for it and its subdomains. Optional; default
	// none: CloudFront's own name. Updates in place, but its records are replaced.
	Domain string
	// CertificateARN is an issued certificate for Domain in us-east-1. Required
	// with Domain, else left out. Updates in place.
	CertificateARN pulumi.StringInput
	// ZoneID is the hosted zone of Domain's records. Required with Domain, else
	// left out. A change replaces the records.
	ZoneID pulumi.StringInput
	// WebACLARN is a web ACL of scope CLOUDFRONT. Required; updates in place.
	WebACLARN pulumi.StringInput
	// APIOrigin takes what matches /mcp* and /api/*. Optional; default none:
	// those paths are assets like any other. Updates in place, in some minutes.
	APIOrigin *APIOrigin
	// LogBucketName is the bucket that gets the asset bucket's access log, under
	// s3/. AWS wants its policy to admit logging.s3.amazonaws.com before: take the
	// name from that policy's output. Required; updates in place.
	LogBucketName pulumi.StringInput
	// LogBucketDomain is the domain name (<name>.s3.amazonaws.com) of the bucket
	// that gets the distribution's log, under cdn/. AWS wants ACLs enabled there,
	// that is BucketOwnerPreferred. Required; updates in place.
	// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
	LogBucketDomain pulumi.StringInput
	// DetailedMetrics has CloudFront publish CacheHitRate and others, for a charge.
	// Default false. In place.
	DetailedMetrics bool
	// Replica is the provider of a second region, which each asset is copied to.
	// Optional; default none.
	Replica pulumi.ProviderResource
	// PriceClass is PriceClass_100, PriceClass_200 or PriceClass_All. Default
	// PriceClass_100, the cheapest: North America and Europe. Updates in place.
	PriceClass string
	// ForceDestroy lets destroy remove a bucket that still holds assets. Default
	// false. Updates in place.
	ForceDestroy bool
}

// APIOrigin is the application behind a [CDN].
type APIOrigin struct {
	// Domain name that the distribution connects to. Required; updates in place.
	Domain pulumi.StringInput
	// HTTPOnly connects on port 80, for an origin without a certificate. Default
	// false: HTTPS on port 443. Updates in place.
	HTTPOnly bool
}

func (a *Args) validate() error {
	if a.PriceClass == "" {
		a.PriceClass = priceClasses[0]
	}
	var errs []error
	require := func(field string, value pulumi.StringInput, what string) {
		if value == nil {
			errs = append(errs, fmt.Errorf("%s is required: give %s", field, what))
		}
	}
	require("WebACLARN", a.WebACLARN, "the ARN of a web ACL of scope CLOUDFRONT")
	require("LogBucketName", a.LogBucketName, "the bucket for the asset bucket's access log")
	require("LogBucketDomain", a.LogBucketDomain, "the domain name of the bucket for the distribution's log")
	if a.APIOrigin != nil {
		require("APIOrigin.Domain", a.APIOrigin.Domain, "the application's domain name, or leave APIOrigin out")
	}
	if a.Domain != "" {
		require("CertificateARN", a.CertificateARN, fmt.Sprintf("a certificate for %q in us-east-1", a.Domain))
		require("ZoneID", a.ZoneID, fmt.Sprintf("the hosted zone of %q", a.Domain))
	} else if a.CertificateARN != nil || a.ZoneID != nil {
		errs = append(errs, errors.New("Domain is required with CertificateARN or ZoneID: give it or leave them out"))
	}
	if !slices.Contains(priceClasses, a.PriceClass) {
		errs = append(errs, fmt.Errorf("PriceClass must be one of %v, got %q", priceClasses, a.PriceClass))
	}
	return errors.Join(errs...)
}
