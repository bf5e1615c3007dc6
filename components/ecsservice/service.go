package ecsservice

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:ecsservice:Service"

// containerName is the container that answers the requests.
const containerName = "server"

// Service is a Fargate service with everything that belongs to it alone.
type Service struct {
	pulumi.ResourceState

	ClusterName     pulumi.StringOutput
	ServiceName     pulumi.StringOutput
	SecurityGroupID pulumi.StringOutput
	LogGroupName    pulumi.StringOutput
	// TaskDefinition is the ARN that was asked for.
	TaskDefinition pulumi.StringOutput
	// SettledTaskDefinition and SettledImage are what ECS runs after the update;
	// in a preview, what was asked for.
	SettledTaskDefinition pulumi.StringOutput
	SettledImage          pulumi.StringOutput

	// needs are what a task cannot start or answer without, and the service does not
	// name: the first tasks would fail together, which is what the circuit breaker
	// counts.
	needs []pulumi.Resource
}

// New registers a service named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Service, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	s := &Service{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"name": pulumi.String(args.Names.Service()),
	}, s, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	group, err := s.securityGroup(ctx, name, args)
	if err != nil {
		return nil, err
	}
	logs, err := cloudwatch.NewLogGroup(ctx, name+"-logs", &cloudwatch.LogGroupArgs{
		Name: pulumi.String(args.Names.LogGroup()), RetentionInDays: pulumi.Int(args.LogRetentionDays), KmsKeyId: args.LogKeyARN,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating log group %q: %w", args.Names.LogGroup(), err)
	}
	cluster, providers, err := s.cluster(ctx, name, args)
	if err != nil {
		return nil, err
	}
	task, err := s.taskDefinition(ctx, name, args, logs)
	if err != nil {
		return nil, err
	}
	alarms, err := s.alarms(ctx, name, args)
	if err != nil {
		return nil, err
	}
	s.needs = append(append(s.needs, alarms...), providers, args.LoadBalancer.Listener)
	service, err := s.service(ctx, name, args, cluster, task, group)
	if err != nil {
		return nil, err
	}
	if err := s.scaling(ctx, name, args, cluster, service); err != nil {
		return nil, err
	}

	s.ClusterName, s.ServiceName = cluster.Name, service.Name
	s.SecurityGroupID, s.LogGroupName = group.ID().ToStringOutput(), logs.Name
	s.TaskDefinition = task.Arn
	settled := s.readBack(ctx, args, cluster, service)
	if err := ctx.RegisterResourceOutputs(s, pulumi.Map{
		"clusterName": s.ClusterName, "serviceName": s.ServiceName, "settled": settled,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of service %q: %w", name, err)
	}
	return s, nil
}

// securityGroup makes the tasks' own group, and both rules between the load
// balancer and the tasks.
func (s *Service) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-tasks", &ec2.SecurityGroupArgs{
		Description: pulumi.String("Tasks of " + args.Names.Service()), VpcId: args.VpcID,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating security group of service %q: %w", name, err)
	}
	port, tcp := pulumi.Int(args.Port), pulumi.String("tcp")
	ingress, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-from-alb", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), ReferencedSecurityGroupId: args.LoadBalancer.SecurityGroupID,
		IpProtocol: tcp, FromPort: port, ToPort: port, Description: pulumi.String("Requests from the load balancer"),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating ingress rule of service %q: %w", name, err)
	}
	s.needs = append(s.needs, ingress)
	for suffix, rule := range map[string]*vpc.SecurityGroupEgressRuleArgs{
		"-to-tasks": {
			SecurityGroupId: args.LoadBalancer.SecurityGroupID, ReferencedSecurityGroupId: group.ID(),
			FromPort: port, ToPort: port, Description: pulumi.String("Requests to the tasks"),
		},
		"-to-https": {
			SecurityGroupId: group.ID(), CidrIpv4: pulumi.String("0.0.0.0/0"),
			FromPort: pulumi.Int(443), ToPort: pulumi.Int(443), Description: pulumi.String("HTTPS to AWS and to model providers"),
		},
	} {
		rule.IpProtocol = tcp
		egress, err := vpc.NewSecurityGroupEgressRule(ctx, name+suffix, rule, pulumi.Parent(s))
		if err != nil {
			return nil, fmt.Errorf("creating egress rule %q: %w", name+suffix, err)
		}
		s.needs = append(s.needs, egress)
	}
	return group, nil
}

func (s *Service) cluster(ctx *pulumi.Context, name string, args *Args) (*ecs.Cluster, pulumi.Resource, error) {
	cluster, err := ecs.NewCluster(ctx, name, &ecs.ClusterArgs{
		Name: pulumi.String(args.Names.Cluster()),
		Settings: ecs.ClusterSettingArray{&ecs.ClusterSettingArgs{
			Name: pulumi.String("containerInsights"), Value: pulumi.String("enabled"),
		}},
	}, pulumi.Parent(s))
	if err != nil {
		return nil, nil, fmt.Errorf("creating cluster %q: %w", args.Names.Cluster(), err)
	}
	providers, err := ecs.NewClusterCapacityProviders(ctx, name, &ecs.ClusterCapacityProvidersArgs{
		ClusterName: cluster.Name, CapacityProviders: pulumi.ToStringArray([]string{onDemand, spot}),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, nil, fmt.Errorf("adding capacity providers to cluster %q: %w", args.Names.Cluster(), err)
	}
	return cluster, providers, nil
}

const onDemand, spot = "FARGATE", "FARGATE_SPOT"

// strategy spreads the tasks by share; both providers are always listed, so
// that a change of the share never adds or removes one.
func strategy(spotShare int) ecs.ServiceCapacityProviderStrategyArray {
	return ecs.ServiceCapacityProviderStrategyArray{
		&ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: pulumi.String(onDemand), Base: pulumi.Int(1), Weight: pulumi.Int(100 - spotShare),
		},
		&ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: pulumi.String(spot), Base: pulumi.Int(0), Weight: pulumi.Int(spotShare),
		},
	}
}

func (s *Service) service(
	ctx *pulumi.Context, name string, args *Args,
	cluster *ecs.Cluster, task *ecs.TaskDefinition, group *ec2.SecurityGroup,
) (*ecs.Service, error) {
	groups := pulumi.StringArray{group.ID()}
	for _, id := range args.SecurityGroupIDs {
		groups = append(groups, id)
	}
	alarmNames := pulumi.StringArray{}
	for _, a := range alarmTable {
		alarmNames = append(alarmNames, pulumi.String(args.Names.Alarm(a.name)))
	}
	service, err := ecs.NewService(ctx, name, &ecs.ServiceArgs{
		Name:           pulumi.String(args.Names.Service()),
		Cluster:        cluster.Arn,
		TaskDefinition: task.Arn,
		DesiredCount:   pulumi.Int(args.DesiredCount),
		// Without it a change of the strategy would replace the service.
		ForceNewDeployment:         pulumi.Bool(true),
		CapacityProviderStrategies: strategy(args.SpotShare),
		PlatformVersion:            pulumi.String("LATEST"),
		// Tasks go back into a zone that was away.
		AvailabilityZoneRebalancing:     pulumi.String("ENABLED"),
		DeploymentMinimumHealthyPercent: pulumi.Int(100),
		DeploymentMaximumPercent:        pulumi.Int(200),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true),
		},
		Alarms: &ecs.ServiceAlarmsArgs{
			Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true), AlarmNames: alarmNames,
		},
		HealthCheckGracePeriodSeconds: pulumi.Int(60),
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			AssignPublicIp: pulumi.Bool(false), Subnets: args.SubnetIDs, SecurityGroups: groups,
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{&ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: args.LoadBalancer.TargetGroupARN,
			ContainerName:  pulumi.String(containerName), ContainerPort: pulumi.Int(args.Port),
		}},
		EnableEcsManagedTags: pulumi.Bool(true),
		PropagateTags:        pulumi.String("SERVICE"),
		WaitForSteadyState:   pulumi.Bool(true),
	}, pulumi.Parent(s), pulumi.DependsOn(s.needs),
		pulumi.IgnoreChanges([]string{"desiredCount"}), // autoscaling owns it
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: args.SteadyStateTimeout, Update: args.SteadyStateTimeout}))
	if err != nil {
		return nil, fmt.Errorf("creating service %q: %w", args.Names.Service(), err)
	}
	return service, nil
}
