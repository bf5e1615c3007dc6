package cdn

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudfront"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:cdn:CDN"

// CDN is a distribution in front of a private bucket and an application.
type CDN struct {
	pulumi.ResourceState

	BucketName         pulumi.StringOutput
	BucketARN          pulumi.StringOutput
	ReplicaName        pulumi.StringOutput // bucket in the second region; empty without one
	DistributionID     pulumi.StringOutput
	DistributionDomain pulumi.StringOutput // <id>.cloudfront.net
	URL                pulumi.StringOutput // https:// and the domain, without a path
}

// New registers a CDN named name. The API origin is not among the component's
// recorded inputs: without a domain it is what a traffic switch changes.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*CDN, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("CDN %q: %w", name, err)
	}
	c := &CDN{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"domain": pulumi.String(args.Domain), "priceClass": pulumi.String(args.PriceClass),
	}, c, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	child := pulumi.Parent(c)

	bucket, replica, err := newBucket(ctx, name, args, child)
	if err != nil {
		return nil, fmt.Errorf("creating asset bucket of CDN %q: %w", name, err)
	}
	distribution, err := newDistribution(ctx, name, args, bucket, child)
	if err != nil {
		return nil, fmt.Errorf("creating distribution of CDN %q: %w", name, err)
	}
	if err := admit(ctx, name, bucket, distribution, child); err != nil {
		return nil, fmt.Errorf("creating bucket policy of CDN %q: %w", name, err)
	}
	c.URL = pulumi.Sprintf("https://%s", distribution.DomainName)
	if args.Domain != "" {
		c.URL = pulumi.String("https://" + args.Domain).ToStringOutput()
		if err := newRecords(ctx, name, args, distribution, child); err != nil {
			return nil, fmt.Errorf("creating records of CDN %q: %w", name, err)
		}
	}

	if args.DetailedMetrics {
		if err := subscribe(ctx, name, distribution, child); err != nil {
			return nil, fmt.Errorf("subscribing to the metrics of CDN %q: %w", name, err)
		}
	}

	c.BucketName, c.BucketARN, c.ReplicaName = bucket.Bucket, bucket.Arn, replica
	c.DistributionID, c.DistributionDomain = distribution.ID().ToStringOutput(), distribution.DomainName
	if err := ctx.RegisterResourceOutputs(c, pulumi.Map{
		"bucketName": c.BucketName, "distributionId": c.DistributionID, "url": c.URL,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of CDN %q: %w", name, err)
	}
	return c, nil
}

// subscribe has CloudFront publish more metrics, such as CacheHitRate, for a charge.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/viewing-cloudfront-metrics.html
func subscribe(ctx *pulumi.Context, name string, distribution *cloudfront.Distribution, child pulumi.ResourceOption) error {
	_, err := cloudfront.NewMonitoringSubscription(ctx, name+"-metrics", &cloudfront.MonitoringSubscriptionArgs{
		DistributionId: distribution.ID(),
		MonitoringSubscription: &cloudfront.MonitoringSubscriptionMonitoringSubscriptionArgs{
			RealtimeMetricsSubscriptionConfig: &cloudfront.MonitoringSubscriptionMonitoringSubscriptionRealtimeMetricsSubscriptionConfigArgs{
				RealtimeMetricsSubscriptionStatus: pulumi.String("Enabled"),
			},
		},
	}, child)
	return err
}

// newRecords points the domain at the distribution, for IPv4 and IPv6.
func newRecords(
	ctx *pulumi.Context, name string, args *Args, distribution *cloudfront.Distribution, child pulumi.ResourceOption,
) error {
	for _, recordType := range []string{"A", "AAAA"} {
		if _, err := route53.NewRecord(ctx, name+"-"+strings.ToLower(recordType), &route53.RecordArgs{
			ZoneId: args.ZoneID,
			Name:   pulumi.String(args.Domain),
			Type:   pulumi.String(recordType),
			Aliases: route53.RecordAliasArray{&route53.RecordAliasArgs{
				Name: distribution.DomainName, ZoneId: distribution.HostedZoneId,
				// Route 53 cannot evaluate the health of a distribution.
				EvaluateTargetHealth: pulumi.Bool(false),
			}},
		}, child); err != nil {
			return err
		}
	}
	return nil
}
