package vpc

import (
	"fmt"
	"net/netip"

	aws "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	awsx "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:vpc:VPC"

// VPC is a network of three tiers with endpoints and flow logs.
//
// In a preview that creates it, each list of subnet ids is one unknown: what
// must be known then, such as the number of zones, comes from the arguments.
type VPC struct {
	pulumi.ResourceState

	VpcID                 pulumi.StringOutput
	CIDR                  pulumi.StringOutput
	PublicSubnetIDs       pulumi.StringArrayOutput
	PrivateSubnetIDs      pulumi.StringArrayOutput
	DatabaseSubnetIDs     pulumi.StringArrayOutput
	DatabaseSubnetGroup   pulumi.StringOutput      // name of the RDS subnet group
	NATGatewayIDs         pulumi.StringArrayOutput // [NAT.Gateways] of them
	ClientSecurityGroupID pulumi.StringOutput      // its members may use the endpoints
}

// New registers a VPC named name. Give it the aws provider through opts, with
// pulumi.Providers: the engine hands it from this component to awsx's, which
// would otherwise start a provider of another version.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*VPC, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("VPC %q: %w", name, err)
	}
	v := &VPC{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"cidr": pulumi.String(args.CIDR), "zones": pulumi.Int(args.Zones), "nat": pulumi.String(string(args.NAT)),
	}, v, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}

	network, err := v.network(ctx, name, args)
	if err != nil {
		return nil, err
	}
	v.VpcID, v.CIDR = network.VpcId, pulumi.String(args.CIDR).ToStringOutput()
	v.PublicSubnetIDs, v.PrivateSubnetIDs = network.PublicSubnetIds, network.PrivateSubnetIds
	v.DatabaseSubnetIDs = network.IsolatedSubnetIds
	v.NATGatewayIDs = network.NatGateways.ApplyT(func(gateways []*aws.NatGateway) pulumi.StringArrayOutput {
		ids := pulumi.StringArray{}
		for _, gateway := range gateways {
			ids = append(ids, gateway.ID())
		}
		return ids.ToStringArrayOutput()
	}).(pulumi.StringArrayOutput)
	if err := v.clientGroup(ctx, name, args); err != nil {
		return nil, err
	}
	if err := v.endpoints(ctx, name, args, network); err != nil {
		return nil, err
	}
	if err := v.flowLogs(ctx, name, args); err != nil {
		return nil, err
	}
	subnets, err := rds.NewSubnetGroup(ctx, name+"-database", &rds.SubnetGroupArgs{
		Description: pulumi.String("Database subnets of " + name), SubnetIds: v.DatabaseSubnetIDs,
	}, pulumi.Parent(v))
	if err != nil {
		return nil, fmt.Errorf("creating database subnet group of VPC %q: %w", name, err)
	}
	v.DatabaseSubnetGroup = subnets.Name

	if err := ctx.RegisterResourceOutputs(v, pulumi.Map{
		"vpcId": v.VpcID, "cidr": v.CIDR,
		"publicSubnetIds": v.PublicSubnetIDs, "privateSubnetIds": v.PrivateSubnetIDs, "databaseSubnetIds": v.DatabaseSubnetIDs,
		"databaseSubnetGroup": v.DatabaseSubnetGroup, "clientSecurityGroupId": v.ClientSecurityGroupID,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of VPC %q: %w", name, err)
	}
	return v, nil
}

// network is the part that awsx makes: VPC, subnets, routes, gateways.
func (v *VPC) network(ctx *pulumi.Context, name string, args *Args) (*awsx.Vpc, error) {
	// awsx's default, Legacy, would order the tiers by itself.
	strategy := awsx.SubnetAllocationStrategyAuto
	var part *int // awsx's own but for two zones, see partBits
	if network, err := netip.ParsePrefix(args.CIDR); err == nil && args.Zones == minZones {
		mask := network.Bits() + partBits(args.Zones)
		part = &mask
	}
	network, err := awsx.NewVpc(ctx, name, &awsx.VpcArgs{
		CidrBlock:                 &args.CIDR,
		NumberOfAvailabilityZones: &args.Zones,
		AvailabilityZoneCidrMask:  part,
		SubnetStrategy:            &strategy,
		SubnetSpecs: []awsx.SubnetSpecArgs{
			{Type: awsx.SubnetTypePublic, CidrMask: &args.PublicMask},
			{Type: awsx.SubnetTypePrivate, CidrMask: &args.PrivateMask},
			{Type: awsx.SubnetTypeIsolated, CidrMask: &args.DatabaseMask, Name: pulumi.StringRef("database")},
		},
		NatGateways: &awsx.NatGatewayConfigurationArgs{Strategy: awsx.NatGatewayStrategy(args.NAT)},
		// Private DNS of the endpoints needs both.
		EnableDnsHostnames: pulumi.Bool(true),
		EnableDnsSupport:   pulumi.Bool(true),
	}, pulumi.Parent(v))
	if err != nil {
		return nil, fmt.Errorf("creating network of VPC %q: %w", name, err)
	}
	return network, nil
}
