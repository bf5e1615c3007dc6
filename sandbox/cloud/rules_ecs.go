package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Task definition states.
const (
	active   = "ACTIVE"
	inactive = "INACTIVE"
)

var fargateProviders = []string{"FARGATE", "FARGATE_SPOT"}

var ecsRules = map[string]Rule{
	"ecs/cluster": {
		ID: "{arn}", ARN: "ecs:{region}:{account}:cluster/{name}",
		Missing: "ClusterNotFoundException: Cluster not found.",
		InUse:   "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.",
	},
	"ecs/clusterCapacityProviders": {
		ID:   "{clusterName}",
		Refs: []Ref{{Path: "clusterName", To: "ecs/cluster", By: "name", Loose: true}},
		Check: func(in props) error {
			for _, name := range in.strs("capacityProviders") {
				if !slices.Contains(fargateProviders, name) {
					return refuse("InvalidParameterException", "The specified capacity provider '%s' was not found.", name)
				}
			}
			for _, name := range in.strs("defaultCapacityProviderStrategies.capacityProvider") {
				if !slices.Contains(in.strs("capacityProviders"), name) {
					return refuse("InvalidParameterException", "The default capacity provider strategy cannot contain a "+
						"capacity provider that is not associated with the cluster: %s", name)
				}
			}
			return nil
		},
	},
	"ecs/taskDefinition": {
		ID: "{family}", Key: "{arn}",
		Outputs: map[string]any{"networkMode": "bridge", "enableFaultInjection": false, "skipDestroy": false},
		Refs: []Ref{
			{Path: "executionRoleArn", To: "iam/role", By: "arn", Loose: true},
			{Path: "taskRoleArn", To: "iam/role", By: "arn", Loose: true},
		},
		Check:   checkTaskDefinition,
		Apply:   registerTaskDefinition,
		Destroy: deregisterTaskDefinition,
	},
	"ecs/service": {
		Autoname: Autoname{Max: 255},
		Refs: []Ref{
			{Path: "cluster", To: "ecs/cluster", By: "arn name id"},
			{Path: "networkConfiguration.subnets", To: "ec2/subnet"},
			{Path: "networkConfiguration.securityGroups", To: anyGroup},
			{Path: "loadBalancers.targetGroupArn", To: "lb/targetGroup", By: "arn", Loose: true},
			{Path: "alarms.alarmNames", To: "cloudwatch/metricAlarm", By: "name", Loose: true},
		},
		Outputs: map[string]any{"launchType": "EC2", "schedulingStrategy": "REPLICA", "propagateTags": "NONE"},
		Unique: []Unique{{Key: "{cluster} {name}", Error: "InvalidParameterException: Creation of service was " +
			"not idempotent."}},
		Check:  checkService,
		Apply:  placeService,
		Settle: deploy,
	},
}

// fargate lists the memory, in MiB, that Fargate has for each cpu value: from,
// to and step. Source: the task size table of the ECS developer guide.
var fargate = map[string][3]int{
	"256": {512, 2048, 512}, "512": {1024, 4096, 1024}, "1024": {2048, 8192, 1024}, "2048": {4096, 16384, 1024},
	"4096": {8192, 30720, 1024}, "8192": {16384, 61440, 4096}, "16384": {32768, 122880, 8192},
}

func fargateHas(cpu string, memory int) bool {
	if cpu == "256" {
		return memory == 512 || memory == 1024 || memory == 2048
	}
	sizes, ok := fargate[cpu]
	return ok && memory >= sizes[0] && memory <= sizes[1] && (memory-sizes[0])%sizes[2] == 0
}

func checkTaskDefinition(in props) error {
	var containers []props
	if !in.unknown("containerDefinitions") {
		var err error
		if containers, err = containersOf(in); err != nil {
			return err
		}
	}
	if !slices.Contains(in.strs("requiresCompatibilities"), "FARGATE") {
		return nil
	}
	if mode := in.str("networkMode"); mode != "awsvpc" && !in.unknown("networkMode") {
		return refuse("ClientException", "Fargate only supports network mode ‘awsvpc’.")
	}
	if !in.unknown("cpu") && !in.unknown("memory") && !fargateHas(in.str("cpu"), int(in.num("memory", 0))) {
		return refuse("ClientException", "No Fargate configuration exists for given values: %s CPU, %s memory. See the "+
			"Amazon ECS documentation for the valid values.", in.str("cpu"), in.str("memory"))
	}
	for _, c := range containers {
		if in.has("executionRoleArn") {
			break
		}
		if c.str("logConfiguration.logDriver") == "awslogs" {
			return refuse("ClientException", "Fargate requires task definition to have execution role ARN to support "+
				"log driver awslogs.")
		}
		if repository, _, ok := ecrImage(c.str("image")); ok {
			return refuse("ClientException", "Fargate requires task definition to have execution role ARN to support "+
				"ECR images: %s", repository)
		}
		if c.has("secrets") {
			return refuse("ClientException", "When you are specifying container secrets, you must also specify a value for "+
				"'executionRoleArn'.")
		}
	}
	return nil
}

// containersOf reads the containers of a task definition.
func containersOf(definition props) ([]props, error) {
	var containers []props
	if err := json.Unmarshal([]byte(definition.str("containerDefinitions")), &containers); err != nil {
		return nil, fmt.Errorf("containerDefinitions: ECS Task Definition container_definitions is invalid: %w", err)
	}
	if len(containers) == 0 {
		return nil, refuse("ClientException", "Container list cannot be empty.")
	}
	for _, c := range containers {
		if c.str("name") == "" || c.str("image") == "" {
			return nil, refuse("ClientException", "Container.name and Container.image should not be null or empty.")
		}
	}
	return containers, nil
}

func registerTaskDefinition(c *call) error {
	if c.old != nil {
		return nil
	}
	containers, err := containersOf(c.in)
	if err != nil {
		return err
	}
	for _, container := range containers {
		options := container.objects("logConfiguration.options")
		if container.str("logConfiguration.logDriver") != "awslogs" || len(options) == 0 {
			continue
		}
		group, _ := options[0]["awslogs-group"].(string)
		create, _ := options[0]["awslogs-create-group"].(string)
		if create != "true" && c.find("cloudwatch/logGroup", "name", group) == nil {
			return refuse("ResourceNotFoundException", "The specified log group does not exist: %s", group)
		}
	}
	family, last := c.in.str("family"), 0.0
	c.each("ecs/taskDefinition", func(r *Resource) bool {
		if r.Outputs["family"] == family {
			last = max(last, props(r.Outputs).num("revision", 0))
		}
		return false
	})
	c.out["revision"] = last + 1
	c.out["arnWithoutRevision"], _ = expand("arn:aws:ecs:{region}:{account}:task-definition/{family}", c.region, c.out)
	c.out["arn"] = fmt.Sprintf("%s:%d", c.out["arnWithoutRevision"], int(last)+1)
	return nil
}

// deregisterTaskDefinition keeps the revision, as ECS does: with skipDestroy as
// it is, else as INACTIVE.
func deregisterTaskDefinition(c *call) error {
	c.reported = merge(c.old.Outputs)
	if !c.in.yes("skipDestroy") {
		c.reported["status"] = inactive
	}
	return nil
}

// taskDefinition finds a revision by ARN, by family:revision, or the latest
// active one by family.
func (c *call) taskDefinition(name string) *Resource {
	var latest *Resource
	c.each("ecs/taskDefinition", func(r *Resource) bool {
		p := props(r.Outputs)
		full := p.str("family") + ":" + p.str("revision")
		if p.str("status") == inactive || (name != p.str("arn") && name != full && name != p.str("family") &&
			name != p.str("arnWithoutRevision")) {
			return false
		}
		if latest == nil || p.num("revision", 0) > props(latest.Outputs).num("revision", 0) {
			latest = r
		}
		return false
	})
	return latest
}

// ecrImage takes the name of an ECR image apart; the reference is a digest or a
// tag.
func ecrImage(image string) (repository, reference string, ok bool) {
	host, path, _ := strings.Cut(image, "/")
	if !strings.Contains(host, ".dkr.ecr.") {
		return "", "", false
	}
	if repository, reference, ok = strings.Cut(path, "@"); ok {
		return repository, reference, true
	}
	if repository, reference, ok = strings.Cut(path, ":"); ok {
		return repository, reference, true
	}
	return path, "latest", true
}
