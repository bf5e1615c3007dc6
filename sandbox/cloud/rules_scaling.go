package cloud

import "strings"

var scalingRules = map[string]Rule{
	"appautoscaling/target": {
		ID: "{resourceId}", Key: "{serviceNamespace}/{resourceId}/{scalableDimension}",
		ARN: "application-autoscaling:{region}:{account}:scalable-target/0{hex32}",
		Outputs: map[string]any{"roleArn": "arn:aws:iam::{account}:role/aws-service-role/" +
			"ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"},
		Check: func(in props) error {
			if !in.unknown("minCapacity") && in.num("minCapacity", 0) > in.num("maxCapacity", 1e9) {
				return refuse("ValidationException", "Maximum capacity cannot be less than minimum capacity")
			}
			return nil
		},
		Apply: func(c *call) error {
			parts := strings.Split(c.in.str("resourceId"), "/")
			if c.in.str("serviceNamespace") != "ecs" {
				return nil
			}
			if len(parts) == 3 && parts[0] == "service" {
				suffix := ":" + c.in.str("resourceId")
				if len(c.each("ecs/service", func(r *Resource) bool { return strings.HasSuffix(r.ID, suffix) })) > 0 {
					return nil
				}
			}
			return refuse("ValidationException", "ECS service doesn't exist: %s", c.in.str("resourceId"))
		},
	},
	"appautoscaling/policy": {
		ID: "{name}", Key: "{serviceNamespace}/{resourceId}/{scalableDimension}/{name}",
		ARN: "autoscaling:{region}:{account}:scalingPolicy:{uuid}:resource/{serviceNamespace}/{resourceId}:" +
			"policyName/{name}",
		Outputs: map[string]any{"alarmArns": []any{}, "policyType": "StepScaling"},
		Apply:   placeScalingPolicy,
	},
}

func placeScalingPolicy(c *call) error {
	target := func(r *Resource) bool {
		p := props(r.Outputs)
		return p.str("resourceId") == c.in.str("resourceId") &&
			p.str("scalableDimension") == c.in.str("scalableDimension") &&
			p.str("serviceNamespace") == c.in.str("serviceNamespace")
	}
	if len(c.each("appautoscaling/target", target)) == 0 {
		return refuse("ObjectNotFoundException", "No scalable target registered for service namespace: %s, resource ID: %s, "+
			"scalable dimension: %s", c.in.str("serviceNamespace"), c.in.str("resourceId"), c.in.str("scalableDimension"))
	}
	metric := "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification."
	if c.in.str(metric+"predefinedMetricType") != "ALBRequestCountPerTarget" {
		return nil
	}
	label := c.in.str(metric + "resourceLabel")
	if label == "" {
		return refuse("ValidationException", "ResourceLabel must be specified when using ALBRequestCountPerTarget")
	}
	balancer, group, _ := strings.Cut(label, "/targetgroup/")
	if c.find("lb/loadBalancer", "arnSuffix", balancer) == nil ||
		c.find("lb/targetGroup", "arnSuffix", "targetgroup/"+group) == nil {
		return refuse("ValidationException", "The resource label %s does not name a load balancer and its target group",
			label)
	}
	return nil
}
