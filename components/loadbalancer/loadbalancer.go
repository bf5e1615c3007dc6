package loadbalancer

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:loadbalancer:LoadBalancer"

const (
	// tlsPolicy allows TLS 1.2 and 1.3 only, with forward secrecy.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
	tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
	// cloudFrontPrefixList holds the addresses from which CloudFront reaches origins.
	// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html
	cloudFrontPrefixList = "com.amazonaws.global.cloudfront.origin-facing"

	httpPort, httpsPort = 80, 443

	// targetPort is the target group's, which says nothing: each target is registered
	// with a port of its own. A change would replace the group, and the listener moves
	// to the new one while that is still empty.
	targetPort = 3000

	// clientKeepAlive is for how many seconds a client may use a connection, which no
	// change of the DNS records moves: the TTL of an alias, and the least that AWS
	// allows. Its default of an hour would keep busy clients, and the CDN, on a colour
	// that has no traffic any more.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#http-client-keep-alive-duration
	clientKeepAlive = 60
)

// LoadBalancer is a load balancer with its listeners and target group.
type LoadBalancer struct {
	pulumi.ResourceState

	ARN             pulumi.StringOutput
	ARNSuffix       pulumi.StringOutput // the dimension of its metrics
	DNSName         pulumi.StringOutput
	ZoneID          pulumi.StringOutput // of DNSName, for alias records
	SecurityGroupID pulumi.StringOutput
	TargetGroupARN  pulumi.StringOutput
	TargetSuffix    pulumi.StringOutput // the target group's dimension
	// Listener forwards to the target group: a service must depend on it, since
	// ECS refuses a target group that no load balancer uses.
	Listener *lb.Listener
}

// New registers a load balancer named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*LoadBalancer, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("load balancer %q: %w", name, err)
	}
	l := &LoadBalancer{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"name": pulumi.String(args.Name), "https": pulumi.Bool(args.HTTPS),
	}, l, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	group, err := l.securityGroup(ctx, name, args)
	if err != nil {
		return nil, err
	}
	balancer, err := lb.NewLoadBalancer(ctx, name, &lb.LoadBalancerArgs{
		Name:                     pulumi.String(args.Name),
		LoadBalancerType:         pulumi.String("application"),
		Internal:                 pulumi.Bool(false),
		SecurityGroups:           pulumi.StringArray{group.ID()},
		Subnets:                  args.SubnetIDs,
		DropInvalidHeaderFields:  pulumi.Bool(true),
		EnableDeletionProtection: pulumi.Bool(args.DeletionProtection),
		ClientKeepAlive:          pulumi.Int(clientKeepAlive),
		EnableZonalShift:         pulumi.Bool(true), // people may take a zone that is not well out
		AccessLogs: &lb.LoadBalancerAccessLogsArgs{
			Enabled: pulumi.Bool(true), Bucket: args.LogBucket, Prefix: pulumi.String("alb/" + args.Name),
		},
	}, pulumi.Parent(l))
	if err != nil {
		return nil, fmt.Errorf("creating load balancer %q: %w", args.Name, err)
	}
	targets, err := l.targetGroup(ctx, name, args)
	if err != nil {
		return nil, err
	}
	if err := l.listeners(ctx, name, args, balancer, targets); err != nil {
		return nil, err
	}

	l.ARN, l.ARNSuffix = balancer.Arn, balancer.ArnSuffix
	l.DNSName, l.ZoneID = balancer.DnsName, balancer.ZoneId
	l.SecurityGroupID = group.ID().ToStringOutput()
	l.TargetGroupARN, l.TargetSuffix = targets.Arn, targets.ArnSuffix
	if err := ctx.RegisterResourceOutputs(l, pulumi.Map{"dnsName": l.DNSName, "arn": l.ARN}); err != nil {
		return nil, fmt.Errorf("registering outputs of load balancer %q: %w", name, err)
	}
	return l, nil
}

func (l *LoadBalancer) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-alb", &ec2.SecurityGroupArgs{
		Description: pulumi.String("Load balancer " + args.Name), VpcId: args.VpcID,
	}, pulumi.Parent(l))
	if err != nil {
		return nil, fmt.Errorf("creating security group of load balancer %q: %w", name, err)
	}
	admit := func(suffix string, port int, rule vpc.SecurityGroupIngressRuleArgs) error {
		rule.SecurityGroupId = group.ID()
		rule.IpProtocol = pulumi.String("tcp")
		rule.FromPort, rule.ToPort = pulumi.Int(port), pulumi.Int(port)
		if _, err := vpc.NewSecurityGroupIngressRule(ctx, name+suffix, &rule, pulumi.Parent(l)); err != nil {
			return fmt.Errorf("creating ingress rule %q: %w", name+suffix, err)
		}
		return nil
	}
	if !args.HTTPS {
		list, err := ec2.LookupManagedPrefixList(ctx, &ec2.LookupManagedPrefixListArgs{
			Name: pulumi.StringRef(cloudFrontPrefixList),
		}, pulumi.Parent(l))
		if err != nil {
			return nil, fmt.Errorf("looking up prefix list %q: %w", cloudFrontPrefixList, err)
		}
		return group, admit("-http", httpPort, vpc.SecurityGroupIngressRuleArgs{
			Description: pulumi.String("HTTP from CloudFront"), PrefixListId: pulumi.String(list.Id),
		})
	}
	anyone := pulumi.String("0.0.0.0/0")
	if err := admit("-http", httpPort, vpc.SecurityGroupIngressRuleArgs{
		Description: pulumi.String("HTTP, redirected to HTTPS"), CidrIpv4: anyone,
	}); err != nil {
		return nil, err
	}
	return group, admit("-https", httpsPort, vpc.SecurityGroupIngressRuleArgs{
		Description: pulumi.String("HTTPS"), CidrIpv4: anyone,
	})
}

func (l *LoadBalancer) targetGroup(ctx *pulumi.Context, name string, args *Args) (*lb.TargetGroup, error) {
	// The name is the engine's, so that a replacement can stand beside the old
	// target group until the listener has moved.
	targets, err := lb.NewTargetGroup(ctx, name, &lb.TargetGroupArgs{
		VpcId:                      args.VpcID,
		TargetType:                 pulumi.String("ip"),
		Protocol:                   pulumi.String("HTTP"),
		Port:                       pulumi.Int(targetPort),
		DeregistrationDelay:        pulumi.Int(args.DeregistrationDelay),
		LoadBalancingAlgorithmType: pulumi.String("least_outstanding_requests"),
		HealthCheck: &lb.TargetGroupHealthCheckArgs{
			Enabled: pulumi.Bool(true), Path: pulumi.String(args.HealthPath), Matcher: pulumi.String("200"),
			Interval: pulumi.Int(30), Timeout: pulumi.Int(5),
			HealthyThreshold: pulumi.Int(2), UnhealthyThreshold: pulumi.Int(2),
		},
	}, pulumi.Parent(l))
	if err != nil {
		return nil, fmt.Errorf("creating target group of load balancer %q: %w", name, err)
	}
	return targets, nil
}

func (l *LoadBalancer) listeners(
	ctx *pulumi.Context, name string, args *Args, balancer *lb.LoadBalancer, targets *lb.TargetGroup,
) error {
	listen := func(suffix string, listener lb.ListenerArgs) (*lb.Listener, error) {
		listener.LoadBalancerArn = balancer.Arn
		created, err := lb.NewListener(ctx, name+suffix, &listener, pulumi.Parent(l))
		if err != nil {
			return nil, fmt.Errorf("creating listener %q: %w", name+suffix, err)
		}
		return created, nil
	}
	forward := lb.ListenerDefaultActionArray{&lb.ListenerDefaultActionArgs{
		Type: pulumi.String("forward"), TargetGroupArn: targets.Arn,
	}}
	var err error
	if !args.HTTPS {
		l.Listener, err = listen("-http", lb.ListenerArgs{
			Port: pulumi.Int(httpPort), Protocol: pulumi.String("HTTP"), DefaultActions: forward,
		})
		return err
	}
	if _, err = listen("-http", lb.ListenerArgs{
		Port: pulumi.Int(httpPort), Protocol: pulumi.String("HTTP"),
		DefaultActions: lb.ListenerDefaultActionArray{&lb.ListenerDefaultActionArgs{
			Type: pulumi.String("redirect"),
			Redirect: &lb.ListenerDefaultActionRedirectArgs{
				Protocol: pulumi.String("HTTPS"), Port: pulumi.String("443"), StatusCode: pulumi.String("HTTP_301"),
			},
		}},
	}); err != nil {
		return err
	}
	l.Listener, err = listen("-https", lb.ListenerArgs{
		Port: pulumi.Int(httpsPort), Protocol: pulumi.String("HTTPS"), SslPolicy: pulumi.String(tlsPolicy),
		CertificateArn: args.CertificateARN, DefaultActions: forward,
	})
	return err
}
