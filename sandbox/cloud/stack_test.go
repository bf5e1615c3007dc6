package cloud

import "fmt"

const (
	testDomain = "example.com"
	testImage  = "codeflow@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	trustECS   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":` +
		`"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// stack is the small deployment that most tests start from: a network, a
// certificate, a load balancer, and a service that has settled.
type stack struct {
	*world
	vpc, subnetA, subnetB, group            made
	zone, certificate, balancer, targets    made
	listener, role, logs, cluster, capacity made
	definition, service                     made
	images                                  fakeImages
}

func deployed(w *world, images fakeImages) *stack {
	s := &stack{world: w, images: images}
	s.network()
	s.names()
	s.traffic()
	s.compute()
	return s
}

func (s *stack) network() {
	s.vpc = s.create("ec2/vpc", "vpc", in{"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": true, "enableDnsSupport": true})
	s.subnetA = s.create("ec2/subnet", "a", s.subnet("10.0.0.0/24", "a"))
	s.subnetB = s.create("ec2/subnet", "b", s.subnet("10.0.1.0/24", "b"))
	s.create("ec2/internetGateway", "igw", in{"vpcId": s.vpc.id})
	s.group = s.create("ec2/securityGroup", "group", in{"vpcId": s.vpc.id})
}

func (s *stack) subnet(cidr, zone string) in {
	return in{"vpcId": s.vpc.id, "cidrBlock": cidr, "availabilityZone": testRegion + zone}
}

func (s *stack) names() {
	s.zone = s.create("route53/zone", "zone", in{"name": testDomain})
	s.certificate = s.issue(s.world, "certificate")
}

// issue makes a certificate and validates it in a region.
func (s *stack) issue(w *world, name string) made {
	certificate := w.create("acm/certificate", name, in{
		"domainName": testDomain, "subjectAlternativeNames": []string{"*." + testDomain}, "validationMethod": "DNS",
	})
	option := certificate.out.objects("domainValidationOptions")[0]
	if s.zone.in["validated"] == nil { // every certificate of the domain has the same record.
		w.create("route53/record", name, in{
			"zoneId": s.zone.id, "name": option.str("resourceRecordName"), "type": "CNAME", "ttl": 60,
			"records": option.strs("resourceRecordValue"),
		})
		s.zone.in["validated"] = true
	}
	w.create("acm/certificateValidation", name, in{"certificateArn": certificate.id})
	return certificate
}

func (s *stack) traffic() {
	s.balancer = s.create("lb/loadBalancer", "alb", s.balancerIn("codeflow-blue"))
	s.targets = s.create("lb/targetGroup", "tg", in{
		"name": "codeflow-blue", "port": 8080, "protocol": "HTTP", "targetType": "ip", "vpcId": s.vpc.id,
	})
	s.listener = s.create("lb/listener", "https", s.listenerIn())
}

func (s *stack) balancerIn(name string) in {
	return in{"name": name, "subnets": []string{s.subnetA.id, s.subnetB.id}, "securityGroups": []string{s.group.id}}
}

func (s *stack) listenerIn() in {
	return in{
		"loadBalancerArn": s.balancer.id, "port": 443, "protocol": "HTTPS", "certificateArn": s.certificate.id,
		"sslPolicy":      "ELBSecurityPolicy-TLS13-1-2-2021-06",
		"defaultActions": []any{in{"type": "forward", "targetGroupArn": s.targets.id}},
	}
}

func (s *stack) compute() {
	s.role = s.create("iam/role", "role", in{"assumeRolePolicy": trustECS})
	s.logs = s.create("cloudwatch/logGroup", "logs", in{"name": "/ecs/codeflow-blue", "retentionInDays": 30})
	s.cluster = s.create("ecs/cluster", "cluster", in{"name": "codeflow-blue-cluster"})
	s.capacity = s.create("ecs/clusterCapacityProviders", "capacity", in{
		"clusterName": "codeflow-blue-cluster", "capacityProviders": []string{"FARGATE", "FARGATE_SPOT"},
	})
	s.definition = s.create("ecs/taskDefinition", "task", s.definitionIn(testImage))
	s.service = s.create("ecs/service", "service", s.serviceIn())
}

func (s *stack) definitionIn(image string) in {
	return in{
		"family": "codeflow-blue", "cpu": "512", "memory": "1024", "networkMode": "awsvpc", "skipDestroy": true,
		"requiresCompatibilities": []string{"FARGATE"}, "executionRoleArn": s.role.out.str("arn"),
		"containerDefinitions": containers(image, "/ecs/codeflow-blue"),
	}
}

func containers(image, logGroup string) string {
	return fmt.Sprintf(`[{"name":"codeflow","image":"%s.dkr.ecr.%s.amazonaws.com/%s","portMappings":[{"containerPort":8080}],
		"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":%q}}}]`, Account, testRegion, image, logGroup)
}

func (s *stack) serviceIn() in {
	return in{
		"name": "codeflow-blue-service", "cluster": s.cluster.id, "taskDefinition": s.definition.out.str("arn"), "desiredCount": 2,
		"networkConfiguration": in{
			"subnets": []string{s.subnetA.id, s.subnetB.id}, "securityGroups": []string{s.group.id},
		},
		"loadBalancers":              []any{in{"targetGroupArn": s.targets.id, "containerName": "codeflow", "containerPort": 8080}},
		"capacityProviderStrategies": []any{in{"capacityProvider": "FARGATE", "weight": 1}},
		"deploymentCircuitBreaker":   in{"enable": true, "rollback": true},
		"waitForSteadyState":         true,
	}
}
