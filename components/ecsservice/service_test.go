package ecsservice_test

// The recorder proves what is registered and what the read-back concludes, not
// that ECS settles; the sandbox's engine tests do that against simulated rules.

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	image      = "repository@sha256:1"
	registered = "arn:aws:ecs:eu-central-1:123456789012:blue" // the recorder's ARN of the task definition
)

func args() *ecsservice.Args {
	text := func(s string) pulumi.StringInput { return pulumi.String(s) }
	return &ecsservice.Args{
		Names: naming.Color{Project: "codeflow", Color: "blue"},
		Image: text(image), RepositoryARN: text("arn:repository"),
		Port: 3000, CPU: 512, Memory: 1024, HealthCommand: []string{"/codeflow-server", "healthcheck"},
		Environment: map[string]pulumi.StringInput{"LOG_LEVEL": text("info"), "CODEFLOW_COLOR": text("blue")},
		VpcID:       text("vpc-1"), SubnetIDs: pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}),
		SecurityGroupIDs: []pulumi.StringInput{text("sg-client")},
		LoadBalancer: ecsservice.LoadBalancer{
			SecurityGroupID: text("sg-alb"), TargetGroupARN: text("arn:targets"),
			ARNSuffix: text("app/codeflow-blue/1"), TargetSuffix: text("targetgroup/blue/2"),
		},
		DesiredCount: 3, SpotShare: 40,
		Scaling: ecsservice.Scaling{Min: 3, Max: 12, CPU: 70, Memory: 80, RequestsPerTarget: 1000},
	}
}

// listener stands for the load balancer's listener.
type listener struct{ pulumi.CustomResourceState }

func program(args *ecsservice.Args, use func(*ecsservice.Service), opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		l := &listener{}
		if err := ctx.RegisterResource("aws:lb/listener:Listener", "listener", nil, l); err != nil {
			return err
		}
		args.LoadBalancer.Listener = l
		s, err := ecsservice.New(ctx, "blue", args, opts...)
		if err == nil && use != nil {
			use(s)
		}
		return err
	}
}

// ecs answers as an ECS that runs the task definition.
func ecs(running string) *recorder.Recorder {
	answer := func(m map[string]any) func(resource.PropertyMap) (resource.PropertyMap, error) {
		return func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(m), nil
		}
	}
	return &recorder.Recorder{Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:index/getRegion:getRegion":                         answer(map[string]any{"name": "eu-central-1", "id": "eu-central-1"}),
		"aws:index/getCallerIdentity:getCallerIdentity":         answer(map[string]any{"accountId": recorder.Account}),
		"aws:ecs/getService:getService":                         answer(map[string]any{"taskDefinition": running}),
		"aws:ecs/getContainerDefinition:getContainerDefinition": answer(map[string]any{"image": image}),
	}}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	r := ecs(registered)
	r.Both(t, program(args(), nil))
	assert.Equal(t, []string{
		"/aws:lb/listener:Listener listener",
		"/codeflow:ecsservice:Service blue",
		"blue/aws:appautoscaling/policy:Policy blue-cpu",
		"blue/aws:appautoscaling/policy:Policy blue-memory",
		"blue/aws:appautoscaling/policy:Policy blue-requests",
		"blue/aws:appautoscaling/target:Target blue",
		"blue/aws:cloudwatch/logGroup:LogGroup blue-logs",
		"blue/aws:cloudwatch/metricAlarm:MetricAlarm blue-5xx",
		"blue/aws:cloudwatch/metricAlarm:MetricAlarm blue-unhealthy",
		"blue/aws:ec2/securityGroup:SecurityGroup blue-tasks",
		"blue/aws:ecs/cluster:Cluster blue",
		"blue/aws:ecs/clusterCapacityProviders:ClusterCapacityProviders blue",
		"blue/aws:ecs/service:Service blue",
		"blue/aws:ecs/taskDefinition:TaskDefinition blue",
		"blue/aws:iam/role:Role codeflow-blue-execution",
		"blue/aws:iam/role:Role codeflow-blue-task",
		"blue/aws:iam/rolePolicy:RolePolicy codeflow-blue-execution",
		"blue/aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule blue-to-https",
		"blue/aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule blue-to-tasks",
		"blue/aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule blue-from-alb",
	}, r.Children())
}

func TestService(t *testing.T) {
	t.Parallel()
	r := ecs(registered)
	require.NoError(t, r.Run(false, program(args(), nil)))
	s := r.Get(t, "aws:ecs/service:Service", "blue")

	assert.Equal(t, "codeflow-blue-service", s.In("name"))
	assert.Equal(t, true, s.In("waitForSteadyState"))
	assert.Equal(t, "ENABLED", s.In("availabilityZoneRebalancing"))
	assert.Equal(t, true, s.In("forceNewDeployment"), "or a change of the strategy would replace the service")
	assert.InDelta(t, 100, s.In("deploymentMinimumHealthyPercent"), 0)
	assert.InDelta(t, 200, s.In("deploymentMaximumPercent"), 0)
	assert.Equal(t, map[string]any{"enable": true, "rollback": true}, s.In("deploymentCircuitBreaker"))
	assert.Equal(t, map[string]any{
		"enable": true, "rollback": true, "alarmNames": []any{"codeflow-blue-5xx", "codeflow-blue-unhealthy"},
	}, s.In("alarms"))
	assert.Equal(t, []any{
		map[string]any{"capacityProvider": "FARGATE", "base": 1.0, "weight": 60.0},
		map[string]any{"capacityProvider": "FARGATE_SPOT", "base": 0.0, "weight": 40.0},
	}, s.In("capacityProviderStrategies"))
	assert.Equal(t, map[string]any{
		"assignPublicIp": false, "subnets": []any{"subnet-1", "subnet-2"}, "securityGroups": []any{"blue-tasks-id", "sg-client"},
	}, s.In("networkConfiguration"))

	assert.Equal(t, []string{"desiredCount"}, s.RPC.GetIgnoreChanges())
	assert.Equal(t, "15m", s.RPC.GetCustomTimeouts().GetUpdate())
	for _, need := range []string{
		"Listener::listener", "ClusterCapacityProviders::blue", "MetricAlarm::blue-5xx", "MetricAlarm::blue-unhealthy",
		"RolePolicy::codeflow-blue-execution", "SecurityGroupIngressRule::blue-from-alb", "SecurityGroupEgressRule::blue-to-tasks", "SecurityGroupEgressRule::blue-to-https",
	} {
		assert.Condition(t, func() bool { return contains(s.RPC.GetDependencies(), need) }, "the service must depend on %s", need)
	}
}

func TestTaskDefinition(t *testing.T) {
	t.Parallel()
	a, r := args(), ecs(registered)
	a.Secrets = map[string]pulumi.StringInput{"TOKEN": pulumi.String("arn:secret")}
	a.TaskPolicy = []policy.Statement{{Actions: []string{"ssm:GetParameter"}, Resources: []any{"arn:parameter"}}}
	a.ExecutionPolicy = []policy.Statement{{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []any{"arn:secret"}}}
	require.NoError(t, r.Run(false, program(a, nil)))
	task := r.Get(t, "aws:ecs/taskDefinition:TaskDefinition", "blue")

	assert.Equal(t, true, task.In("skipDestroy"), "the revision to go back to must stay")
	assert.Equal(t, "awsvpc", task.In("networkMode"))
	assert.JSONEq(t, `[{
		"name": "server", "image": "repository@sha256:1", "cpu": 0, "essential": true,
		"user": "65532:65532", "readonlyRootFilesystem": true, "stopTimeout": 45,
		"linuxParameters": {"initProcessEnabled": true, "capabilities": {"drop": ["ALL"]}},
		"portMappings": [{"containerPort": 3000, "hostPort": 3000, "protocol": "tcp"}],
		"environment": [{"name": "CODEFLOW_COLOR", "value": "blue"}, {"name": "GOMEMLIMIT", "value": "512MiB"}, {"name": "LOG_LEVEL", "value": "info"}],
		"secrets": [{"name": "TOKEN", "valueFrom": "arn:secret"}],
		"mountPoints": [], "volumesFrom": [], "systemControls": [],
		"healthCheck": {"command": ["CMD", "/codeflow-server", "healthcheck"], "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 10},
		"logConfiguration": {"logDriver": "awslogs", "options": {
			"awslogs-group": "/ecs/codeflow-blue", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "server"}}
	}]`, task.In("containerDefinitions").(string))

	var execution struct{ Statement []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(r.Get(t, "aws:iam/rolePolicy:RolePolicy", "codeflow-blue-execution").In("policy").(string)), &execution))
	require.Len(t, execution.Statement, 4)
	for _, s := range execution.Statement {
		assert.Equal(t, s["Sid"] == "Login", s["Resource"].([]any)[0] == "*", "only the registry login has no resource: %v", s)
	}
	assert.Equal(t, []any{"arn:secret"}, execution.Statement[3]["Resource"])
	r.Get(t, "aws:iam/rolePolicy:RolePolicy", "codeflow-blue-task")
	trust := r.Get(t, "aws:iam/role:Role", "codeflow-blue-task").In("assumeRolePolicy").(string)
	assert.Contains(t, trust, `"aws:SourceAccount":"`+recorder.Account+`"`)
}

func TestContainers(t *testing.T) {
	t.Parallel()
	a, r := args(), ecs(registered)
	a.Containers = []ecsservice.Container{
		{
			Name: "migrate", First: true, Command: []string{"migrate", "up"},
			Secrets: map[string]pulumi.StringInput{"LOGIN": pulumi.String("arn:login")},
		},
		{Name: "collector", Image: pulumi.String("collector:1")},
	}
	require.NoError(t, r.Run(false, program(a, nil)))
	var containers []struct {
		Name, Image string
		Command     []string
		Essential   bool
		DependsOn   []map[string]string
		Secrets     []map[string]string
	}
	text := r.Get(t, "aws:ecs/taskDefinition:TaskDefinition", "blue").In("containerDefinitions").(string)
	require.NoError(t, json.Unmarshal([]byte(text), &containers))
	require.Len(t, containers, 3)
	migrate, collector, server := containers[0], containers[1], containers[2]
	assert.Equal(t, []string{"migrate", "up"}, migrate.Command)
	assert.Equal(t, image, migrate.Image)
	assert.Equal(t, []map[string]string{{"name": "LOGIN", "valueFrom": "arn:login"}}, migrate.Secrets)
	assert.Equal(t, "collector:1", collector.Image)
	assert.False(t, migrate.Essential || collector.Essential)
	assert.True(t, server.Essential)
	assert.Empty(t, server.Secrets, "the login is the migration's alone")
	assert.Equal(t, []map[string]string{
		{"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "collector", "condition": "START"},
	}, server.DependsOn)
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	settled := func(r *recorder.Recorder, preview bool) (string, error) {
		got := make(chan string, 1)
		err := r.Run(preview, program(args(), func(s *ecsservice.Service) {
			s.SettledTaskDefinition.ApplyT(func(arn string) string { got <- arn; return arn })
		}))
		return <-got, err
	}
	t.Run("settled", func(t *testing.T) {
		t.Parallel()
		arn, err := settled(ecs(registered), false)
		require.NoError(t, err)
		assert.Equal(t, registered, arn)
	})
	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		arn, err := settled(ecs("codeflow-blue:7"), false)
		require.ErrorContains(t, err, "ECS rolled the deployment of service")
		require.ErrorContains(t, err, "but codeflow-blue:7 runs")
		require.ErrorContains(t, err, "pulumi up --refresh -s test")
		assert.Equal(t, "codeflow-blue:7", arn, "the outputs tell what runs even so")
	})
	t.Run("preview reads nothing", func(t *testing.T) {
		t.Parallel()
		r := ecs(registered)
		delete(r.Calls, "aws:ecs/getService:getService")
		arn, err := settled(r, true)
		require.NoError(t, err)
		assert.Equal(t, registered, arn)
	})
}

func TestScalingFollowsItsMetrics(t *testing.T) {
	t.Parallel()
	r := ecs(registered)
	require.NoError(t, r.Run(false, program(args(), nil)))
	assert.Equal(t, "service/codeflow-blue-cluster/codeflow-blue-service", r.Get(t, "aws:appautoscaling/target:Target", "blue").In("resourceId"))
	for name, want := range map[string]float64{"blue-cpu": 70, "blue-memory": 80, "blue-requests": 1000} {
		p := r.Get(t, "aws:appautoscaling/policy:Policy", name)
		assert.InDelta(t, want, p.In("targetTrackingScalingPolicyConfiguration.targetValue"), 0)
	}
	assert.Equal(t, "app/codeflow-blue/1/targetgroup/blue/2",
		r.Get(t, "aws:appautoscaling/policy:Policy", "blue-requests").
			In("targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification.resourceLabel"))
	alarm := r.Get(t, "aws:cloudwatch/metricAlarm:MetricAlarm", "blue-5xx")
	assert.Equal(t, "notBreaching", alarm.In("treatMissingData"))
	assert.Equal(t, "IF(requestcount >= 50, 100 * FILL(httpcode_target_5xx_count, 0) / requestcount, 0)", alarm.In("metricQueries[0].expression"))
	assert.Equal(t, map[string]any{
		"namespace": "AWS/ApplicationELB", "metricName": "HTTPCode_Target_5XX_Count", "stat": "Sum", "period": 60.0,
		"dimensions": map[string]any{"LoadBalancer": "app/codeflow-blue/1", "TargetGroup": "targetgroup/blue/2"},
	}, alarm.In("metricQueries[1].metric"))
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	ecs(registered).RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return program(args(), nil, opts...) })
	for token, want := range map[string]string{
		"aws:index/getRegion:getRegion":                 "looking up the region",
		"aws:index/getCallerIdentity:getCallerIdentity": "looking up the account",
	} {
		r := ecs(registered)
		delete(r.Calls, token)
		require.ErrorContains(t, r.Run(false, program(args(), nil)), want)
	}
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*ecsservice.Args){
		"lower-case":                         func(a *ecsservice.Args) { a.Names.Color = "Blue" },
		"no task with cpu 512":               func(a *ecsservice.Args) { a.Memory = 512 },
		"between min 3 and max 12, got 2":    func(a *ecsservice.Args) { a.DesiredCount = 2 },
		"Image, RepositoryARN":               func(a *ecsservice.Args) { a.Image = nil },
		"every field of LoadBalancer":        func(a *ecsservice.Args) { a.LoadBalancer.TargetGroupARN = nil },
		"HealthCommand is required":          func(a *ecsservice.Args) { a.HealthCommand = nil },
		`must not be "server"`:               func(a *ecsservice.Args) { a.Containers = []ecsservice.Container{{Name: "server"}} },
		"Port must be 1 to 65535, got 70000": func(a *ecsservice.Args) { a.Port = 70000 },
		"SpotShare must be 0 to 100":         func(a *ecsservice.Args) { a.SpotShare = 101 },
		"1 <= min <= max":                    func(a *ecsservice.Args) { a.Scaling.Min = 0 },
		"target cpu must be 10 to 90":        func(a *ecsservice.Args) { a.Scaling.CPU = 95 },
		"target memory must be 10 to 90":     func(a *ecsservice.Args) { a.Scaling.Memory = 5 },
		"requestsPerTarget":                  func(a *ecsservice.Args) { a.Scaling.RequestsPerTarget = 0 },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			a, r := args(), ecs(registered)
			change(a)
			require.ErrorContains(t, r.Run(false, program(a, nil)), want)
			assert.Zero(t, r.Count()[ecsservice.Type])
		})
	}
}

func contains(urns []string, suffix string) bool {
	for _, urn := range urns {
		if len(urn) >= len(suffix) && urn[len(urn)-len(suffix):] == suffix {
			return true
		}
	}
	return false
}
