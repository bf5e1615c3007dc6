package vpc

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// flowLogs records the VPC's accepted and rejected connections in CloudWatch.
func (v *VPC) flowLogs(ctx *pulumi.Context, name string, args *Args) error {
	name += "-flow"
	logs, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		Name: pulumi.String(args.LogGroupName), RetentionInDays: pulumi.Int(args.LogRetentionDays), KmsKeyId: args.LogKeyARN,
	}, pulumi.Parent(v))
	if err != nil {
		return fmt.Errorf("creating log group %q: %w", name, err)
	}
	role, permission, err := v.flowLogRole(ctx, name, logs)
	if err != nil {
		return err
	}
	if _, err := ec2.NewFlowLog(ctx, name, &ec2.FlowLogArgs{
		VpcId: v.VpcID, TrafficType: pulumi.String("ALL"), LogDestination: logs.Arn, IamRoleArn: role.Arn,
	}, pulumi.Parent(v), pulumi.DependsOn([]pulumi.Resource{permission})); err != nil {
		return fmt.Errorf("creating flow log %q: %w", name, err)
	}
	return nil
}

// flowLogRole may write to the log group, for flow logs of this account only.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
func (v *VPC) flowLogRole(ctx *pulumi.Context, name string, logs *cloudwatch.LogGroup) (*iam.Role, *iam.RolePolicy, error) {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(v))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the account of flow log %q: %w", name, err)
	}
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("vpc-flow-logs.amazonaws.com", map[string]map[string]any{
			"StringEquals": {"aws:SourceAccount": identity.AccountId},
			// The flow log needs the role, so its own ARN cannot be here.
			"ArnLike": {"aws:SourceArn": "arn:*:ec2:*:" + identity.AccountId + ":vpc-flow-log/*"},
		}),
	}, pulumi.Parent(v))
	if err != nil {
		return nil, nil, fmt.Errorf("creating role of flow log %q: %w", name, err)
	}
	permission, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Role: role.ID(),
		Policy: policy.Document(policy.Statement{
			Actions: []string{
				"logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
			},
			Resources: []any{logs.Arn, pulumi.Sprintf("%s:*", logs.Arn)},
		}),
	}, pulumi.Parent(v))
	if err != nil {
		return nil, nil, fmt.Errorf("creating policy of flow log %q: %w", name, err)
	}
	return role, permission, nil
}
