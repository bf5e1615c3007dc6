package ecsservice

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// nonRoot is the user and group that the container runs as.
const nonRoot = "65532:65532"

func (s *Service) taskDefinition(
	ctx *pulumi.Context, name string, args *Args, logs *cloudwatch.LogGroup,
) (*ecs.TaskDefinition, error) {
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("looking up the region: %w", err)
	}
	execution, err := s.role(ctx, name+"-execution", args.executionPolicy(logs))
	if err != nil {
		return nil, err
	}
	task, err := s.role(ctx, name+"-task", args.TaskPolicy)
	if err != nil {
		return nil, err
	}
	definition, err := ecs.NewTaskDefinition(ctx, name, &ecs.TaskDefinitionArgs{
		Family:                  pulumi.String(args.Names.Family()),
		RequiresCompatibilities: pulumi.ToStringArray([]string{"FARGATE"}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(args.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(args.Memory)),
		RuntimePlatform: &ecs.TaskDefinitionRuntimePlatformArgs{
			OperatingSystemFamily: pulumi.String("LINUX"), CpuArchitecture: pulumi.String("X86_64"),
		},
		ExecutionRoleArn:     execution.Arn,
		TaskRoleArn:          task.Arn,
		ContainerDefinitions: pulumi.JSONMarshal([]any{args.container(logs.Name, region.Name)}),
		// The revision to go back to must stay registered.
		SkipDestroy: pulumi.Bool(true),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating task definition %q: %w", args.Names.Family(), err)
	}
	return definition, nil
}

// container is the container definition the way AWS returns it: sets sorted and
// defaults spelled out, so that a second update changes nothing.
func (a *Args) container(logGroup pulumi.StringOutput, region string) map[string]any {
	return map[string]any{
		"name":                   containerName,
		"image":                  a.Image,
		"cpu":                    0,
		"essential":              true,
		"user":                   nonRoot,
		"readonlyRootFilesystem": true,
		"stopTimeout":            30,
		"portMappings":           []any{map[string]any{"containerPort": a.Port, "hostPort": a.Port, "protocol": "tcp"}},
		"environment":            pairs(a.Environment, "value"),
		"secrets":                pairs(a.Secrets, "valueFrom"),
		"mountPoints":            []any{},
		"volumesFrom":            []any{},
		"systemControls":         []any{},
		"linuxParameters": map[string]any{
			"initProcessEnabled": true, "capabilities": map[string]any{"drop": []string{"ALL"}},
		},
		"healthCheck": map[string]any{
			"command":  append([]string{"CMD"}, a.HealthCommand...),
			"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 10,
		},
		"logConfiguration": map[string]any{
			"logDriver": "awslogs",
			"options": map[string]any{
				"awslogs-group": logGroup, "awslogs-region": region, "awslogs-stream-prefix": containerName,
			},
		},
	}
}

// pairs lists name and value objects by name, as AWS returns them.
func pairs(m map[string]pulumi.StringInput, valueKey string) []any {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, map[string]any{"name": name, valueKey: m[name]})
	}
	return list
}

// executionPolicy is what ECS needs to start the task: pull the image, write the
// logs, read the secrets.
func (a *Args) executionPolicy(logs *cloudwatch.LogGroup) []policy.Statement {
	statements := []policy.Statement{
		// AWS has no resource for this action.
		{Sid: "Login", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []any{"*"}},
		{
			Sid: "Pull", Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resources: []any{a.RepositoryARN},
		},
		{
			Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []any{pulumi.Sprintf("%s:*", logs.Arn)},
		},
	}
	if len(a.Secrets) == 0 {
		return statements
	}
	var arns []any
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		arns = append(arns, a.Secrets[name])
	}
	return append(statements, policy.Statement{
		Sid: "Secrets", Actions: []string{"secretsmanager:GetSecretValue", "ssm:GetParameters"}, Resources: arns,
	})
}

// role makes a role for tasks of this account, with the statements if there are any.
func (s *Service) role(ctx *pulumi.Context, name string, statements []policy.Statement) (*iam.Role, error) {
	account, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("looking up the account: %w", err)
	}
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		AssumeRolePolicy: policy.AssumeRole("ecs-tasks.amazonaws.com",
			map[string]map[string]any{"StringEquals": {"aws:SourceAccount": account.AccountId}}),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating role %q: %w", name, err)
	}
	if len(statements) == 0 {
		return role, nil
	}
	if _, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Role: role.Name, Policy: policy.Document(statements...),
	}, pulumi.Parent(s)); err != nil {
		return nil, fmt.Errorf("creating policy of role %q: %w", name, err)
	}
	return role, nil
}
