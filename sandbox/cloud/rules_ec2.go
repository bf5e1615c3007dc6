package cloud

import "strings"

const anyGroup = "ec2/securityGroup ec2/defaultSecurityGroup"

// ec2InUse is EC2's answer for a resource that others still use.
func ec2InUse(noun string) string {
	return "DependencyViolation: The " + noun + " '{id}' has dependencies and cannot be deleted."
}

var ec2Rules = map[string]Rule{
	"ec2/vpc": {
		ID: "vpc-{hex17}", ARN: "ec2:{region}:{account}:vpc/{id}",
		Outputs: map[string]any{
			"defaultSecurityGroupId": "sg-{hex17}", "defaultNetworkAclId": "acl-{hex17}",
			"mainRouteTableId": "rtb-{hex17}", "defaultRouteTableId": "{mainRouteTableId}",
			"dhcpOptionsId": "dopt-{hex17}", "ownerId": "{account}", "instanceTenancy": "default",
			"enableDnsSupport": true, "enableDnsHostnames": false, "enableNetworkAddressUsageMetrics": false,
		},
		Check:   func(in props) error { return checkBlock(in, "InvalidVpc.Range") },
		Missing: "InvalidVpcID.NotFound: The vpc ID '{value}' does not exist",
		InUse:   ec2InUse("vpc"),
	},
	"ec2/subnet": {
		ID: "subnet-{hex17}", ARN: "ec2:{region}:{account}:subnet/{id}",
		Outputs: map[string]any{
			"availabilityZone": "{region}a", "ownerId": "{account}", "mapPublicIpOnLaunch": false,
			"assignIpv6AddressOnCreation": false, "privateDnsHostnameTypeOnLaunch": "ip-name",
		},
		Refs:    []Ref{{Path: "vpcId", To: "ec2/vpc"}},
		Check:   func(in props) error { return checkBlock(in, "InvalidSubnet.Range") },
		Apply:   placeSubnet,
		Missing: "InvalidSubnetID.NotFound: The subnet ID '{value}' does not exist",
		InUse:   ec2InUse("subnet"),
	},
	"ec2/internetGateway": {
		ID: "igw-{hex17}", ARN: "ec2:{region}:{account}:internet-gateway/{id}",
		Outputs: map[string]any{"ownerId": "{account}"},
		Refs:    []Ref{{Path: "vpcId", To: "ec2/vpc"}},
		Unique: []Unique{{Key: "{vpcId}", Error: "Resource.AlreadyAssociated: network {vpcId} already has " +
			"an internet gateway attached"}},
		Missing: "InvalidInternetGatewayID.NotFound: The internetGateway ID '{value}' does not exist",
	},
	"ec2/routeTable": {
		ID: "rtb-{hex17}", ARN: "ec2:{region}:{account}:route-table/{id}",
		Outputs: map[string]any{"ownerId": "{account}"},
		Refs:    []Ref{{Path: "vpcId", To: "ec2/vpc"}},
		Missing: "InvalidRouteTableID.NotFound: The routeTable ID '{value}' does not exist",
		InUse:   ec2InUse("routeTable"),
	},
	"ec2/routeTableAssociation": {
		ID: "rtbassoc-{hex17}",
		Refs: []Ref{
			{Path: "routeTableId", To: "ec2/routeTable"},
			{Path: "subnetId", To: "ec2/subnet"},
			{Path: "gatewayId", To: "ec2/internetGateway", Loose: true},
		},
		Unique: []Unique{{Key: "{subnetId|gatewayId}", Error: "Resource.AlreadyAssociated: the specified " +
			"association for route table {routeTableId} conflicts with an existing association"}},
		Apply: func(c *call) error {
			table := c.find("ec2/routeTable", "id", c.in.str("routeTableId"))
			subnet := c.find("ec2/subnet", "id", c.in.str("subnetId"))
			if subnet != nil && table != nil && subnet.Outputs["vpcId"] != table.Outputs["vpcId"] {
				return refuse("InvalidParameterValue", "Route table %s and subnet %s belong to different networks",
					table.ID, subnet.ID)
			}
			return nil
		},
	},
	"ec2/route": {
		ID:      "r-{routeTableId}{digits}",
		Outputs: map[string]any{"origin": "CreateRoute", "state": "active"},
		Refs: []Ref{
			{Path: "routeTableId", To: "ec2/routeTable", Loose: true},
			{Path: "gatewayId", To: "ec2/internetGateway", Loose: true},
			{Path: "natGatewayId", To: "ec2/natGateway", Loose: true},
			{Path: "vpcEndpointId", To: "ec2/vpcEndpoint", Loose: true},
		},
		Unique: []Unique{{
			Key: "{routeTableId} {destinationCidrBlock|destinationIpv6CidrBlock|destinationPrefixListId}",
			Error: "RouteAlreadyExists: The route identified by " +
				"{destinationCidrBlock|destinationIpv6CidrBlock|destinationPrefixListId} already exists.",
		}},
	},
	"ec2/eip": {
		ID: "eipalloc-{hex17}", ARN: "ec2:{region}:{account}:elastic-ip/{id}",
		Outputs: map[string]any{
			"allocationId": "{id}", "domain": "vpc", "publicIp": "203.0.113.{octet}",
			"publicIpv4Pool": "amazon", "networkBorderGroup": "{region}",
			"publicDns": "ec2-{publicIp}.{region}.compute.amazonaws.com",
		},
		Missing: "InvalidAllocationID.NotFound: The allocation ID '{value}' does not exist",
		InUse:   "InvalidIPAddress.InUse: Address {publicIp} is in use.",
	},
	"ec2/natGateway": {
		ID:      "nat-{hex17}",
		Outputs: map[string]any{"networkInterfaceId": "eni-{hex17}", "connectivityType": "public"},
		Refs:    []Ref{{Path: "subnetId", To: "ec2/subnet"}, {Path: "allocationId", To: "ec2/eip"}},
		Unique: []Unique{{Key: "{allocationId}", Error: "Resource.AlreadyAssociated: Elastic IP address " +
			"[{allocationId}] is already associated"}},
		Check: func(in props) error {
			if in.str("connectivityType") != "private" && !in.has("allocationId") {
				return refuse("MissingParameter", "The request must contain the parameter AllocationId")
			}
			return nil
		},
		Apply: func(c *call) error {
			if eip := c.find("ec2/eip", "id", c.in.str("allocationId")); eip != nil {
				c.out["publicIp"] = eip.Outputs["publicIp"]
			}
			return nil
		},
		Missing: "NatGatewayNotFound: The Nat Gateway {value} was not found",
	},
	"ec2/vpcEndpoint": {
		ID: "vpce-{hex17}", ARN: "ec2:{region}:{account}:vpc-endpoint/{id}",
		Outputs: map[string]any{
			"ownerId": "{account}", "state": "available", "requesterManaged": false,
			"vpcEndpointType": "Gateway", "privateDnsEnabled": false, "serviceRegion": "{region}",
		},
		Refs: []Ref{
			{Path: "vpcId", To: "ec2/vpc"},
			{Path: "subnetIds", To: "ec2/subnet"},
			{Path: "securityGroupIds", To: anyGroup},
			{Path: "routeTableIds", To: "ec2/routeTable", Loose: true},
		},
		Check: checkEndpoint,
		Apply: placeEndpoint,
	},
	"ec2/securityGroup": {
		ID: "sg-{hex17}", ARN: "ec2:{region}:{account}:security-group/{id}",
		Outputs: map[string]any{"ownerId": "{account}", "description": "Managed by Terraform"},
		Refs: []Ref{
			{Path: "vpcId", To: "ec2/vpc"},
			{Path: "ingress.securityGroups", To: anyGroup},
			{Path: "egress.securityGroups", To: anyGroup},
		},
		Unique: []Unique{{Key: "{vpcId} {name}", Error: "InvalidGroup.Duplicate: The security group '{name}' " +
			"already exists for VPC '{vpcId}'"}},
		Check: func(in props) error {
			if strings.HasPrefix(in.str("name"), "sg-") {
				return refuse("InvalidParameterValue", "invalid value for name (cannot begin with sg-)")
			}
			return nil
		},
		Apply: func(c *call) error {
			if !c.in.has("vpcId") {
				return refuse("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for "+
					"EC2-Classic and default VPC.")
			}
			return nil
		},
		Missing: "InvalidGroup.NotFound: The security group '{value}' does not exist",
		InUse:   "DependencyViolation: resource {id} has a dependent object",
	},
	"ec2/defaultSecurityGroup": {
		ARN:     "ec2:{region}:{account}:security-group/{id}",
		Outputs: map[string]any{"ownerId": "{account}", "name": "default", "description": "default VPC security group"},
		Refs:    []Ref{{Path: "vpcId", To: "ec2/vpc"}},
		Apply: func(c *call) error {
			if vpc := c.find("ec2/vpc", "id", c.in.str("vpcId")); vpc != nil && c.old == nil {
				c.out["id"] = vpc.Outputs["defaultSecurityGroupId"]
			}
			return nil
		},
	},
	"ec2/flowLog": {
		ID: "fl-{hex17}", ARN: "ec2:{region}:{account}:vpc-flow-log/{id}",
		Outputs: map[string]any{"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600.0},
		Refs: []Ref{
			{Path: "vpcId", To: "ec2/vpc", Loose: true},
			{Path: "subnetId", To: "ec2/subnet", Loose: true},
			{Path: "iamRoleArn", To: "iam/role", By: "arn", Loose: true},
			{Path: "logDestination", To: "cloudwatch/logGroup s3/bucketV2", By: "arn", Loose: true},
		},
		Check: func(in props) error {
			toLogs := in.str("logDestinationType") == "" || in.str("logDestinationType") == "cloud-watch-logs"
			if toLogs && !in.has("iamRoleArn") {
				return refuse("InvalidParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType "+
					"is cloud-watch-logs.")
			}
			return nil
		},
	},
	"vpc/securityGroupIngressRule": groupRule(),
	"vpc/securityGroupEgressRule":  groupRule(),
}
