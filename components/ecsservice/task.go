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
	execution, err := s.role(ctx, args.Names.ExecutionRole(), args.executionPolicy(logs))
	if err != nil {
		return nil, err
	}
	task, err := s.role(ctx, args.Names.TaskRole(), args.TaskPolicy)
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
		ContainerDefinitions: pulumi.JSONMarshal(args.containers(logs.Name, region.Name)),
		// The revision to go back to must stay registered.
		SkipDestroy: pulumi.Bool(true),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating task definition %q: %w", args.Names.Family(), err)
	}
	return definition, nil
}

// containers are the container definitions the way AWS returns them: sets sorted
// and defaults spelled out, so that a second update changes nothing.
func (a *Args) containers(logGroup pulumi.StringOutput, region string) []any {
	define := func(c Container, more map[string]any) any {
		image := c.Image
		if image == nil {
			image = a.Image
		}
		definition := map[string]any{
			"name":                   c.Name,
			"image":                  image,
			"cpu":                    0,
			"essential":              false,
			"user":                   nonRoot,
			"readonlyRootFilesystem": true,
			"portMappings":           []any{},
			"environment":            pairs(c.Environment, "value"),
			"secrets":                pairs(c.Secrets, "valueFrom"),
			"mountPoints":            []any{},
			"volumesFrom":            []any{},
			"systemControls":         []any{},
			"linuxParameters": map[string]any{
				"initProcessEnabled": true, "capabilities": map[string]any{"drop": []string{"ALL"}},
			},
			"logConfiguration": map[string]any{
				"logDriver": "awslogs",
				"options": map[string]any{
					"awslogs-group": logGroup, "awslogs-region": region, "awslogs-stream-prefix": containerName,
				},
			},
		}
		if c.Command != nil {
			definition["command"] = c.Command
		}
		maps.Copy(definition, more)
		return definition
	}
	var list, needs []any
	for _, c := range a.Containers {
		condition := "START"
		if c.First {
			condition = "SUCCESS"
		}
		needs = append(needs, map[string]any{"containerName": c.Name, "condition": condition})
		list = append(list, define(c, nil))
	}
	server := map[string]any{
		"essential": true,
		// The server drains for 23 s, and then ends its exports: up to 10 s more.
		"stopTimeout":  45,
		"portMappings": []any{map[string]any{"containerPort": a.Port, "hostPort": a.Port, "protocol": "tcp"}},
		"healthCheck": map[string]any{
			"command":  append([]string{"CMD"}, a.HealthCommand...),
			"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 10,
		},
	}
	if needs != nil {
		server["dependsOn"] = needs
	}
	return append(list, define(Container{Name: containerName, Environment: a.environment(), Secrets: a.Secrets}, server))
}

// environment is the server's. Go's collector works harder from half of the
// task's memory on; the other half is for what it does not count, and for the
// containers beside it.
func (a *Args) environment() map[string]pulumi.StringInput {
	all := map[string]pulumi.StringInput{"GOMEMLIMIT": pulumi.String(fmt.Sprintf("%dMiB", a.Memory/2))}
	maps.Copy(all, a.Environment)
	return all
}

// pairs lists name and value objects by name, as AWS returns them.
func pairs(m map[string]pulumi.StringInput, valueKey string) []any {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, map[string]any{"name": name, valueKey: m[name]})
	}
	return list
}

// executionPolicy is what ECS needs to start the task.
func (a *Args) executionPolicy(logs *cloudwatch.LogGroup) []policy.Statement {
	return append([]policy.Statement{
		// AWS has no resource for this action.
		{Sid: "Login", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []any{"*"}},
		{
			Sid: "Pull", Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resources: a.repositories(),
		},
		{
			Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []any{pulumi.Sprintf("%s:*", logs.Arn)},
		},
	}, a.ExecutionPolicy...)
}

// repositories are those that the images are in.
func (a *Args) repositories() []any {
	list := []any{a.RepositoryARN}
	for _, c := range a.Containers {
		if c.RepositoryARN != nil {
			list = append(list, c.RepositoryARN)
		}
	}
	return list
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
	permission, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Role: role.Name, Policy: policy.Document(statements...),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating policy of role %q: %w", name, err)
	}
	s.needs = append(s.needs, permission)
	return role, nil
}
