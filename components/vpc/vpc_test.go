// These tests do not prove what awsx makes of its arguments: the recorder
// answers for it with the outputs that a real awsx has.
package vpc_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	callerIdentity = "aws:index/getCallerIdentity:getCallerIdentity"
	endpointType   = "aws:ec2/vpcEndpoint:VpcEndpoint"
	routeTableType = "aws:ec2/routeTable:RouteTable"
)

func newRecorder() *recorder.Recorder {
	table := func(name string) resource.PropertyValue {
		return resource.MakeCustomResourceReference(
			resource.URN("urn:pulumi:test::codeflow::"+routeTableType+"::"+name), resource.ID(name+"-id"), "")
	}
	list := func(values ...string) resource.PropertyValue {
		properties := make([]resource.PropertyValue, len(values))
		for i, v := range values {
			properties[i] = resource.NewProperty(v)
		}
		return resource.NewProperty(properties)
	}
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			callerIdentity: func(resource.PropertyMap) (resource.PropertyMap, error) {
				return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			"awsx:ec2:Vpc": {
				"vpcId":             resource.NewProperty("vpc-1"),
				"publicSubnetIds":   list("public-1", "public-2"),
				"privateSubnetIds":  list("private-1", "private-2"),
				"isolatedSubnetIds": list("database-1", "database-2"),
				"routeTables":       resource.NewProperty([]resource.PropertyValue{table("table-1"), table("table-2")}),
			},
			"aws:rds/subnetGroup:SubnetGroup": {"name": resource.NewProperty("net-database-1a2b3c4")},
		},
	}
}

// program makes the route tables that awsx would make, and the VPC.
func program(args vpc.Args, use func(*pulumi.Context, *vpc.VPC), opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		var tables []pulumi.Resource
		for _, name := range []string{"table-1", "table-2"} {
			table, err := ec2.NewRouteTable(ctx, name, &ec2.RouteTableArgs{VpcId: pulumi.String("vpc-1")})
			if err != nil {
				return err
			}
			tables = append(tables, table)
		}
		v, err := vpc.New(ctx, "net", &args, append(opts, pulumi.DependsOn(tables))...)
		if err == nil && use != nil {
			use(ctx, v)
		}
		return err
	}
}

func minimal() vpc.Args {
	return vpc.Args{CIDR: "10.0.0.0/16", Region: pulumi.String("eu-central-1")}
}

func TestVPC(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), nil))

	assert.Equal(t, []string{
		"/aws:ec2/routeTable:RouteTable table-1",
		"/aws:ec2/routeTable:RouteTable table-2",
		"/codeflow:vpc:VPC net",
		"net/aws:cloudwatch/logGroup:LogGroup net-flow",
		"net/aws:ec2/defaultSecurityGroup:DefaultSecurityGroup net-default",
		"net/aws:ec2/flowLog:FlowLog net-flow",
		"net/aws:ec2/securityGroup:SecurityGroup net-client",
		"net/aws:ec2/securityGroup:SecurityGroup net-endpoints",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-ecr.api",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-ecr.dkr",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-kms",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-logs",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-s3",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-secretsmanager",
		"net/aws:ec2/vpcEndpoint:VpcEndpoint net-ssm",
		"net/aws:iam/role:Role net-flow",
		"net/aws:iam/rolePolicy:RolePolicy net-flow",
		"net/aws:rds/subnetGroup:SubnetGroup net-database",
		"net/aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule net-client-https",
		"net/aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule net-client-postgres",
		"net/aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule net-endpoints-https",
		"net/awsx:ec2:Vpc net",
	}, r.Children())
	network := r.Get(t, "awsx:ec2:Vpc", "net")
	assert.True(t, network.RPC.GetRemote())
	assert.Equal(t, map[string]any{
		"cidrBlock": "10.0.0.0/16", "numberOfAvailabilityZones": 3.0, "subnetStrategy": "Auto",
		"enableDnsHostnames": true, "enableDnsSupport": true,
		"natGateways": map[string]any{"strategy": "OnePerAz"},
		"subnetSpecs": []any{
			map[string]any{"type": "Public", "cidrMask": 22.0},
			map[string]any{"type": "Private", "cidrMask": 20.0},
			map[string]any{"type": "Isolated", "cidrMask": 24.0, "name": "database"},
		},
	}, network.Inputs.Mappable())
	assert.Equal(t, []any{"database-1", "database-2"}, r.Get(t, "aws:rds/subnetGroup:SubnetGroup", "net-database").In("subnetIds"))
}

func TestSecurityGroups(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), nil))

	adopted := r.Get(t, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "net-default").Inputs.Mappable()
	assert.Equal(t, map[string]any{"vpcId": "vpc-1", "ingress": []any{}, "egress": []any{}}, adopted)
	for _, name := range []string{"net-client", "net-endpoints"} {
		inputs := r.Get(t, "aws:ec2/securityGroup:SecurityGroup", name).Inputs
		assert.ElementsMatch(t, []resource.PropertyKey{"description", "vpcId"}, slices.Collect(maps.Keys(inputs)), "no inline rules")
	}
	for name, port := range map[string]float64{"net-client-https": 443, "net-client-postgres": 5432} {
		rule := r.Get(t, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", name)
		assert.NotEmpty(t, rule.In("description"))
		delete(rule.Inputs, "description")
		assert.Equal(t, map[string]any{
			"securityGroupId": "net-client-id", "cidrIpv4": "10.0.0.0/16", "ipProtocol": "tcp", "fromPort": port, "toPort": port,
		}, rule.Inputs.Mappable())
	}
	rule := r.Get(t, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "net-endpoints-https")
	assert.Equal(t, map[string]any{
		"securityGroupId": "net-endpoints-id", "referencedSecurityGroupId": "net-client-id",
		"ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "description": "HTTPS from members of the client group",
	}, rule.Inputs.Mappable())
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	tasks := []string{"net-ecr.api", "net-ecr.dkr", "net-logs", "net-s3", "net-secretsmanager", "net-ssm", "net-xray"}
	for name, c := range map[string]struct {
		nat       vpc.NAT
		endpoints []string
		want      []string
	}{
		"default":                 {vpc.NATSingle, nil, append([]string{"net-kms"}, tasks[:6]...)},
		"none":                    {vpc.NATSingle, []string{}, []string{"net-s3"}},
		"some, twice":             {vpc.NATOnePerAz, []string{"ssm", "kms", "ssm"}, []string{"net-kms", "net-s3", "net-ssm"}},
		"none without NAT":        {vpc.NATNone, []string{}, tasks},
		"others without NAT":      {vpc.NATNone, []string{"ecs", "logs"}, append([]string{"net-ecs"}, tasks...)},
		"everything, without NAT": {vpc.NATNone, nil, append([]string{"net-kms"}, tasks...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := minimal()
			args.NAT, args.Endpoints = c.nat, c.endpoints
			r := newRecorder()
			r.Both(t, program(args, nil))

			var got []string
			for _, child := range r.Children() {
				if endpoint, ok := strings.CutPrefix(child, "net/"+endpointType+" "); ok {
					got = append(got, endpoint)
				}
			}
			assert.ElementsMatch(t, c.want, got)
			groups := 2 // client and endpoints
			if len(c.want) == 1 {
				groups = 1
			}
			assert.Equal(t, groups, r.Count()["aws:ec2/securityGroup:SecurityGroup"])
			assert.Equal(t, string(c.nat), r.Get(t, "awsx:ec2:Vpc", "net").In("natGateways.strategy"))
		})
	}
}

func TestEndpointInputs(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), nil))

	assert.Equal(t, map[string]any{
		"vpcId": "vpc-1", "serviceName": "com.amazonaws.eu-central-1.s3", "vpcEndpointType": "Gateway",
		"routeTableIds": []any{"table-1-id", "table-2-id"},
	}, r.Get(t, endpointType, "net-s3").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"vpcId": "vpc-1", "serviceName": "com.amazonaws.eu-central-1.ecr.api", "vpcEndpointType": "Interface",
		"privateDnsEnabled": true, "subnetIds": []any{"private-1", "private-2"}, "securityGroupIds": []any{"net-endpoints-id"},
	}, r.Get(t, endpointType, "net-ecr.api").Inputs.Mappable())
}

func TestFlowLogs(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), nil))

	logs := r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "net-flow")
	assert.Equal(t, map[string]any{"name": "/vpc/net", "retentionInDays": 30.0}, logs.Inputs.Mappable())
	flow := r.Get(t, "aws:ec2/flowLog:FlowLog", "net-flow")
	assert.Equal(t, map[string]any{
		"vpcId": "vpc-1", "trafficType": "ALL",
		"logDestination": "arn:aws:cloudwatch:eu-central-1:123456789012:net-flow",
		"iamRoleArn":     "arn:aws:iam:eu-central-1:123456789012:net-flow",
	}, flow.Inputs.Mappable())
	assert.Contains(t, flow.RPC.GetDependencies(), "urn:pulumi:test::codeflow::codeflow:vpc:VPC$aws:iam/rolePolicy:RolePolicy::net-flow")
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
		"Principal":{"Service":"vpc-flow-logs.amazonaws.com"},
		"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},
			"ArnLike":{"aws:SourceArn":"arn:*:ec2:*:123456789012:vpc-flow-log/*"}}}]}`,
		r.Get(t, "aws:iam/role:Role", "net-flow").In("assumeRolePolicy").(string))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Action":["logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents"],
		"Resource":["arn:aws:cloudwatch:eu-central-1:123456789012:net-flow","arn:aws:cloudwatch:eu-central-1:123456789012:net-flow:*"]}]}`,
		r.Get(t, "aws:iam/rolePolicy:RolePolicy", "net-flow").In("policy").(string))
}

func TestOptions(t *testing.T) {
	t.Parallel()
	args := vpc.Args{
		CIDR: "10.8.0.0/17", Zones: 2, PublicMask: 24, PrivateMask: 21, DatabaseMask: 25, NAT: vpc.NATSingle,
		Region: pulumi.String("eu-west-1"), LogGroupName: "/vpc/codeflow-prod", LogRetentionDays: 7,
	}
	r := newRecorder()
	r.Both(t, program(args, nil))

	network := r.Get(t, "awsx:ec2:Vpc", "net")
	assert.Equal(t, "10.8.0.0/17", network.In("cidrBlock"))
	assert.EqualValues(t, 2, network.In("numberOfAvailabilityZones"))
	assert.EqualValues(t, 19, network.In("availabilityZoneCidrMask"))
	for i, mask := range []int{24, 21, 25} {
		assert.EqualValues(t, mask, network.In("subnetSpecs").([]any)[i].(map[string]any)["cidrMask"])
	}
	logs := r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "net-flow")
	assert.Equal(t, map[string]any{"name": "/vpc/codeflow-prod", "retentionInDays": 7.0}, logs.Inputs.Mappable())
}

// TestProvider shows that a provider given to the component reaches its own
// children. The engine hands it from component to component, so to awsx, which
// only a test with an engine can show.
func TestProvider(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, func(ctx *pulumi.Context) error {
		provider, err := aws.NewProvider(ctx, "frankfurt", &aws.ProviderArgs{Region: pulumi.String("eu-central-1")})
		if err != nil {
			return err
		}
		return program(minimal(), nil, pulumi.Providers(provider))(ctx)
	})

	const want = "urn:pulumi:test::codeflow::pulumi:providers:aws::frankfurt::frankfurt-id"
	assert.Equal(t, want, r.Get(t, vpc.Type, "net").RPC.GetProviders()["aws"])
	assert.Equal(t, want, r.Get(t, endpointType, "net-s3").RPC.GetProvider())
	assert.Equal(t, want, r.Get(t, "aws:ec2/flowLog:FlowLog", "net-flow").RPC.GetProvider())
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(minimal(), func(ctx *pulumi.Context, v *vpc.VPC) {
		ctx.Export("checked", pulumi.All(
			v.VpcID, v.CIDR, v.PublicSubnetIDs, v.PrivateSubnetIDs, v.DatabaseSubnetIDs, v.DatabaseSubnetGroup, v.ClientSecurityGroupID,
		).ApplyT(func(all []any) string {
			assert.Equal(t, []any{
				"vpc-1", "10.0.0.0/16",
				[]string{"public-1", "public-2"},
				[]string{"private-1", "private-2"},
				[]string{"database-1", "database-2"},
				"net-database-1a2b3c4", "net-client-id",
			}, all)
			return ""
		}))
	}))
}
