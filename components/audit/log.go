package audit

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// writer is what CloudTrail writes to the log group as.
type writer struct {
	role *iam.Role
	can  pulumi.Resource // the role's policy
}

// newLog makes a log group that the trail writes to, too, within minutes: alarms read
// it, which the files come too late for.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html
func newLog(ctx *pulumi.Context, name string, args *Args, from *trailSource, child pulumi.ResourceOption) (*cloudwatch.LogGroup, *writer, error) {
	group, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		Name: pulumi.String("/audit/" + args.Names.Trail()), RetentionInDays: pulumi.Int(args.LogRetentionDays), KmsKeyId: args.LogKeyARN,
	}, child)
	if err != nil {
		return nil, nil, err
	}
	role, err := iam.NewRole(ctx, name+"-log", &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("cloudtrail.amazonaws.com", map[string]map[string]any{
			"ArnLike": {"aws:SourceArn": from.arn},
		}),
	}, child)
	if err != nil {
		return nil, nil, err
	}
	can, err := iam.NewRolePolicy(ctx, name+"-log", &iam.RolePolicyArgs{
		Role: role.Name, Policy: policy.Document(policy.Statement{
			Sid: "Write", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []any{pulumi.Sprintf("%s:*", group.Arn)},
		}),
	}, child)
	return group, &writer{role, can}, err
}
