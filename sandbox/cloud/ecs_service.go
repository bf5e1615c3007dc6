package cloud

import (
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

// deploy judges a service and runs its deployment. It settles, or it fails:
// then a circuit breaker returns to what ran before, and without one, or on the
// first deployment, the service never gets steady.
func deploy(c *call) error {
	definition := c.taskDefinition(c.in.str("taskDefinition"))
	if definition == nil {
		return refuse("ClientException", "TaskDefinition not found.")
	}
	if err := placeService(c, props(definition.Outputs)); err != nil {
		return err
	}
	cluster := c.find("ecs/cluster", "arn name id", c.in.str("cluster"))
	if cluster == nil {
		return refuseAs(rules["ecs/cluster"].Missing, c.region, nil)
	}
	if c.old == nil {
		c.out["id"] = fmt.Sprintf("arn:aws:ecs:%s:%s:service/%s/%s", c.region, Account, cluster.Outputs["name"], c.in.str("name"))
	}
	if c.old != nil && steady(c.old) && !c.changed("taskDefinition") && !c.in.yes("forceNewDeployment") {
		return nil
	}
	runDeployment(c, props(definition.Outputs))
	return nil
}

// runDeployment starts the tasks of a task definition, with ECS's events.
func runDeployment(c *call, definition props) {
	name := c.in.str("name")
	deployment := "ecs-svc/" + randomOf("0123456789", 19)
	settled := fmt.Sprintf("(service %s) has reached a steady state.", name)
	reason := deploymentFails(c, name, definition)
	if reason == "" {
		c.events = []string{settled, fmt.Sprintf("(service %s) (deployment %s) deployment completed.", name, deployment)}
		return
	}
	c.events = []string{
		fmt.Sprintf("(service %s) (deployment %s) deployment failed: tasks failed to start.", name, deployment), reason,
	}
	breaker := c.in.yes("deploymentCircuitBreaker.enable") && c.in.yes("deploymentCircuitBreaker.rollback")
	switch {
	case breaker && c.old != nil && steady(c.old):
		rollBack(c)
		c.events = append([]string{settled, fmt.Sprintf("(service %s) rolling back.", name)}, c.events...)
	case c.in.yes("waitForSteadyState"):
		c.initErrors = []string{fmt.Sprintf("waiting for ECS Service (%s) to settle: timeout while waiting for state to become "+
			"'tfSTABLE' (last state: 'tfPENDING'); events: %s", c.serviceARN(), strings.Join(c.events, "; "))}
	}
}

// steady reports whether a service's last deployment settled.
func steady(service *Resource) bool {
	return len(service.Events) > 0 && strings.HasSuffix(service.Events[0], "has reached a steady state.")
}

// rollBack returns the service to the task definition that it ran before, while
// the provider reports the one that was asked for.
func rollBack(c *call) {
	c.reported = c.out
	c.in, c.out = merge(c.in), merge(c.out)
	before := c.old.Outputs["taskDefinition"]
	c.in["taskDefinition"], c.out["taskDefinition"] = before, before
}

func (c *call) serviceARN() string {
	if c.old != nil {
		return c.old.ID
	}
	return c.out.str("id")
}

// deploymentFails returns ECS's reason why a deployment cannot settle, or "".
func deploymentFails(c *call, name string, definition props) string {
	containers, err := containersOf(definition)
	if err != nil {
		return err.Error()
	}
	for _, container := range containers {
		image := container.str("image")
		repository, digest, ok := ecrImage(image)
		if !ok {
			continue
		}
		if images := c.cloud.opts.Images; images == nil || !images.Has(repository, digest) {
			return fmt.Sprintf("(service %s) was unable to place a task. Reason: CannotPullContainerError: pull image "+
				"manifest has been retried 1 time(s): failed to resolve ref %s: %s: not found.", name, image, image)
		}
	}
	if c.cloud.faulty(FaultDeployFails, name) {
		return fmt.Sprintf("(service %s) (task %s) failed container health checks.", name, randomHex(32))
	}
	return ""
}

// placeService refuses what ECS refuses before it starts any task.
func placeService(c *call, definition props) error {
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

// placeTargets refuses a target group that no listener uses, that lies in
// another VPC, or whose container does not exist.
func placeTargets(c *call, balancer, definition props, vpcs map[string]string) error {
	arn := balancer.str("targetGroupArn")
	uses := func(r *Resource) bool { return slices.Contains(forwards(r.Outputs), arn) }
	if len(c.each("lb/listener", uses)) == 0 {
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
