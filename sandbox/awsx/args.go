package awsx

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

const (
	zonesToken       = "aws:index/getAvailabilityZones:getAvailabilityZones"
	defaultCIDRBlock = "10.0.0.0/16"
	defaultZones     = 3
)

// vpcPassThrough are the args that the inner VPC takes as they are.
var vpcPassThrough = []string{
	"assignGeneratedIpv6CidrBlock", "enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics",
	"instanceTenancy", "ipv4NetmaskLength", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup", "ipv6IpamPoolId",
	"ipv6NetmaskLength",
}

// vpcArgs are the args of awsx:ec2:Vpc. Two fields with one tag are two views of one arg.
type vpcArgs struct {
	CIDRBlock      string                    `pulumi:"cidrBlock"`
	IPAMPool       pulumi.Input              `pulumi:"ipv4IpamPoolId"`
	NATGateways    natArgs                   `pulumi:"natGateways"`
	SubnetStrategy string                    `pulumi:"subnetStrategy"`
	SubnetSpecs    []subnetSpec              `pulumi:"subnetSpecs"`
	SubnetTags     []taggedArgs              `pulumi:"subnetSpecs"`
	Tags           pulumi.StringMapInput     `pulumi:"tags"`
	Endpoints      []map[string]pulumi.Input `pulumi:"vpcEndpointSpecs"`
	EndpointNames  []taggedArgs              `pulumi:"vpcEndpointSpecs"`
	ZoneCount      int                       `pulumi:"numberOfAvailabilityZones"`
	ZoneMask       int                       `pulumi:"availabilityZoneCidrMask"`
	ZoneNames      []string                  `pulumi:"availabilityZoneNames"`

	passed pulumi.Map // The args named by vpcPassThrough.
}

// natArgs is the arg natGateways.
type natArgs struct {
	Strategy      string               `pulumi:"strategy"`
	AllocationIDs []pulumi.StringInput `pulumi:"elasticIpAllocationIds"`
}

// taggedArgs is the part of a subnet or endpoint spec that names and tags it.
type taggedArgs struct {
	ServiceName string                `pulumi:"serviceName"`
	Tags        pulumi.StringMapInput `pulumi:"tags"`
}

// readArgs reads the args and applies the defaults.
func readArgs(inputs provider.ConstructInputs) (*vpcArgs, error) {
	args := &vpcArgs{passed: pulumi.Map{}}
	if err := inputs.CopyTo(args); err != nil {
		return nil, err
	}
	all, err := inputs.Map()
	if err != nil {
		return nil, err
	}
	for _, key := range vpcPassThrough {
		if value, ok := all[key]; ok {
			args.passed[key] = value
		}
	}
	args.CIDRBlock = cmp.Or(args.CIDRBlock, defaultCIDRBlock)
	args.NATGateways.Strategy = cmp.Or(args.NATGateways.Strategy, "OnePerAz")
	args.SubnetStrategy = cmp.Or(args.SubnetStrategy, strategyLegacy)
	return args, nil
}

// zones returns the names of the zones to use.
func (a *vpcArgs) zones(ctx *pulumi.Context, component pulumi.Resource) ([]string, error) {
	if a.ZoneNames != nil && a.ZoneCount != 0 {
		return nil, errors.New("Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified")
	}
	if a.ZoneNames != nil {
		return a.ZoneNames, nil
	}
	var found struct {
		Names []string `pulumi:"names"`
	}
	err := ctx.Invoke(zonesToken, nil, &found, pulumi.Parent(component), pulumi.Version(awsVersion))
	if err != nil {
		return nil, fmt.Errorf("finding availability zones: %w", err)
	}
	want := cmp.Or(a.ZoneCount, defaultZones)
	if want < 1 || len(found.Names) < want {
		return nil, fmt.Errorf("The configured region for this provider does not have at least %d Availability Zones. "+
			"Either specify an explicit list of zones in availabilityZoneNames or choose a region with at least %d AZs.", want, want)
	}
	return found.Names[:want], nil
}

// plan checks the args and decides the subnets. The errors are in awsx's own words where awsx has the same limit.
func (a *vpcArgs) plan(name string, zones int) ([]subnet, []subnetSpec, error) {
	if a.IPAMPool != nil {
		return nil, nil, errors.New("the sandbox's awsx does not know IPAM (ipv4IpamPoolId), only cidrBlock")
	}
	if err := a.NATGateways.check(zones); err != nil {
		return nil, nil, err
	}
	for _, tags := range append([]taggedArgs{{Tags: a.Tags}}, slices.Concat(a.SubnetTags, a.EndpointNames)...) {
		if _, known := tags.Tags.(pulumi.StringMap); tags.Tags != nil && !known {
			return nil, nil, errors.New("the sandbox's awsx needs tags whose keys are known, not an output of all tags")
		}
	}
	subnets, resolved, err := layout{
		vpcName:  name,
		cidr:     a.CIDRBlock,
		strategy: a.SubnetStrategy,
		zones:    zones,
		zoneMask: a.ZoneMask,
		specs:    a.SubnetSpecs,
	}.plan()
	if err != nil {
		return nil, nil, err
	}
	has := func(kind string) bool {
		return slices.ContainsFunc(subnets, func(s subnet) bool { return s.spec.is(kind) })
	}
	if !a.NATGateways.is("None") && (!has("Public") || !has("Private")) {
		return nil, nil, errors.New("If NAT Gateway strategy is 'OnePerAz' or 'Single', both private and public subnets " +
			"must be declared. The private subnet creates the need for a NAT Gateway, and the public subnet is required to " +
			"host the NAT Gateway resource.")
	}
	return subnets, resolved, nil
}

// is compares the strategy without regard to case, as awsx does.
func (n natArgs) is(strategy string) bool { return strings.EqualFold(n.Strategy, strategy) }

// check reports a number of EIPs that does not fit the strategy.
func (n natArgs) check(zones int) error {
	given := len(n.AllocationIDs)
	switch {
	case n.is("None"):
		if given != 0 {
			return fmt.Errorf("Elastic IP allocation IDs cannot be specified when NAT Gateway strategy is '%s'.", n.Strategy)
		}
	case n.is("Single"):
		if given > 1 {
			return fmt.Errorf("Exactly one Elastic IP may be specified when NAT Gateway strategy is '%s'.", n.Strategy)
		}
	case n.is("OnePerAz"):
		if given != 0 && given != zones {
			return fmt.Errorf("The number of Elastic IPs, if specified, must match the number of availability zones for the "+
				"VPC (%d) when NAT Gateway strategy is '%s'", zones, n.Strategy)
		}
	default:
		return fmt.Errorf("Unknown NatGatewayStrategy '%s'", n.Strategy)
	}
	return nil
}

// merge returns the tags of every layer; a later layer wins.
func merge(layers ...pulumi.StringMapInput) pulumi.StringMap {
	merged := pulumi.StringMap{}
	for _, layer := range layers {
		if tags, ok := layer.(pulumi.StringMap); ok {
			maps.Copy(merged, tags)
		}
	}
	return merged
}
