// These tests do not prove that AWS accepts the distribution, nor that the

// managed policies' ids are what they are said to be.
package cdn_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/cdn"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	distributionType = "aws:cloudfront/distribution:Distribution"
	bucketType       = "aws:s3/bucketV2:BucketV2"
	recordType       = "aws:route53/record:Record"
)

// newRecorder answers what the components read of AWS's computed outputs.
func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]resource.PropertyMap{
		bucketType: resource.NewPropertyMapFromMap(map[string]any{
			"bucket": "assets-1a2b", "bucketRegionalDomainName": "assets-1a2b.s3.eu-central-1.amazonaws.com",
		}),
		distributionType: resource.NewPropertyMapFromMap(map[string]any{
			"domainName": "d111.cloudfront.net", "hostedZoneId": "Z2FDTNDATAQYW2",
		}),
	}}
}

// minimal is a CDN without domain and API, with every optional argument absent.
func minimal() *cdn.Args {
	return &cdn.Args{
		WebACLARN:       pulumi.String("arn:aws:wafv2:us-east-1:123456789012:global/webacl/cdn/1"),
		LogBucketName:   pulumi.String("logs"),
		LogBucketDomain: pulumi.String("logs.s3.amazonaws.com"),
	}
}

// full is a CDN with everything.
func full() *cdn.Args {
	args := minimal()
	args.Domain = "cdn.example.com"
	args.CertificateARN = pulumi.String("arn:aws:acm:us-east-1:123456789012:certificate/1")
	args.ZoneID = pulumi.String("Z1")
	args.APIOrigin = &cdn.APIOrigin{Domain: pulumi.String("live.example.com")}
	args.PriceClass = "PriceClass_All"
	args.ForceDestroy = true
	return args
}

// register runs a program with one CDN and returns its URL too.
func register(t *testing.T, args *cdn.Args) (*recorder.Recorder, string) {
	t.Helper()
	r := newRecorder()
	urls := make(chan string, 2)
	r.Both(t, func(ctx *pulumi.Context) error {
		c, err := cdn.New(ctx, "web", args)
		if err != nil {
			return err
		}
		c.URL.ApplyT(func(url string) string { urls <- url; return url })
		return nil
	})
	return r, <-urls
}

var assetChildren = []string{
	"/codeflow:cdn:CDN web",
	"web/aws:cloudfront/distribution:Distribution web",
	"web/aws:cloudfront/originAccessControl:OriginAccessControl web-oac",
	"web/aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy web-headers",
	"web/aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2 web-assets-lifecycle",
	"web/aws:s3/bucketLoggingV2:BucketLoggingV2 web-assets-log",
	"web/aws:s3/bucketOwnershipControls:BucketOwnershipControls web-assets-ownership",
	"web/aws:s3/bucketPolicy:BucketPolicy web-assets-policy",
	"web/aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock web-assets-private",
	"web/aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2 web-assets-encryption",
	"web/aws:s3/bucketV2:BucketV2 web-assets",
	"web/aws:s3/bucketVersioningV2:BucketVersioningV2 web-assets-versioning",
}

func TestMinimal(t *testing.T) {
	t.Parallel()
	r, url := register(t, minimal())
	assert.Equal(t, assetChildren, r.Children())
	assert.Equal(t, "https://d111.cloudfront.net", url)

	d := r.Get(t, distributionType, "web")
	assert.Nil(t, d.In("aliases"))
	assert.Nil(t, d.In("orderedCacheBehaviors"))
	assert.Equal(t, []any{map[string]any{
		"originId": "assets", "domainName": "assets-1a2b.s3.eu-central-1.amazonaws.com",
		"originAccessControlId": "web-oac-id",
	}}, d.In("origins"))
	assert.Equal(t, map[string]any{"cloudfrontDefaultCertificate": true}, d.In("viewerCertificate"))
	assert.Equal(t, "PriceClass_100", d.In("priceClass"))
	assert.Contains(t, d.In("customErrorResponses"), map[string]any{"errorCode": 503.0, "errorCachingMinTtl": 0.0}, "CloudFront would keep it")
	assert.Equal(t, false, r.Get(t, bucketType, "web-assets").In("forceDestroy"))
}

func TestFull(t *testing.T) {
	t.Parallel()
	r, url := register(t, full())
	assert.ElementsMatch(t, append([]string{
		"web/aws:route53/record:Record web-a",
		"web/aws:route53/record:Record web-aaaa",
	}, assetChildren...), r.Children())
	assert.Equal(t, "https://cdn.example.com", url)

	d := r.Get(t, distributionType, "web")
	assert.Equal(t, []any{"cdn.example.com"}, d.In("aliases"))
	assert.Equal(t, map[string]any{
		"acmCertificateArn":      "arn:aws:acm:us-east-1:123456789012:certificate/1",
		"minimumProtocolVersion": "TLSv1.2_2021", "sslSupportMethod": "sni-only",
	}, d.In("viewerCertificate"))
	assert.Equal(t, "PriceClass_All", d.In("priceClass"))
	assert.Equal(t, map[string]any{
		"originId": "api", "domainName": "live.example.com",
		"customOriginConfig": map[string]any{
			"httpPort": 80.0, "httpsPort": 443.0, "originProtocolPolicy": "https-only",
			"originSslProtocols": []any{"TLSv1.2"}, "originReadTimeout": 60.0,
		},
	}, d.In("origins[1]"))
	assert.Equal(t, []any{
		apiBehavior("/mcp*"), apiBehavior("/api/*"), apiBehavior("/.well-known/*"),
		apiBehavior("/authorize"), apiBehavior("/register"), apiBehavior("/token"),
	}, d.In("orderedCacheBehaviors"))
	assert.Equal(t, true, r.Get(t, bucketType, "web-assets").In("forceDestroy"))

	for name, typ := range map[string]string{"web-a": "A", "web-aaaa": "AAAA"} {
		record := r.Get(t, recordType, name)
		assert.Equal(t, typ, record.In("type"))
		assert.Equal(t, "Z1", record.In("zoneId"))
		assert.Equal(t, "cdn.example.com", record.In("name"))
		assert.Equal(t, []any{map[string]any{
			"name": "d111.cloudfront.net", "zoneId": "Z2FDTNDATAQYW2", "evaluateTargetHealth": false,
		}}, record.In("aliases"))
	}
}

func TestDetailedMetrics(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		args := minimal()
		args.DetailedMetrics = on
		r, _ := register(t, args)
		subscribed := r.Count()["aws:cloudfront/monitoringSubscription:MonitoringSubscription"]
		assert.Equal(t, on, subscribed == 1, "without a subscription CloudFront publishes no CacheHitRate")
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	r, _ := register(t, minimal())
	d := r.Get(t, distributionType, "web")
	assert.Equal(t, map[string]any{
		"targetOriginId": "assets", "viewerProtocolPolicy": "redirect-to-https", "compress": true,
		"allowedMethods": []any{"GET", "HEAD"}, "cachedMethods": []any{"GET", "HEAD"},
		"cachePolicyId":           "658327ea-f89d-4fab-a63d-7e88639e58f6",
		"responseHeadersPolicyId": "web-headers-id",
	}, d.In("defaultCacheBehavior"))
	for path, want := range map[string]any{
		"enabled": true, "httpVersion": "http2and3", "isIpv6Enabled": true, "defaultRootObject": "index.html",
		"webAclId":      "arn:aws:wafv2:us-east-1:123456789012:global/webacl/cdn/1",
		"loggingConfig": map[string]any{"bucket": "logs.s3.amazonaws.com", "prefix": "cdn/web/"},
		"restrictions":  map[string]any{"geoRestriction": map[string]any{"restrictionType": "none"}},
	} {
		assert.Equal(t, want, d.In(path), path)
	}
	oac := r.Get(t, "aws:cloudfront/originAccessControl:OriginAccessControl", "web-oac")
	assert.Equal(t, "s3", oac.In("originAccessControlOriginType"))
	assert.Equal(t, "always", oac.In("signingBehavior"))
	assert.Equal(t, "sigv4", oac.In("signingProtocol"))
	headers := r.Get(t, "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "web-headers")
	assert.Equal(t, map[string]any{
		"strictTransportSecurity": map[string]any{
			"accessControlMaxAgeSec": 31536000.0, "includeSubdomains": true, "override": true,
		},
		"contentTypeOptions": map[string]any{"override": true},
		"frameOptions":       map[string]any{"frameOption": "DENY", "override": true},
		"referrerPolicy":     map[string]any{"referrerPolicy": "strict-origin-when-cross-origin", "override": true},
		"contentSecurityPolicy": map[string]any{
			"contentSecurityPolicy": "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
			"override":              false,
		},
	}, headers.In("securityHeadersConfig"))
}

// TestAPIOrigin is the mode without a domain, in which the origin is what a
// traffic switch changes: the component's inputs must not show it.
func TestAPIOrigin(t *testing.T) {
	t.Parallel()
	args := minimal()
	args.APIOrigin = &cdn.APIOrigin{Domain: pulumi.String("blue.elb.amazonaws.com"), HTTPOnly: true}
	r, _ := register(t, args)
	d := r.Get(t, distributionType, "web")
	assert.Equal(t, "blue.elb.amazonaws.com", d.In("origins[1].domainName"))
	assert.Equal(t, "http-only", d.In("origins[1].customOriginConfig.originProtocolPolicy"))
	assert.Equal(t, resource.NewPropertyMapFromMap(map[string]any{"domain": "", "priceClass": "PriceClass_100"}),
		r.Get(t, "codeflow:cdn:CDN", "web").Inputs)
}

func apiBehavior(path string) map[string]any {
	return map[string]any{
		"pathPattern": path, "targetOriginId": "api", "viewerProtocolPolicy": "https-only",
		"allowedMethods":          []any{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"},
		"cachedMethods":           []any{"GET", "HEAD"},
		"cachePolicyId":           "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
		"originRequestPolicyId":   "b689b0a8-53d0-40ab-baf2-68738e2966ac",
		"responseHeadersPolicyId": "web-headers-id",
	}
}
