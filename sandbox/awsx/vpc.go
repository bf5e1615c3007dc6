package awsx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

const (
	vpcToken = "awsx:ec2:Vpc"

	// awsVersion is the version of the aws provider that awsx 2.22.0 asks for.
	awsVersion = "6.66.3"
)

// awsTypes maps each output that lists children to the type of its members.
var awsTypes = map[string]string{
	"eips":                   "aws:ec2/eip:Eip",
	"internetGateway":        "aws:ec2/internetGateway:InternetGateway",
	"natGateways":            "aws:ec2/natGateway:NatGateway",
	"routeTableAssociations": "aws:ec2/routeTableAssociation:RouteTableAssociation",
	"routeTables":            "aws:ec2/routeTable:RouteTable",
	"routes":                 "aws:ec2/route:Route",
	"subnets":                "aws:ec2/subnet:Subnet",
	"vpc":                    "aws:ec2/vpc:Vpc",
	"vpcEndpoints":           "aws:ec2/vpcEndpoint:VpcEndpoint",
}

// vpcComponent is the component resource. The engine takes its outputs from the answer to Construct.
type vpcComponent struct{ pulumi.ResourceState }

// child is any AWS resource under the component. Only an EIP has an AllocationID.
type child struct {
	pulumi.CustomResourceState

	AllocationID pulumi.StringOutput `pulumi:"allocationId"`
}

// vpcBuilder registers the children and keeps them by the output that lists them.
type vpcBuilder struct {
	ctx       *pulumi.Context
	name      string
	args      *vpcArgs
	vpc       *child
	gateway   *child // The internet gateway.
	nat       *child // The NAT gateway that private subnets use, nil before there is one.
	shared    pulumi.StringMap
	children  map[string][]pulumi.Resource
	subnetIDs map[string]pulumi.StringArray // By lower-case type.
}

// newVPC registers the component and its children as awsx:ec2:Vpc does.
func newVPC(
	ctx *pulumi.Context, name string, inputs provider.ConstructInputs, opts pulumi.ResourceOption,
) (*provider.ConstructResult, error) {
	args, err := readArgs(inputs)
	if err != nil {
		return nil, fmt.Errorf("reading the args of %q: %w", name, err)
	}
	component := &vpcComponent{}
	if err := ctx.RegisterComponentResource(vpcToken, name, component, opts); err != nil {
		return nil, err
	}
	// The real plugin registers the component even when it then refuses the args.
	if _, err := internals.UnsafeAwaitOutput(ctx.Context(), component.URN()); err != nil {
		return nil, err
	}
	zones, err := args.zones(ctx, component)
	if err != nil {
		return nil, err
	}
	subnets, resolved, err := args.plan(name, len(zones))
	if err != nil {
		return nil, err
	}
	b := &vpcBuilder{
		ctx:       ctx,
		name:      name,
		args:      args,
		shared:    merge(pulumi.StringMap{"Name": pulumi.String(name)}, args.Tags),
		children:  map[string][]pulumi.Resource{},
		subnetIDs: map[string]pulumi.StringArray{"public": {}, "private": {}, "isolated": {}},
	}
	if err := b.addNetwork(component); err != nil {
		return nil, err
	}
	// The public subnets of a zone come first: they host the NAT gateway that its private ones use.
	slices.SortStableFunc(subnets, func(x, y subnet) int {
		return cmp.Or(cmp.Compare(x.zone, y.zone), cmp.Compare(x.spec.tier(), y.spec.tier()))
	})
	for _, s := range subnets {
		if s.spec.is("Unused") {
			continue
		}
		if err := b.addSubnet(s, zones[s.zone]); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(component, pulumi.Map{}); err != nil {
		return nil, err
	}
	return &provider.ConstructResult{URN: component.URN(), State: b.state(resolved)}, nil
}

// add registers one child. All but the inner VPC, whose parent is the component, also depend on their parent.
func (b *vpcBuilder) add(output, name string, parent pulumi.Resource, inputs pulumi.Map) (*child, error) {
	opts := []pulumi.ResourceOption{pulumi.Parent(parent), pulumi.Version(awsVersion)}
	if _, ok := parent.(*child); ok {
		opts = append(opts, pulumi.DependsOn([]pulumi.Resource{parent}))
	}
	added := &child{}
	if err := b.ctx.RegisterResource(awsTypes[output], name, inputs, added, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", awsTypes[output], name, err)
	}
	b.children[output] = append(b.children[output], added)
	return added, nil
}

// addNetwork registers what belongs to no zone.
func (b *vpcBuilder) addNetwork(component pulumi.Resource) (err error) {
	inputs := pulumi.Map{"cidrBlock": pulumi.String(b.args.CIDRBlock), "tags": b.shared}
	maps.Copy(inputs, b.args.passed)
	if b.vpc, err = b.add("vpc", b.name, component, inputs); err != nil {
		return err
	}
	b.gateway, err = b.add("internetGateway", b.name, b.vpc, pulumi.Map{"vpcId": b.vpc.ID(), "tags": b.shared})
	if err != nil {
		return err
	}
	for i, spec := range b.args.Endpoints {
		named := b.args.EndpointNames[i]
		inputs := pulumi.Map{}
		maps.Copy(inputs, spec)
		inputs["vpcId"] = b.vpc.ID()
		inputs["tags"] = merge(b.shared, named.Tags)
		if _, err := b.add("vpcEndpoints", named.ServiceName, b.vpc, inputs); err != nil {
			return err
		}
	}
	return nil
}

// addSubnet registers a subnet with its route table and its route to the internet.
func (b *vpcBuilder) addSubnet(s subnet, zone string) error {
	own := pulumi.StringMap{"Name": pulumi.String(s.name), "SubnetType": pulumi.String(s.spec.Type)}
	var specTags pulumi.StringMapInput
	if b.args.SubnetTags != nil {
		specTags = b.args.SubnetTags[s.index].Tags
	}
	added, err := b.add("subnets", s.name, b.vpc, pulumi.Map{
		"vpcId":               b.vpc.ID(),
		"availabilityZone":    pulumi.String(zone),
		"cidrBlock":           pulumi.String(s.block.String()),
		"mapPublicIpOnLaunch": pulumi.Bool(s.spec.is("Public")),
		"tags":                merge(b.shared, specTags, own),
	})
	if err != nil {
		return err
	}
	kind := strings.ToLower(s.spec.Type)
	b.subnetIDs[kind] = append(b.subnetIDs[kind], added.ID().ToStringOutput())

	table, err := b.add("routeTables", s.name, added, pulumi.Map{"vpcId": b.vpc.ID(), "tags": merge(b.shared, own)})
	if err != nil {
		return err
	}
	link := pulumi.Map{"routeTableId": table.ID(), "subnetId": added.ID()}
	if _, err := b.add("routeTableAssociations", s.name, table, link); err != nil {
		return err
	}
	route := pulumi.Map{"routeTableId": table.ID(), "destinationCidrBlock": pulumi.String("0.0.0.0/0")}
	switch {
	case s.spec.is("Public"):
		if err := b.addNAT(added, s.zone); err != nil {
			return err
		}
		route["gatewayId"] = b.gateway.ID()
	case s.spec.is("Private") && b.nat != nil:
		route["natGatewayId"] = b.nat.ID()
	default:
		return nil
	}
	_, err = b.add("routes", s.name, table, route)
	return err
}

// addNAT registers the zone's NAT gateway in a public subnet, if the strategy wants one and it is not there yet.
func (b *vpcBuilder) addNAT(host *child, zone int) (err error) {
	wanted := zone + 1
	switch {
	case b.args.NATGateways.is("None"):
		return nil
	case b.args.NATGateways.is("Single"):
		wanted = 1
	}
	if len(b.children["natGateways"]) >= wanted {
		return nil
	}
	name := fmt.Sprintf("%s-%d", b.name, zone+1)
	tags := merge(b.args.Tags, pulumi.StringMap{"Name": pulumi.String(name)})
	inputs := pulumi.Map{"subnetId": host.ID(), "tags": tags}
	if given := b.args.NATGateways.AllocationIDs; len(given) > 0 {
		inputs["allocationId"] = given[zone]
	} else {
		eip, err := b.add("eips", name, host, pulumi.Map{"tags": tags})
		if err != nil {
			return err
		}
		inputs["allocationId"] = eip.AllocationID
	}
	b.nat, err = b.add("natGateways", name, host, inputs)
	return err
}

// state returns the outputs of the component. As in awsx, each depends on what it lists and also on the VPC and on
// every subnet, so that what uses one output waits for the whole network.
func (b *vpcBuilder) state(resolved []subnetSpec) pulumi.Map {
	state := pulumi.Map{"vpcId": b.vpc.ID().ToStringOutput(), "subnetLayout": layoutOutput(resolved).ToArrayOutput()}
	for kind, ids := range b.subnetIDs {
		state[kind+"SubnetIds"] = ids.ToStringArrayOutput()
	}
	for output := range awsTypes {
		state[output] = pulumi.ToResourceArray(b.children[output]).ToResourceArrayOutput()
	}
	state["vpc"] = pulumi.NewResourceOutput(b.vpc)
	state["internetGateway"] = pulumi.NewResourceOutput(b.gateway)

	for output, value := range state {
		urns := pulumi.Array{} // A URN is known in a preview too, and depends on its resource.
		for _, resource := range slices.Concat(b.children["vpc"], b.children["subnets"], b.children[output]) {
			urns = append(urns, resource.URN())
		}
		state[output] = pulumi.All(value, urns).ApplyT(func(both []any) any { return both[0] })
	}
	return state
}

// layoutOutput returns the specs without the fields that are unset.
func layoutOutput(specs []subnetSpec) pulumi.Array {
	outputs := pulumi.Array{}
	for _, spec := range specs {
		fields := pulumi.Map{"type": pulumi.String(spec.Type)}
		if spec.Name != "" {
			fields["name"] = pulumi.String(spec.Name)
		}
		if spec.CIDRBlocks != nil {
			fields["cidrBlocks"] = pulumi.ToStringArray(spec.CIDRBlocks)
		}
		if spec.CIDRMask != 0 {
			fields["cidrMask"] = pulumi.Int(spec.CIDRMask)
		}
		if spec.Size != 0 {
			fields["size"] = pulumi.Int(spec.Size)
		}
		outputs = append(outputs, fields)
	}
	return outputs
}
