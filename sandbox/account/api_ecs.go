package account

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
)

// ecsPage is the greatest page of ListTasks and others.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
const ecsPage = 100

func (a *Account) ecsAPI() awsapi.Service {
	return awsapi.Service{SigningName: "ecs", LowerCase: true, Operations: map[string]awsapi.Operation{
		"DescribeServices": awsapi.Needs(awsapi.Do(a.describeServices), func(ctx context.Context, in *ecs.DescribeServicesInput) awsapi.Permission {
			return on(a.serviceARNs(ctx, in.Cluster, in.Services...)...)
		}),
		"DescribeTasks": awsapi.Needs(awsapi.Do(a.describeTasks), func(_ context.Context, in *ecs.DescribeTasksInput) awsapi.Permission {
			return on(in.Tasks...)
		}),
		"ListClusters": awsapi.Do(a.listClusters),
		"ListServices": awsapi.Do(a.listServices),
		"ListTasks":    awsapi.Do(a.listTasks),
		"UpdateService": awsapi.Needs(awsapi.Do(a.updateService), func(ctx context.Context, in *ecs.UpdateServiceInput) awsapi.Permission {
			return on(a.serviceARNs(ctx, in.Cluster, aws.ToString(in.Service))...)
		}),
	}}
}

// serviceARNs are what calls about services ask permission for.
func (a *Account) serviceARNs(ctx context.Context, cluster *string, names ...string) (arns []string) {
	for _, name := range names {
		if r := a.find("ecs/service", "name", path.Base(name)); r != nil {
			arns = append(arns, r.ID)
		} else {
			arns = append(arns, fmt.Sprintf("arn:aws:ecs:%s:%s:service/%s/%s", awsapi.Region(ctx), cloud.Account, path.Base(aws.ToString(cluster)), path.Base(name)))
		}
	}
	return arns
}

// cluster returns the ARN of a cluster that exists.
func (a *Account) cluster(ctx context.Context, name *string) (string, error) {
	found, missing := a.named(ctx, "ecs/cluster", []string{cmp.Or(aws.ToString(name), "default")}, "name", "arn")
	if missing != "" {
		return "", &types.ClusterNotFoundException{Message: aws.String("Cluster not found.")}
	}
	return textOf(found[0], "arn"), nil
}

// servicesOf are the services of a cluster.
func (a *Account) servicesOf(ctx context.Context, cluster *string) ([]*cloud.Resource, string, error) {
	arn, err := a.cluster(ctx, cluster)
	all, _ := a.named(ctx, "ecs/service", nil)
	return slices.DeleteFunc(all, func(r *cloud.Resource) bool { return path.Base(textOf(r, "cluster")) != path.Base(arn) }), arn, err
}

func (a *Account) listClusters(ctx context.Context, in *ecs.ListClustersInput) (out *ecs.ListClustersOutput, err error) {
	clusters, _ := a.named(ctx, "ecs/cluster", nil)
	out = &ecs.ListClustersOutput{}
	out.ClusterArns, out.NextToken, err = page(arnsOf(clusters), in.NextToken, in.MaxResults, ecsPage)
	return out, err
}

func arnsOf(all []*cloud.Resource) (arns []string) {
	for _, r := range all {
		arns = append(arns, cmp.Or(textOf(r, "arn"), r.ID))
	}
	return arns
}

func (a *Account) listServices(ctx context.Context, in *ecs.ListServicesInput) (out *ecs.ListServicesOutput, err error) {
	services, _, err := a.servicesOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	out = &ecs.ListServicesOutput{}
	out.ServiceArns, out.NextToken, err = page(arnsOf(services), in.NextToken, in.MaxResults, ecsPage)
	return out, err
}

func (a *Account) describeServices(ctx context.Context, in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	services, cluster, err := a.servicesOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &ecs.DescribeServicesOutput{Services: []types.Service{}, Failures: []types.Failure{}}
	for _, name := range in.Services {
		i := slices.IndexFunc(services, func(r *cloud.Resource) bool { return textOf(r, "name") == path.Base(name) })
		if i < 0 {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String(a.serviceARNs(ctx, &cluster, name)[0]), Reason: aws.String("MISSING")})
			continue
		}
		service, err := a.serviceAPI(services[i], cluster)
		if err != nil {
			return nil, err
		}
		out.Services = append(out.Services, service)
	}
	return out, nil
}

// serviceAPI is a service as ECS describes it.
func (a *Account) serviceAPI(r *cloud.Resource, cluster string) (service types.Service, err error) {
	var spec struct {
		DesiredCount  int32
		LoadBalancers []types.LoadBalancer
	}
	if err := decode(r, &spec); err != nil {
		return service, err
	}
	service = types.Service{
		ServiceArn: aws.String(r.ID), ServiceName: aws.String(textOf(r, "name")), ClusterArn: aws.String(cluster), Status: aws.String("ACTIVE"),
		DesiredCount: spec.DesiredCount, LoadBalancers: spec.LoadBalancers, TaskDefinition: aws.String(textOf(r, "taskDefinition")),
		Deployments: []types.Deployment{},
	}
	running := a.status(textOf(r, "name"))
	if running == nil {
		return service, nil
	}
	service.DesiredCount, service.RunningCount, service.PendingCount = int32(running.DesiredCount), int32(running.RunningCount), int32(running.PendingCount)
	service.TaskDefinition = aws.String(running.TaskDefinition)
	for _, d := range running.Deployments {
		service.Deployments = append(service.Deployments, types.Deployment{
			Id: aws.String(d.ID), Status: aws.String(d.Status), TaskDefinition: aws.String(d.TaskDefinition), CreatedAt: aws.Time(d.CreatedAt),
			RolloutState: types.DeploymentRolloutState(d.RolloutState), RolloutStateReason: aws.String(d.RolloutStateReason),
			FailedTasks: int32(d.FailedTasks),
		})
	}
	for _, e := range running.Events {
		service.Events = append(service.Events, types.ServiceEvent{CreatedAt: aws.Time(e.CreatedAt), Message: aws.String(e.Message)})
	}
	return service, nil
}

// tasksOf are the tasks of a cluster's services, by ARN, and the ARNs in their order.
func (a *Account) tasksOf(ctx context.Context, cluster *string, service string) (arns []string, tasks map[string]types.Task, err error) {
	services, clusterARN, err := a.servicesOf(ctx, cluster)
	tasks = map[string]types.Task{}
	for _, r := range services {
		running := a.status(textOf(r, "name"))
		if running == nil || service != "" && running.Name != path.Base(service) {
			continue
		}
		for _, t := range running.Tasks {
			arn := fmt.Sprintf("arn:aws:ecs:%s:%s:task/%s/%s", r.Region, cloud.Account, path.Base(clusterARN), t.ID)
			arns, tasks[arn] = append(arns, arn), taskAPI(t, arn, clusterARN, running.Name, serving(r))
		}
	}
	return arns, tasks, err
}

// serving is the name of the container that the load balancer talks to.
func serving(service *cloud.Resource) string {
	var spec struct{ LoadBalancers []types.LoadBalancer }
	if decode(service, &spec) != nil || len(spec.LoadBalancers) == 0 {
		return ""
	}
	return aws.ToString(spec.LoadBalancers[0].ContainerName)
}

// taskAPI is a task as ECS describes it. The runtime knows the image of the container
// that serves only.
func taskAPI(t scheduler.TaskStatus, arn, cluster, service, serving string) types.Task {
	status, desired := "RUNNING", "RUNNING"
	switch t.LastStatus {
	case scheduler.Pending:
		status = "PENDING"
	case scheduler.Stopping:
		desired = "STOPPED"
		status = "DEACTIVATING"
	}
	var containers []types.Container
	for _, c := range t.Containers {
		container := types.Container{Name: aws.String(c.Name), LastStatus: aws.String(string(c.LastStatus)), TaskArn: aws.String(arn)}
		if c.Name == serving {
			container.Image = aws.String(t.Image)
		}
		containers = append(containers, container)
	}
	return types.Task{
		TaskArn: aws.String(arn), ClusterArn: aws.String(cluster), TaskDefinitionArn: aws.String(t.TaskDefinition), Group: aws.String("service:" + service),
		LastStatus: aws.String(status), DesiredStatus: aws.String(desired), AvailabilityZone: aws.String(t.AvailabilityZone),
		HealthStatus: types.HealthStatus(t.HealthStatus), CreatedAt: aws.Time(t.CreatedAt),
		Containers: containers,
	}
}

func (a *Account) listTasks(ctx context.Context, in *ecs.ListTasksInput) (out *ecs.ListTasksOutput, err error) {
	service := aws.ToString(in.ServiceName)
	if services, _, err := a.servicesOf(ctx, in.Cluster); err != nil {
		return nil, err
	} else if service != "" && !slices.ContainsFunc(services, func(r *cloud.Resource) bool { return textOf(r, "name") == path.Base(service) }) {
		return nil, &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
	}
	arns, tasks, err := a.tasksOf(ctx, in.Cluster, service)
	if err != nil {
		return nil, err
	}
	wanted := cmp.Or(in.DesiredStatus, types.DesiredStatusRunning)
	arns = slices.DeleteFunc(arns, func(arn string) bool { return aws.ToString(tasks[arn].DesiredStatus) != string(wanted) })
	out = &ecs.ListTasksOutput{}
	out.TaskArns, out.NextToken, err = page(arns, in.NextToken, in.MaxResults, ecsPage)
	return out, err
}

func (a *Account) describeTasks(ctx context.Context, in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	if len(in.Tasks) > ecsPage {
		return nil, &types.InvalidParameterException{Message: aws.String("Task ids can have at most 100 items.")}
	}
	_, tasks, err := a.tasksOf(ctx, in.Cluster, "")
	if err != nil {
		return nil, err
	}
	out := &ecs.DescribeTasksOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for _, arn := range in.Tasks {
		if task, ok := tasks[arn]; ok {
			out.Tasks = append(out.Tasks, task)
		} else {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")})
		}
	}
	return out, nil
}

func (a *Account) updateService(ctx context.Context, in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	services, cluster, err := a.servicesOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	name := path.Base(aws.ToString(in.Service))
	i := slices.IndexFunc(services, func(r *cloud.Resource) bool { return textOf(r, "name") == name })
	if i < 0 {
		return nil, &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
	}
	if in.DesiredCount != nil {
		if err := a.scale(services[i], int(*in.DesiredCount)); err != nil {
			return nil, err
		}
	}
	if in.TaskDefinition != nil {
		if err := a.deploy(services[i], *in.TaskDefinition); err != nil {
			return nil, err
		}
	}
	service, err := a.serviceAPI(a.find("ecs/service", "name", name), cluster)
	return &ecs.UpdateServiceOutput{Service: &service}, err
}
