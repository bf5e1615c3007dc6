package dns

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// TrafficType is the type token of [Traffic].
const TrafficType = "codeflow:dns:Traffic"

// MaxWeight is the largest weight of a record.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-weighted.html
const MaxWeight = 255

// Target is a load balancer that an alias record leads to.
type Target struct {
	DNSName pulumi.StringInput
	ZoneID  pulumi.StringInput
}

// Share is the part of the traffic that one colour gets. A weight of 0 keeps a
// warm standby, which Route 53 uses when every other colour is unhealthy.
type Share struct {
	Color  string
	Weight int
	Target Target
	// HealthCheckID takes the colour out while its health check fails, whatever its
	// weight, as long as another colour is healthy. Optional; in place.
	HealthCheckID pulumi.StringPtrInput
}

// TrafficArgs configures [Traffic]. A change updates the records in place.
type TrafficArgs struct {
	ZoneID pulumi.StringInput
	Domain string
	// Shares of the colours; none means no records.
	Shares []Share
}

// Traffic is the weighted records of live.<domain> and the failover record of
// <domain>. It registers no inputs, or each switch would change two resources.
type Traffic struct {
	pulumi.ResourceState

	HealthCheckID pulumi.StringOutput // of the live name
}

// NewTraffic registers the records under name.
func NewTraffic(ctx *pulumi.Context, name string, args *TrafficArgs, opts ...pulumi.ResourceOption) (*Traffic, error) {
	if args.ZoneID == nil || args.Domain == "" {
		return nil, fmt.Errorf("traffic %q: %w", name, errors.New("ZoneID and Domain are required"))
	}
	t := &Traffic{}
	if err := ctx.RegisterComponentResourceV2(TrafficType, name, pulumi.Map{}, t, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", TrafficType, name, err)
	}
	live := Target{DNSName: pulumi.String(naming.LiveDomain(args.Domain)), ZoneID: args.ZoneID}
	var weighted []pulumi.Resource
	for _, share := range args.Shares {
		record, err := alias(ctx, name+"-"+share.Color, args.ZoneID, naming.LiveDomain(args.Domain), share.Target, route53.RecordArgs{
			SetIdentifier: pulumi.String(share.Color), HealthCheckId: share.HealthCheckID,
			WeightedRoutingPolicies: route53.RecordWeightedRoutingPolicyArray{
				&route53.RecordWeightedRoutingPolicyArgs{Weight: pulumi.Int(share.Weight)},
			},
		}, pulumi.Parent(t))
		if err != nil {
			return nil, err
		}
		weighted = append(weighted, record)
	}
	// Alias records follow what their load balancers say. The check from outside the
	// region also tells when those no longer answer. It stands without traffic too, so
	// that a switch changes records only.
	check, err := route53.NewHealthCheck(ctx, name+"-live", &route53.HealthCheckArgs{
		Type: pulumi.String("HTTPS"), Fqdn: pulumi.String(naming.LiveDomain(args.Domain)), Port: pulumi.Int(443),
		ResourcePath: pulumi.String("/health"), EnableSni: pulumi.Bool(true),
		RequestInterval: pulumi.Int(30), FailureThreshold: pulumi.Int(3),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("creating health check of %q: %w", naming.LiveDomain(args.Domain), err)
	}
	t.HealthCheckID = check.ID().ToStringOutput()
	if len(weighted) > 0 {
		// Route 53 refuses an alias to a record that does not exist yet.
		if _, err := failover(ctx, name+"-primary", "PRIMARY", args.ZoneID, args.Domain, live, check.ID(),
			pulumi.Parent(t), pulumi.DependsOn(weighted)); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(t, pulumi.Map{}); err != nil {
		return nil, fmt.Errorf("registering outputs of traffic %q: %w", name, err)
	}
	return t, nil
}

// NewAlias registers the simple alias record fqdn → target under name.
func NewAlias(
	ctx *pulumi.Context, name string, zoneID pulumi.StringInput, fqdn string, target Target, opts ...pulumi.ResourceOption,
) error {
	_, err := alias(ctx, name, zoneID, fqdn, target, route53.RecordArgs{}, opts...)
	return err
}

// NewSecondary registers, under name, where the domain leads when the primary
// record is not healthy and the target is.
func NewSecondary(
	ctx *pulumi.Context, name string, zoneID pulumi.StringInput, domain string, target Target, opts ...pulumi.ResourceOption,
) error {
	_, err := failover(ctx, name, "SECONDARY", zoneID, domain, target, nil, opts...)
	return err
}

func failover(
	ctx *pulumi.Context, name, role string, zoneID pulumi.StringInput, domain string, target Target,
	healthCheck pulumi.StringPtrInput, opts ...pulumi.ResourceOption,
) (*route53.Record, error) {
	return alias(ctx, name, zoneID, domain, target, route53.RecordArgs{
		SetIdentifier: pulumi.String(strings.ToLower(role)), HealthCheckId: healthCheck,
		FailoverRoutingPolicies: route53.RecordFailoverRoutingPolicyArray{
			&route53.RecordFailoverRoutingPolicyArgs{Type: pulumi.String(role)},
		},
	}, opts...)
}

func alias(
	ctx *pulumi.Context, name string, zoneID pulumi.StringInput, fqdn string, target Target,
	record route53.RecordArgs, opts ...pulumi.ResourceOption,
) (*route53.Record, error) {
	record.ZoneId, record.Name, record.Type = zoneID, pulumi.String(fqdn), pulumi.String("A")
	record.Aliases = route53.RecordAliasArray{&route53.RecordAliasArgs{
		Name: target.DNSName, ZoneId: target.ZoneID, EvaluateTargetHealth: pulumi.Bool(true),
	}}
	created, err := route53.NewRecord(ctx, name, &record, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating record %q: %w", fqdn, err)
	}
	return created, nil
}

// NewAlarmCheck registers, under name, a health check that fails while an alarm's
// metric breaches in a region. Without data it keeps its last status, and is healthy
// until there is any. Route 53 copies the alarm's terms: a change of them updates it.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-creating-values.html
func NewAlarmCheck(
	ctx *pulumi.Context, name string, alarm pulumi.StringInput, region, terms string, opts ...pulumi.ResourceOption,
) (*route53.HealthCheck, error) {
	check, err := route53.NewHealthCheck(ctx, name, &route53.HealthCheckArgs{
		Type: pulumi.String("CLOUDWATCH_METRIC"), CloudwatchAlarmName: alarm, CloudwatchAlarmRegion: pulumi.String(region),
		InsufficientDataHealthStatus: pulumi.String("LastKnownStatus"), Triggers: pulumi.StringMap{"terms": pulumi.String(terms)},
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating health check %q: %w", name, err)
	}
	return check, nil
}
