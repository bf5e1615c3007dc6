package cdn

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudfront"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// AWS's managed policies, which have the same id in every account.
const (
	// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
	cachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
	cachingDisabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
	allViewerExceptHostHeader = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
)

const (
	assetsOrigin = "assets"
	apiOrigin    = "api"

	// apiReadTimeout is how long the application may be silent, in seconds: twice
	// the default, since tool calls are slow, and still without a raised quota.
	// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html
	apiReadTimeout = 60
)

// apiPaths are the path patterns of the API, in the order of evaluation: also those
// where its clients look for an authorization server, which the server answers.
var apiPaths = []string{"/mcp*", "/api/*", "/.well-known/*", "/authorize", "/register", "/token"}

// errorCodes are those that CloudFront would keep for ten seconds, of the API too,
// whatever the cache policy says.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
var errorCodes = []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

func errorsNotKept() (list cloudfront.DistributionCustomErrorResponseArray) {
	for _, code := range errorCodes {
		list = append(list, &cloudfront.DistributionCustomErrorResponseArgs{
			ErrorCode: pulumi.Int(code), ErrorCachingMinTtl: pulumi.Int(0),
		})
	}
	return list
}

func newDistribution(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2, child pulumi.ResourceOption,
) (*cloudfront.Distribution, error) {
	control, err := cloudfront.NewOriginAccessControl(ctx, name+"-oac", &cloudfront.OriginAccessControlArgs{
		OriginAccessControlOriginType: pulumi.String("s3"),
		SigningBehavior:               pulumi.String("always"),
		SigningProtocol:               pulumi.String("sigv4"),
	}, child)
	if err != nil {
		return nil, err
	}
	headers, err := newSecurityHeaders(ctx, name, child)
	if err != nil {
		return nil, err
	}
	origins := cloudfront.DistributionOriginArray{&cloudfront.DistributionOriginArgs{
		OriginId:              pulumi.String(assetsOrigin),
		DomainName:            bucket.BucketRegionalDomainName,
		OriginAccessControlId: control.ID(),
	}}
	distribution := &cloudfront.DistributionArgs{
		Enabled:           pulumi.Bool(true),
		Comment:           pulumi.String(name), // a distribution has no name to tell it by
		HttpVersion:       pulumi.String("http2and3"),
		IsIpv6Enabled:     pulumi.Bool(true),
		PriceClass:        pulumi.String(args.PriceClass),
		WebAclId:          args.WebACLARN.ToStringOutput(),
		DefaultRootObject: pulumi.String("index.html"),
		DefaultCacheBehavior: &cloudfront.DistributionDefaultCacheBehaviorArgs{
			TargetOriginId:          pulumi.String(assetsOrigin),
			ViewerProtocolPolicy:    pulumi.String("redirect-to-https"),
			AllowedMethods:          pulumi.ToStringArray([]string{"GET", "HEAD"}),
			CachedMethods:           pulumi.ToStringArray([]string{"GET", "HEAD"}),
			CachePolicyId:           pulumi.String(cachingOptimized),
			ResponseHeadersPolicyId: headers.ID(),
			Compress:                pulumi.Bool(true),
		},
		CustomErrorResponses: errorsNotKept(),
		LoggingConfig: &cloudfront.DistributionLoggingConfigArgs{
			Bucket: args.LogBucketDomain,
			Prefix: pulumi.String("cdn/" + name + "/"),
		},
		Restrictions: &cloudfront.DistributionRestrictionsArgs{
			GeoRestriction: &cloudfront.DistributionRestrictionsGeoRestrictionArgs{
				RestrictionType: pulumi.String("none"),
			},
		},
		ViewerCertificate: viewerCertificate(args),
	}
	if args.Domain != "" {
		distribution.Aliases = pulumi.ToStringArray([]string{args.Domain})
	}
	if args.APIOrigin != nil {
		origins = append(origins, args.APIOrigin.origin())
		distribution.OrderedCacheBehaviors = apiBehaviors(headers)
	}
	distribution.Origins = origins
	return cloudfront.NewDistribution(ctx, name, distribution, child)
}

// origin never lets CloudFront choose the protocol by the viewer's: one port of
// the application is open.
func (o *APIOrigin) origin() *cloudfront.DistributionOriginArgs {
	protocol := "https-only"
	if o.HTTPOnly {
		protocol = "http-only"
	}
	return &cloudfront.DistributionOriginArgs{
		OriginId:   pulumi.String(apiOrigin),
		DomainName: o.Domain,
		CustomOriginConfig: &cloudfront.DistributionOriginCustomOriginConfigArgs{
			HttpPort: pulumi.Int(80), HttpsPort: pulumi.Int(443),
			OriginProtocolPolicy: pulumi.String(protocol),
			OriginSslProtocols:   pulumi.ToStringArray([]string{"TLSv1.2"}),
			OriginReadTimeout:    pulumi.Int(apiReadTimeout),
		},
	}
}

// apiBehaviors pass each request on with all but the Host header, which must be
// the origin's for its certificate to match. Plain HTTP is refused rather than
// redirected: the credentials of such a request were already sent in the clear.
func apiBehaviors(headers *cloudfront.ResponseHeadersPolicy) cloudfront.DistributionOrderedCacheBehaviorArray {
	behaviors := make(cloudfront.DistributionOrderedCacheBehaviorArray, len(apiPaths))
	for i, path := range apiPaths {
		behaviors[i] = &cloudfront.DistributionOrderedCacheBehaviorArgs{
			PathPattern:             pulumi.String(path),
			TargetOriginId:          pulumi.String(apiOrigin),
			ViewerProtocolPolicy:    pulumi.String("https-only"),
			AllowedMethods:          pulumi.ToStringArray([]string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}),
			CachedMethods:           pulumi.ToStringArray([]string{"GET", "HEAD"}),
			CachePolicyId:           pulumi.String(cachingDisabled),
			OriginRequestPolicyId:   pulumi.String(allViewerExceptHostHeader),
			ResponseHeadersPolicyId: headers.ID(),
		}
	}
	return behaviors
}

// viewerCertificate is the domain's with TLS 1.2 and above, or CloudFront's own,
// whose protocol versions AWS does not let anyone choose.
func viewerCertificate(args *Args) *cloudfront.DistributionViewerCertificateArgs {
	if args.Domain == "" {
		return &cloudfront.DistributionViewerCertificateArgs{CloudfrontDefaultCertificate: pulumi.Bool(true)}
	}
	return &cloudfront.DistributionViewerCertificateArgs{
		AcmCertificateArn:      args.CertificateARN.ToStringOutput(),
		MinimumProtocolVersion: pulumi.String("TLSv1.2_2021"),
		SslSupportMethod:       pulumi.String("sni-only"),
	}
}
