package cloud

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusal is something that AWS refuses: what is done to a deployed stack, and
// what the answer says.
type refusal struct {
	do   func(s *stack) error
	says string
}

// creating tries to create a resource.
func creating(short string, inputs func(s *stack) in) func(s *stack) error {
	return func(s *stack) error {
		_, err := s.try(short, "extra", inputs(s))
		return err
	}
}

// deleting tries to delete a part of the stack.
func deleting(part func(s *stack) made) func(s *stack) error {
	return func(s *stack) error { return s.delete(part(s)) }
}

// refusals runs each case against a stack of its own.
func refusals(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			images := fakeImages{testImage: true}
			s := deployed(open(t, Options{Images: images}), images)
			require.ErrorContains(t, test.do(s), test.says)
		})
	}
}

func TestRefusesInputsTheSchemaDoesNotHave(t *testing.T) {
	t.Parallel()
	refusals(t, map[string]refusal{
		"unknown property": {
			creating("ec2/vpc", func(*stack) in { return in{"cidr": "10.0.0.0/16"} }),
			`cidr: unknown property; did you mean "cidrBlock"?`,
		},
		"unknown nested property": {
			creating("lb/targetGroup", func(*stack) in { return in{"healthCheck": in{"pth": "/health"}} }),
			`healthCheck.pth: unknown property; did you mean "path"?`,
		},
		"missing property": {
			creating("ec2/subnet", func(*stack) in { return in{"cidrBlock": "10.0.0.0/24"} }),
			"vpcId: missing required property",
		},
		"wrong kind": {
			creating("ec2/vpc", func(*stack) in { return in{"enableDnsSupport": "maybe"} }),
			`enableDnsSupport: must be a boolean, got the string "maybe"`,
		},
		"output as input": {
			creating("ec2/vpc", func(*stack) in { return in{"arn": "arn:aws:ec2:::vpc/x"} }),
			"arn: is an output and cannot be set",
		},
		"unknown type": {
			creating("sqs/queue", func(*stack) in { return in{} }),
			"the sandbox does not know aws:sqs/queue:Queue yet: add it to sandbox/cloud/rules_*.go",
		},
	})
}

func TestRefusesInTheNetwork(t *testing.T) {
	t.Parallel()
	other := func(s *stack) made { return s.create("ec2/vpc", "other", in{"cidrBlock": "10.9.0.0/16"}) }
	rule := func(s *stack) in {
		return in{"securityGroupId": s.group.id, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
	}
	refusals(t, map[string]refusal{
		"VPC too large": {
			creating("ec2/vpc", func(*stack) in { return in{"cidrBlock": "10.0.0.0/8"} }),
			"InvalidVpc.Range: The CIDR '10.0.0.0/8' is invalid.",
		},
		"VPC with host bits": {
			creating("ec2/vpc", func(*stack) in { return in{"cidrBlock": "10.0.0.1/16"} }), `did you mean "10.0.0.0/16"?`,
		},
		"subnet outside its VPC": {
			creating("ec2/subnet", func(s *stack) in { return s.subnet("10.1.0.0/24", "c") }),
			"creating ec2 subnet (extra): api error InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid.",
		},
		"subnet over a sibling": {
			creating("ec2/subnet", func(s *stack) in { return s.subnet("10.0.0.128/25", "c") }),
			"InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet",
		},
		"subnet in another region's zone": {
			creating("ec2/subnet", func(s *stack) in {
				return s.subnet("10.0.2.0/24", "c").with(in{"availabilityZone": "us-east-1a"})
			}),
			"InvalidParameterValue: Value (us-east-1a) for parameter availabilityZone is invalid.",
		},
		"subnet of no VPC": {
			creating("ec2/subnet", func(*stack) in { return in{"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"} }),
			"InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist",
		},
		"second internet gateway": {
			creating("ec2/internetGateway", func(s *stack) in { return in{"vpcId": s.vpc.id} }), "Resource.AlreadyAssociated",
		},
		"EIP used twice": {
			func(s *stack) error {
				eip := s.create("ec2/eip", "eip", in{})
				nat := in{"subnetId": s.subnetA.id, "allocationId": eip.id}
				s.create("ec2/natGateway", "nat", nat)
				_, err := s.try("ec2/natGateway", "second", nat)
				return err
			},
			"Resource.AlreadyAssociated: Elastic IP address [eipalloc-",
		},
		"releasing an EIP in use": {
			func(s *stack) error {
				eip := s.create("ec2/eip", "eip", in{})
				s.create("ec2/natGateway", "nat", in{"subnetId": s.subnetA.id, "allocationId": eip.id})
				return s.delete(eip)
			},
			"InvalidIPAddress.InUse: Address 203.0.113.",
		},
		"public NAT gateway without EIP": {
			creating("ec2/natGateway", func(s *stack) in { return in{"subnetId": s.subnetA.id} }), "MissingParameter",
		},
		"second route to a destination": {
			func(s *stack) error {
				table := s.create("ec2/routeTable", "table", in{"vpcId": s.vpc.id})
				route := in{"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0"}
				s.create("ec2/route", "route", route)
				_, err := s.try("ec2/route", "second", route)
				return err
			},
			"RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.",
		},
		"second route table of a subnet": {
			func(s *stack) error {
				table := s.create("ec2/routeTable", "table", in{"vpcId": s.vpc.id})
				association := in{"routeTableId": table.id, "subnetId": s.subnetA.id}
				s.create("ec2/routeTableAssociation", "association", association)
				_, err := s.try("ec2/routeTableAssociation", "second", association)
				return err
			},
			"Resource.AlreadyAssociated: the specified association for route table rtb-",
		},
		"route table of another VPC": {
			creating("ec2/routeTableAssociation", func(s *stack) in {
				table := s.create("ec2/routeTable", "table", in{"vpcId": other(s).id})
				return in{"routeTableId": table.id, "subnetId": s.subnetA.id}
			}),
			"belong to different networks",
		},
		"security group name taken": {
			creating("ec2/securityGroup", func(s *stack) in {
				return in{"vpcId": s.vpc.id, "name": s.group.out.str("name")}
			}),
			"InvalidGroup.Duplicate: The security group 'group-",
		},
		"security group without VPC": {
			creating("ec2/securityGroup", func(*stack) in { return in{} }), "VPCIdNotSpecified: No default VPC for this user.",
		},
		"security group rule twice": {
			func(s *stack) error {
				s.create("vpc/securityGroupIngressRule", "rule", rule(s))
				_, err := s.try("vpc/securityGroupIngressRule", "second", rule(s))
				return err
			},
			`InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, tcp, from port: 443, to port: 443, ALLOW" already exists`,
		},
		"rule with two peers": {
			creating("vpc/securityGroupIngressRule", func(s *stack) in { return rule(s).with(in{"cidrIpv6": "::/0"}) }),
			"exactly one of cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId must be set, got 2",
		},
		"rule for a group of another VPC": {
			creating("vpc/securityGroupEgressRule", func(s *stack) in {
				group := s.create("ec2/securityGroup", "far", in{"vpcId": other(s).id})
				return rule(s).with(in{"cidrIpv4": nil, "referencedSecurityGroupId": group.id})
			}),
			"InvalidGroup.NotFound: You have specified two resources that belong to different networks.",
		},
		"endpoint of another region": {
			creating("ec2/vpcEndpoint", func(s *stack) in {
				return in{"vpcId": s.vpc.id, "serviceName": "com.amazonaws.us-west-2.s3"}
			}),
			"InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.us-west-2.s3' does not exist",
		},
		"private DNS in a VPC without host names": {
			creating("ec2/vpcEndpoint", func(s *stack) in {
				return in{
					"vpcId": other(s).id, "serviceName": "com.amazonaws.eu-west-1.logs", "vpcEndpointType": "Interface",
					"privateDnsEnabled": true,
				}
			}),
			"Enabling private DNS requires both enableDnsSupport and enableDnsHostnames",
		},
		"gateway endpoint with subnets": {
			creating("ec2/vpcEndpoint", func(s *stack) in {
				return in{"vpcId": s.vpc.id, "serviceName": "com.amazonaws.eu-west-1.s3", "subnetIds": []string{s.subnetA.id}}
			}),
			"Subnet IDs are not supported for Gateway type VPC Endpoints.",
		},
		"flow log without role": {
			creating("ec2/flowLog", func(s *stack) in {
				return in{"vpcId": s.vpc.id, "trafficType": "ALL", "logDestination": s.logs.out.str("arn")}
			}),
			"DeliverLogsPermissionArn can't be empty",
		},
		"flow log without log group": {
			creating("ec2/flowLog", func(s *stack) in {
				return in{
					"vpcId": s.vpc.id, "trafficType": "ALL", "iamRoleArn": s.role.out.str("arn"),
					"logDestination": "arn:aws:logs:eu-west-1:000000000000:log-group:none",
				}
			}),
			"ResourceNotFoundException: The specified log group does not exist",
		},
		"deleting a VPC with subnets": {
			deleting(func(s *stack) made { return s.vpc }),
			"deleting ec2 vpc (vpc-",
		},
		"deleting a subnet in use": {
			deleting(func(s *stack) made { return s.subnetA }),
			"DependencyViolation: The subnet 'subnet-",
		},
		"deleting a security group in use": {
			deleting(func(s *stack) made { return s.group }), "has a dependent object",
		},
	})
}

func TestRefusesInTraffic(t *testing.T) {
	t.Parallel()
	group := func(s *stack) in {
		return in{"name": "extra", "port": 8080, "protocol": "HTTP", "targetType": "ip", "vpcId": s.vpc.id}
	}
	elsewhere := func(s *stack) made { return s.create("ec2/vpc", "other", in{"cidrBlock": "10.9.0.0/16"}) }
	forward := func(group made) []any { return []any{in{"type": "forward", "targetGroupArn": group.id}} }
	refusals(t, map[string]refusal{
		"load balancer name too long": {
			creating("lb/loadBalancer", func(s *stack) in { return s.balancerIn(strings.Repeat("a", 33)) }),
			"ValidationError: The load balancer name '" + strings.Repeat("a", 33) + "' cannot be longer than '32' characters",
		},
		"load balancer name with an underscore": {
			creating("lb/loadBalancer", func(s *stack) in { return s.balancerIn("codeflow_blue") }),
			"can only contain characters that are alphanumeric",
		},
		"load balancer name taken": {
			creating("lb/loadBalancer", func(s *stack) in { return s.balancerIn("codeflow-blue") }),
			"DuplicateLoadBalancerName: A load balancer with the same name 'codeflow-blue' exists",
		},
		"target group name too long": {
			creating("lb/targetGroup", func(s *stack) in { return group(s).with(in{"name": strings.Repeat("b", 33)}) }),
			"ValidationError: Target group name '" + strings.Repeat("b", 33) + "' cannot be longer than '32' characters",
		},
		"load balancer in one zone": {
			creating("lb/loadBalancer", func(s *stack) in {
				return s.balancerIn("extra").with(in{"subnets": []string{s.subnetA.id}})
			}),
			"ValidationError: At least two subnets in two different Availability Zones must be specified",
		},
		"load balancer with a group of another VPC": {
			creating("lb/loadBalancer", func(s *stack) in {
				far := s.create("ec2/securityGroup", "far", in{"vpcId": elsewhere(s).id})
				return s.balancerIn("extra").with(in{"securityGroups": []string{far.id}})
			}),
			"InvalidConfigurationRequest: One or more security groups are invalid",
		},
		"load balancer logs to a bucket it cannot write": {
			creating("lb/loadBalancer", func(s *stack) in {
				s.create("s3/bucketV2", "logs", in{"bucket": "logs-bucket"})
				return s.balancerIn("extra").with(in{"accessLogs": in{"bucket": "logs-bucket", "enabled": true}})
			}),
			"Access Denied for bucket: logs-bucket. Please check S3bucket permission",
		},
		"health check timeout over the interval": {
			creating("lb/targetGroup", func(s *stack) in {
				return group(s).with(in{"healthCheck": in{"interval": 5, "timeout": 5}})
			}),
			"Health check interval must be greater than the timeout.",
		},
		"health check threshold of one": {
			creating("lb/targetGroup", func(s *stack) in {
				return group(s).with(in{"healthCheck": in{"unhealthyThreshold": 1}})
			}),
			"must be between 2 and 10",
		},
		"listener without certificate": {
			creating("lb/listener", func(s *stack) in { return s.listenerIn().with(in{"certificateArn": nil, "port": 8443}) }),
			"ValidationError: A certificate must be specified for HTTPS listeners",
		},
		"listener with a certificate that is not issued": {
			creating("lb/listener", func(s *stack) in {
				pending := s.create("acm/certificate", "pending", in{"domainName": "pending.com", "validationMethod": "DNS"})
				return s.listenerIn().with(in{"certificateArn": pending.id, "port": 8443})
			}),
			"UnsupportedCertificate: The certificate 'arn:aws:acm:eu-west-1:000000000000:certificate/",
		},
		"listener with a certificate of another region": {
			creating("lb/listener", func(s *stack) in {
				far := s.issue(s.in("us-east-1", nil), "far")
				return s.listenerIn().with(in{"certificateArn": far.id, "port": 8443})
			}),
			"CertificateNotFound: Certificate 'arn:aws:acm:us-east-1:",
		},
		"listener on a taken port": {
			creating("lb/listener", func(s *stack) in { return s.listenerIn() }), "DuplicateListener",
		},
		"TLS policy on HTTP": {
			creating("lb/listener", func(s *stack) in { return s.listenerIn().with(in{"protocol": "HTTP", "port": 80}) }),
			"An SSL policy can be specified for HTTPS and TLS listeners only",
		},
		"target group of another VPC": {
			creating("lb/listener", func(s *stack) in {
				far := s.create("lb/targetGroup", "far", group(s).with(in{"vpcId": elsewhere(s).id}))
				return s.listenerIn().with(in{"port": 8443, "defaultActions": forward(far)})
			}),
			"not in the same VPC as load balancer",
		},
		"deleting a target group in use": {
			deleting(func(s *stack) made { return s.targets }), "is currently in use by a listener or a rule",
		},
		"deleting a protected load balancer": {
			deleting(func(s *stack) made {
				return s.create("lb/loadBalancer", "protected", s.balancerIn("protected").with(in{"enableDeletionProtection": true}))
			}),
			"OperationNotPermitted: Load balancer 'arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/protected/",
		},
		"deleting a certificate in use": {
			deleting(func(s *stack) made { return s.certificate }), "ResourceInUseException: Certificate arn:aws:acm:",
		},
	})
}
