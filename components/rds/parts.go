package rds

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// securityGroup admits the clients and nothing else; the database opens no
// connections itself.
func (d *Database) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-access", &ec2.SecurityGroupArgs{
		Description: pulumi.String("Database " + args.identifier(1)), VpcId: args.VpcID,
	}, pulumi.Parent(d))
	if err != nil {
		return nil, fmt.Errorf("creating security group of database %q: %w", name, err)
	}
	if _, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-access", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), ReferencedSecurityGroupId: args.ClientSecurityGroupID,
		IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(port), ToPort: pulumi.Int(port),
		Description: pulumi.String("PostgreSQL from members of the client group"),
	}, pulumi.Parent(d)); err != nil {
		return nil, fmt.Errorf("creating ingress rule of database %q: %w", name, err)
	}
	d.SecurityGroupID = group.ID().ToStringOutput()
	return group, nil
}

// parameterGroup makes the one of a generation: another generation may have
// another major version. Only the current one's family follows the config.
func (d *Database) parameterGroup(ctx *pulumi.Context, name string, n int, args *Args) (*rds.ParameterGroup, error) {
	opts := []pulumi.ResourceOption{pulumi.Parent(d)}
	if n < args.Generation {
		opts = append(opts, pulumi.IgnoreChanges([]string{"family"}))
	}
	group, err := rds.NewParameterGroup(ctx, numbered(name+"-parameters", n), &rds.ParameterGroupArgs{
		Family: pulumi.String("postgres" + args.EngineVersion), Description: pulumi.String("Database " + args.identifier(n)),
		Parameters: rds.ParameterGroupParameterArray{&rds.ParameterGroupParameterArgs{
			// A dynamic parameter: it needs no reboot. A static one needs
			// "pending-reboot" and a reboot.
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html
			Name: pulumi.String("rds.force_ssl"), Value: pulumi.String("1"), ApplyMethod: pulumi.String("immediate"),
		}},
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating parameter group: %w", err)
	}
	return group, nil
}

// monitoringRole lets enhanced monitoring write its metrics, for databases of
// this account only. The instance needs both results: RDS tries the role.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
func (d *Database) monitoringRole(ctx *pulumi.Context, name, account string) (*iam.Role, pulumi.Resource, error) {
	role, err := iam.NewRole(ctx, name+"-monitoring", &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("monitoring.rds.amazonaws.com", map[string]map[string]any{
			"StringEquals": {"aws:SourceAccount": account},
			// The instance needs the role, so its own ARN cannot be here.
			"ArnLike": {"aws:SourceArn": "arn:*:rds:*:" + account + ":db:*"},
		}),
	}, pulumi.Parent(d))
	if err != nil {
		return nil, nil, fmt.Errorf("creating monitoring role of database %q: %w", name, err)
	}
	attachment, err := iam.NewRolePolicyAttachment(ctx, name+"-monitoring", &iam.RolePolicyAttachmentArgs{
		Role: role.Name, PolicyArn: iam.ManagedPolicyAmazonRDSEnhancedMonitoringRole,
	}, pulumi.Parent(d))
	if err != nil {
		return nil, nil, fmt.Errorf("attaching monitoring policy of database %q: %w", name, err)
	}
	return role, attachment, nil
}

// logGroups makes the groups that RDS exports its logs to before RDS does, which
// would keep them for ever. The first result is what to export, sorted as AWS
// returns it.
func (d *Database) logGroups(ctx *pulumi.Context, name string, n int, args *Args) (pulumi.StringArray, []pulumi.Resource, error) {
	var exports pulumi.StringArray
	var groups []pulumi.Resource
	for _, log := range []string{"postgresql", "upgrade"} {
		group, err := cloudwatch.NewLogGroup(ctx, numbered(name+"-"+log, n), &cloudwatch.LogGroupArgs{
			Name:            pulumi.String("/aws/rds/instance/" + args.identifier(n) + "/" + log),
			RetentionInDays: pulumi.Int(args.LogRetentionDays), KmsKeyId: args.LogKeyARN,
		}, pulumi.Parent(d))
		if err != nil {
			return nil, nil, fmt.Errorf("creating log group %q: %w", log, err)
		}
		exports, groups = append(exports, pulumi.String(log)), append(groups, group)
	}
	return exports, groups, nil
}
