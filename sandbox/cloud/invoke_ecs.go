package cloud

import (
	"encoding/json"
	"fmt"
	"strings"
)

func serviceOf(q query) (props, error) {
	name, cluster := q.in.str("serviceName"), q.in.str("clusterArn")
	found := q.call().first(q.region, "ecs/service", func(r *Resource) bool {
		p := props(r.Outputs)
		return (p.str("name") == name || r.ID == name) &&
			(p.str("cluster") == cluster || strings.HasSuffix(cluster, "/"+p.str("cluster")) ||
				strings.HasSuffix(p.str("cluster"), "/"+cluster))
	})
	if found == nil {
		return nil, fmt.Errorf("service not found: %s in cluster %s", name, cluster)
	}
	p := props(found.Outputs)
	return props{
		"id": found.ID, "arn": found.ID, "clusterArn": p.str("cluster"), "serviceName": p.str("name"),
		"taskDefinition": p.str("taskDefinition"), "desiredCount": p.num("desiredCount", 0),
		"launchType": p.str("launchType"), "schedulingStrategy": p.str("schedulingStrategy"),
		"availabilityZoneRebalancing": p.str("availabilityZoneRebalancing"), "tags": found.Outputs["tagsAll"],
	}, nil
}

func taskDefinitionOf(q query) (props, error) {
	found := q.call().taskDefinition(q.in.str("taskDefinition"))
	if found == nil {
		return nil, fmt.Errorf("reading ECS Task Definition (%s): api error ClientException: Unable to describe task "+
			"definition.", q.in.str("taskDefinition"))
	}
	out := props(merge(found.Outputs))
	out["id"], out["status"] = found.Outputs["arn"], active
	for _, name := range []string{
		"cpu", "memory", "executionRoleArn", "taskRoleArn", "ipcMode", "pidMode", "networkMode",
	} {
		if out[name] == nil {
			out[name] = ""
		}
	}
	for _, name := range []string{
		"ephemeralStorages", "inferenceAccelerators", "placementConstraints", "proxyConfigurations", "runtimePlatforms",
		"requiresCompatibilities", "volumes",
	} {
		if out[name] == nil {
			out[name] = []any{}
		}
	}
	return out, nil
}

func containerDefinitionOf(q query) (props, error) {
	definition := q.call().taskDefinition(q.in.str("taskDefinition"))
	if definition == nil {
		return nil, fmt.Errorf("reading ECS Container Definition: api error ClientException: Unable to describe task definition.")
	}
	containers, err := containersOf(definition.Outputs)
	if err != nil {
		return nil, err
	}
	name := q.in.str("containerName")
	for _, container := range containers {
		if container.str("name") != name {
			continue
		}
		image := container.str("image")
		digest := image[strings.LastIndexAny(image, "@:")+1:] // of name@sha256:HEX, only HEX.
		if _, after, ok := strings.Cut(image, "@"); ok {
			digest = after
		}
		environment := map[string]any{}
		for _, variable := range container.objects("environment") {
			environment[variable.str("name")] = variable.str("value")
		}
		labels, _ := container["dockerLabels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		return props{
			"id": fmt.Sprintf("%s/%s", text(definition.Outputs["arn"]), name), "image": image, "imageDigest": digest,
			"cpu": container.num("cpu", 0), "memory": container.num("memory", 0),
			"memoryReservation": container.num("memoryReservation", 0), "environment": environment,
			"dockerLabels": labels, "disableNetworking": container.yes("disableNetworking"),
		}, nil
	}
	return nil, fmt.Errorf("container with name %q not found in task definition %q", name, q.in.str("taskDefinition"))
}

// policyDocument writes a policy the way the data source does.
func policyDocument(q query) (props, error) {
	var statements []any
	for _, s := range q.in.objects("statements") {
		effect := s.str("effect")
		if effect == "" {
			effect = "Allow"
		}
		statement := map[string]any{"Effect": effect}
		for property, key := range map[string]string{
			"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource", "sid": "Sid",
		} {
			if values := s.strs(property); len(values) > 0 {
				statement[key] = oneOrMany(values)
			}
		}
		for property, key := range map[string]string{"principals": "Principal", "notPrincipals": "NotPrincipal"} {
			for _, principal := range s.objects(property) {
				if principal.str("type") == "*" {
					statement[key] = "*"
					continue
				}
				all, _ := statement[key].(map[string]any)
				statement[key] = merge(all, map[string]any{principal.str("type"): oneOrMany(principal.strs("identifiers"))})
			}
		}
		conditions := map[string]any{}
		for _, c := range s.objects("conditions") {
			test, _ := conditions[c.str("test")].(map[string]any)
			conditions[c.str("test")] = merge(test, map[string]any{c.str("variable"): oneOrMany(c.strs("values"))})
		}
		if len(conditions) > 0 {
			statement["Condition"] = conditions
		}
		statements = append(statements, statement)
	}
	raw, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": statements}, "", "  ")
	if err != nil {
		return nil, err
	}
	return props{"json": string(raw), "minifiedJson": string(raw), "id": token(string(raw), "policy")[:10]}, nil
}

func oneOrMany(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}
