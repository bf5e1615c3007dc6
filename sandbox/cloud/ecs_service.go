package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

func checkService(in props) error {
	if in.has("launchType") && in.has("capacityProviderStrategies") {
		return refuse("InvalidParameterException", "Specifying both a launch type and capacity provider strategy is not "+
			"supported. Remove one and try again.")
	}
	if in.str("alarms.rollback") == "true" && in.str("alarms.enable") == "false" {
		return refuse("InvalidParameterException", "Deployment alarms cannot roll back when they are not enabled.")
	}
	return nil
}

// placeService judges a service before any task is started.
func placeService(c *call) error {
	definition := c.taskDefinition(c.in.str("taskDefinition"))
	if definition == nil {
		return refuse("ClientException", "TaskDefinition not found.")
	}
	if err := placeTasks(c, props(definition.Outputs)); err != nil {
		return err
	}
	cluster := c.find("ecs/cluster", "arn name id", c.in.str("cluster"))
	if cluster == nil {
		return refuseAs(rules["ecs/cluster"].Missing, c.region, nil)
	}
	if c.old == nil {
		c.out["id"] = fmt.Sprintf("arn:aws:ecs:%s:%s:service/%s/%s", c.region, Account, cluster.Outputs["name"], c.in.str("name"))
	}
	if c.redeploys() {
		c.events = []string{fmt.Sprintf("(service %s) deployment in progress.", c.in.str("name"))}
	}
	return nil
}

// redeploys reports whether the call starts new tasks.
func (c *call) redeploys() bool {
	return c.old == nil || !c.old.Steady() || c.changed("taskDefinition") || c.in.yes("forceNewDeployment")
}

// deploy runs the deployment of a service. It settles, or it fails: then a
// circuit breaker returns to what ran before, and without one, or on the first
// deployment, the service never gets steady.
func deploy(ctx context.Context, c *call, service *Resource) error {
	if !c.redeploys() {
		return nil
	}
	before := ""
	if c.old != nil && c.old.Steady() {
		before = text(c.old.Outputs["taskDefinition"])
	}
	outcome, err := c.cloud.runDeployment(ctx, service, before)
	if err != nil {
		return err
	}
	service.Events = slices.Concat(outcome.Events, service.Events)
	switch {
	case outcome.RolledBackTo != "":
		// The provider reports the task definition that was asked for.
		c.reported, service.Inputs, service.Outputs = c.out, merge(c.in), merge(c.out)
		service.Inputs["taskDefinition"], service.Outputs["taskDefinition"] = outcome.RolledBackTo, outcome.RolledBackTo
	case outcome.Failed && c.in.yes("waitForSteadyState"):
		c.initErrors = []string{fmt.Sprintf("waiting for ECS Service (%s) to settle: timeout while waiting for state to become "+
			"'tfSTABLE' (last state: 'tfPENDING'); events: %s", service.ID, strings.Join(outcome.Events, "; "))}
	}
	return c.cloud.store.Put(service)
}

// UpdateService makes a service run another task definition behind the engine's
// back, as ECS's action of that name does. What it returns waits for the end.
func (c *Cloud) UpdateService(service *Resource, definition string) (wait func(context.Context) error, err error) {
	asked := map[string]any{"taskDefinition": definition}
	update := &call{
		cloud: c, typ: service.Type, region: service.Region, rule: rules["ecs/service"], old: service,
		in: merge(service.Inputs, asked), out: merge(service.Outputs, asked),
	}
	stored, err := update.locked(update.change)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return deploy(ctx, update, stored) }, nil
}

// runDeployment has the runtime run a service, and judges it where there is none.
func (c *Cloud) runDeployment(ctx context.Context, service *Resource, before string) (Outcome, error) {
	if c.opts.Runtime != nil {
		return c.opts.Runtime.Deploy(ctx, service, before)
	}
	p := props(service.Outputs)
	name, deployment := p.str("name"), "ecs-svc/"+randomOf("0123456789", 19)
	settled := fmt.Sprintf("(service %s) has reached a steady state.", name)
	reason := c.deploymentFails(service)
	if reason == "" {
		return Outcome{Events: []string{settled, fmt.Sprintf("(service %s) (deployment %s) deployment completed.", name, deployment)}}, nil
	}
	failed := Outcome{Failed: true, Events: []string{
		fmt.Sprintf("(service %s) (deployment %s) deployment failed: tasks failed to start.", name, deployment), reason,
	}}
	if before != "" && p.yes("deploymentCircuitBreaker.enable") && p.yes("deploymentCircuitBreaker.rollback") {
		failed.RolledBackTo = before
		failed.Events = append([]string{settled, fmt.Sprintf("(service %s) rolling back.", name)}, failed.Events...)
	}
	return failed, nil
}

// deploymentFails returns ECS's reason why a deployment cannot settle, or "".
func (c *Cloud) deploymentFails(service *Resource) string {
	name := text(service.Outputs["name"])
	look := &call{cloud: c, region: service.Region}
	containers, err := containersOf(look.taskDefinition(text(service.Outputs["taskDefinition"])).Outputs)
	if err != nil {
		return err.Error()
	}
	for _, container := range containers {
		image := container.str("image")
		repository, digest, ok := ecrImage(image)
		if !ok {
			continue
		}
		if images := c.opts.Images; images == nil || !images.Has(repository, digest) {
			return fmt.Sprintf("(service %s) was unable to place a task. Reason: CannotPullContainerError: pull image "+
				"manifest has been retried 1 time(s): failed to resolve ref %s: %s: not found.", name, image, image)
		}
	}
	if c.faulty(FaultDeployFails, name) {
		return fmt.Sprintf("(service %s) (task %s) failed container health checks.", name, randomHex(32))
	}
	return ""
}

// placeTasks refuses what ECS refuses before it starts any task.
func placeTasks(c *call, definition props) error {
	network := definition.str("networkMode") == "awsvpc"
	if network && !c.in.has("networkConfiguration") {
		return refuse("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is "+
			"specified.")
	}
	vpcs := map[string]string{}
	for _, id := range c.in.strs("networkConfiguration.subnets") {
		vpcs[text(c.find("ec2/subnet", "id", id).Outputs["vpcId"])] = id
	}
	if len(vpcs) > 1 {
		return refuse("InvalidParameterException", "The provided subnets do not belong to the same VPC.")
	}
	for vpc, subnet := range vpcs {
		for _, id := range c.in.strs("networkConfiguration.securityGroups") {
			if c.group(id).Outputs["vpcId"] != vpc {
				return refuse("InvalidParameterException", "Security group %s and subnet %s belong to different networks.",
					id, subnet)
			}
		}
	}
	for _, balancer := range c.in.objects("loadBalancers") {
		if err := placeTargets(c, balancer, definition, vpcs); err != nil {
			return err
		}
	}
	return placeCapacity(c)
}

// placeTargets refuses a target group that neither a listener nor a rule uses, that lies in
// another VPC, or whose container does not exist.
func placeTargets(c *call, balancer, definition props, vpcs map[string]string) error {
	arn := balancer.str("targetGroupArn")
	uses := func(r *Resource) bool { return slices.Contains(forwards(r.Outputs), arn) }
	if len(c.each("lb/listener", uses)) == 0 && len(c.each("lb/listenerRule", uses)) == 0 {
		return refuse("InvalidParameterException", "The target group with targetGroupArn %s does not have an associated "+
			"load balancer.", arn)
	}
	group := c.find("lb/targetGroup", "arn", arn)
	if _, same := vpcs[text(group.Outputs["vpcId"])]; !same && len(vpcs) > 0 {
		return refuse("InvalidParameterException", "The target group with targetGroupArn %s is in VPC %s, the service's "+
			"subnets are in another VPC.", arn, group.Outputs["vpcId"])
	}
	if definition.str("networkMode") == "awsvpc" && group.Outputs["targetType"] != "ip" {
		return refuse("InvalidParameterException", "The provided target group %s has target type %s, which is incompatible "+
			"with the awsvpc network mode specified in the task definition.", arn, group.Outputs["targetType"])
	}
	containers, err := containersOf(definition)
	if err != nil {
		return err
	}
	name, port := balancer.str("containerName"), balancer.str("containerPort")
	for _, container := range containers {
		if container.str("name") != name {
			continue
		}
		if !slices.Contains(container.strs("portMappings.containerPort"), port) {
			return refuse("InvalidParameterException", "The container %s did not have a container port %s defined.", name, port)
		}
		return nil
	}
	return refuse("InvalidParameterException", "The container %s does not exist in the task definition.", name)
}

// placeCapacity refuses capacity providers that the cluster does not have.
func placeCapacity(c *call) error {
	cluster := c.find("ecs/cluster", "arn name id", c.in.str("cluster"))
	var has []string
	if cluster != nil {
		if set := c.find("ecs/clusterCapacityProviders", "clusterName", text(cluster.Outputs["name"])); set != nil {
			has = props(set.Outputs).strs("capacityProviders")
		}
	}
	for _, name := range c.in.strs("capacityProviderStrategies.capacityProvider") {
		if !slices.Contains(has, name) {
			return refuse("InvalidParameterException", "The specified capacity provider strategy cannot contain a capacity "+
				"provider that is not associated with the cluster. Associate the capacity provider with the cluster and "+
				"try again.")
		}
	}
	return nil
}
