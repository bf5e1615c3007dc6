package vpc

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	awsx "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	httpsPort    = 443
	postgresPort = 5432
)

// clientGroup makes the group whose members may use the endpoints and the
// database, and takes the rules from the VPC's default group: nothing is meant
// to be in that one, and AWS would let its members reach each other.
func (v *VPC) clientGroup(ctx *pulumi.Context, name string, args *Args) error {
	// Empty lists, not absent ones: an absent list would leave a rule that
	// somebody adds later alone.
	if _, err := ec2.NewDefaultSecurityGroup(ctx, name+"-default", &ec2.DefaultSecurityGroupArgs{
		VpcId: v.VpcID, Ingress: ec2.DefaultSecurityGroupIngressArray{}, Egress: ec2.DefaultSecurityGroupEgressArray{},
	}, pulumi.Parent(v)); err != nil {
		return fmt.Errorf("creating default security group of VPC %q: %w", name, err)
	}
	client, err := ec2.NewSecurityGroup(ctx, name+"-client", &ec2.SecurityGroupArgs{
		Description: pulumi.String("Members may use the endpoints and the database"), VpcId: v.VpcID,
	}, pulumi.Parent(v))
	if err != nil {
		return fmt.Errorf("creating client security group of VPC %q: %w", name, err)
	}
	v.ClientSecurityGroupID = client.ID().ToStringOutput()

	egress := func(suffix string, port int, description string) error {
		if _, err := vpc.NewSecurityGroupEgressRule(ctx, name+suffix, &vpc.SecurityGroupEgressRuleArgs{
			SecurityGroupId: client.ID(), CidrIpv4: pulumi.String(args.CIDR),
			IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(port), ToPort: pulumi.Int(port),
			Description: pulumi.String(description),
		}, pulumi.Parent(v)); err != nil {
			return fmt.Errorf("creating egress rule %q of VPC %q: %w", name+suffix, name, err)
		}
		return nil
	}
	if err := egress("-client-https", httpsPort, "HTTPS to the endpoints"); err != nil {
		return err
	}
	return egress("-client-postgres", postgresPort, "PostgreSQL to the database")
}

// endpoints makes the gateway endpoint of S3, for every route table, and the
// interface endpoints, in the private subnets.
func (v *VPC) endpoints(ctx *pulumi.Context, name string, args *Args, network *awsx.Vpc) error {
	serviceName := func(service string) pulumi.StringOutput {
		return pulumi.Sprintf("com.amazonaws.%s.%s", args.Region, service)
	}
	if _, err := ec2.NewVpcEndpoint(ctx, name+"-s3", &ec2.VpcEndpointArgs{
		VpcId: v.VpcID, ServiceName: serviceName("s3"), VpcEndpointType: pulumi.String("Gateway"),
		RouteTableIds: routeTableIDs(network),
	}, pulumi.Parent(v)); err != nil {
		return fmt.Errorf("creating endpoint of s3 in VPC %q: %w", name, err)
	}
	services := args.endpoints()
	if len(services) == 0 {
		return nil
	}
	group, err := v.endpointGroup(ctx, name)
	if err != nil {
		return err
	}
	for _, service := range services {
		if _, err := ec2.NewVpcEndpoint(ctx, name+"-"+service, &ec2.VpcEndpointArgs{
			VpcId: v.VpcID, ServiceName: serviceName(service), VpcEndpointType: pulumi.String("Interface"),
			PrivateDnsEnabled: pulumi.Bool(true),
			SubnetIds:         v.PrivateSubnetIDs, SecurityGroupIds: pulumi.StringArray{group.ID()},
		}, pulumi.Parent(v)); err != nil {
			return fmt.Errorf("creating endpoint of %s in VPC %q: %w", service, name, err)
		}
	}
	return nil
}

// endpointGroup is the group of the interface endpoints: they answer only.
func (v *VPC) endpointGroup(ctx *pulumi.Context, name string) (*ec2.SecurityGroup, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-endpoints", &ec2.SecurityGroupArgs{
		Description: pulumi.String("Interface endpoints of " + name), VpcId: v.VpcID,
	}, pulumi.Parent(v))
	if err != nil {
		return nil, fmt.Errorf("creating endpoint security group of VPC %q: %w", name, err)
	}
	if _, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-endpoints-https", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), ReferencedSecurityGroupId: v.ClientSecurityGroupID,
		IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(httpsPort), ToPort: pulumi.Int(httpsPort),
		Description: pulumi.String("HTTPS from members of the client group"),
	}, pulumi.Parent(v)); err != nil {
		return nil, fmt.Errorf("creating ingress rule of the endpoints of VPC %q: %w", name, err)
	}
	return group, nil
}

func routeTableIDs(network *awsx.Vpc) pulumi.StringArrayOutput {
	return network.RouteTables.ApplyT(func(tables []*ec2.RouteTable) pulumi.StringArrayOutput {
		ids := make(pulumi.StringArray, len(tables))
		for i, table := range tables {
			ids[i] = table.ID()
		}
		return ids.ToStringArrayOutput()
	}).(pulumi.StringArrayOutput)
}
