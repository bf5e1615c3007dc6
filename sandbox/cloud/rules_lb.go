package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxBalancerName is the greatest length of a load balancer's and a target
// group's name.
const maxBalancerName = 32

var lbRules = map[string]Rule{
	"lb/loadBalancer": {
		ID: "{arn}", ARN: "elasticloadbalancing:{region}:{account}:loadbalancer/{arnSuffix}",
		Autoname: Autoname{Max: maxBalancerName},
		Outputs: map[string]any{
			"arnSuffix": "app/{name}/{hex16}", "dnsName": "{name}-{digits}.{region}.elb.amazonaws.com",
			"loadBalancerType": "application", "ipAddressType": "ipv4", "internal": false,
			"enableDeletionProtection": false, "idleTimeout": 60.0, "clientKeepAlive": 3600.0,
		},
		Refs: []Ref{
			{Path: "subnets", To: "ec2/subnet"},
			{Path: "subnetMappings.subnetId", To: "ec2/subnet"},
			{Path: "securityGroups", To: anyGroup},
		},
		Unique: []Unique{{Key: "{name}", Error: "DuplicateLoadBalancerName: A load balancer with the same name " +
			"'{name}' exists, but with different settings"}},
		Check: func(in props) error { return checkBalancerName("The load balancer name", in.str("name")) },
		Apply: placeBalancer,
		Destroy: func(c *call) error {
			if props(c.old.Outputs).yes("enableDeletionProtection") {
				return refuse("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion "+
					"protection is enabled", c.old.ID)
			}
			return nil
		},
		Missing: "LoadBalancerNotFound: Load balancer '{value}' not found",
	},
	"lb/targetGroup": {
		ID: "{arn}", ARN: "elasticloadbalancing:{region}:{account}:{arnSuffix}",
		Autoname: Autoname{Max: maxBalancerName},
		Outputs: map[string]any{
			"arnSuffix": "targetgroup/{name}/{hex16}", "targetType": "instance", "protocolVersion": "HTTP1",
			"loadBalancingAlgorithmType": "round_robin", "ipAddressType": "ipv4",
		},
		Refs: []Ref{{Path: "vpcId", To: "ec2/vpc"}},
		Unique: []Unique{{Key: "{name}", Error: "DuplicateTargetGroupName: A target group with the same name " +
			"'{name}' exists, but with different settings"}},
		Check:   checkTargetGroup,
		Missing: "TargetGroupNotFound: Target groups '{value}' not found",
		InUse:   "ResourceInUse: Target group '{id}' is currently in use by a listener or a rule",
	},
	"lb/listener": {
		ID:      "{arn}",
		Outputs: map[string]any{"protocol": "HTTP"},
		Refs: []Ref{
			{Path: "loadBalancerArn", To: "lb/loadBalancer", By: "arn", Loose: true}, // goes with it.
			{Path: "defaultActions.targetGroupArn", To: "lb/targetGroup", By: "arn"},
			{Path: "defaultActions.forward.targetGroups.arn", To: "lb/targetGroup", By: "arn"},
			{Path: "certificateArn", To: "acm/certificate", By: "arn"},
		},
		Unique: []Unique{{Key: "{loadBalancerArn} {port}", Error: "DuplicateListener: A listener already exists on " +
			"this port for this load balancer '{loadBalancerArn}'"}},
		Check:   checkListener,
		Apply:   placeListener,
		Missing: "ListenerNotFound: One or more listeners not found: {value}",
	},
	"lb/listenerRule": listenerRule(),
}

var balancerName = regexp.MustCompile(`^[a-zA-Z0-9-]*$`)

func checkBalancerName(subject, name string) error {
	switch {
	case len(name) > maxBalancerName:
		return refuse("ValidationError", "%s '%s' cannot be longer than '%d' characters", subject, name, maxBalancerName)
	case !balancerName.MatchString(name):
		return refuse("ValidationError", "%s '%s' can only contain characters that are alphanumeric characters and "+
			"hyphens(-)", subject, name)
	case strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-"):
		return refuse("ValidationError", "%s '%s' cannot begin or end with a hyphen(-)", subject, name)
	case strings.HasPrefix(name, "internal-"):
		return refuse("ValidationError", "%s '%s' cannot begin with 'internal-'", subject, name)
	}
	return nil
}

func checkTargetGroup(in props) error {
	if err := checkBalancerName("Target group name", in.str("name")); err != nil {
		return err
	}
	if in.str("targetType") != "lambda" && (!in.has("port") || !in.has("protocol") || !in.has("vpcId")) {
		return refuse("ValidationError", "port, protocol and vpcId are required when targetType is %q", in.str("targetType"))
	}
	interval, timeout := in.num("healthCheck.interval", 30), in.num("healthCheck.timeout", 5)
	if interval <= timeout {
		return refuse("ValidationError", "Health check interval must be greater than the timeout.")
	}
	for _, name := range []string{"healthyThreshold", "unhealthyThreshold"} {
		if n := in.num("healthCheck."+name, 3); n < 2 || n > 10 {
			return refuse("ValidationError", "Health check %s count '%v' must be between 2 and 10",
				strings.TrimSuffix(name, "Threshold")+" threshold", n)
		}
	}
	return nil
}

// placeBalancer refuses subnets and groups that cannot carry a load balancer.
func placeBalancer(c *call) error {
	vpc, err := balancerNetwork(c)
	if err != nil {
		return err
	}
	c.out["vpcId"], c.out["zoneId"] = vpc, balancerZone(c.region)
	for _, id := range c.in.strs("securityGroups") {
		if group := c.group(id); group.Outputs["vpcId"] != vpc {
			return refuse("InvalidConfigurationRequest", "One or more security groups are invalid: %s is not in VPC '%s'",
				id, vpc)
		}
	}
	inVPC := func(r *Resource) bool { return r.Outputs["vpcId"] == vpc }
	if !c.in.yes("internal") && len(c.each("ec2/internetGateway", inVPC)) == 0 {
		return refuse("InvalidSubnet", "VPC %s has no internet gateway", vpc)
	}
	if c.in.yes("internal") && c.old == nil {
		c.out["dnsName"], _ = expand("internal-{name}-{digits}.{region}.elb.amazonaws.com", c.region, c.out)
	}
	for _, kind := range []string{"accessLogs", "connectionLogs"} {
		if err := balancerLogs(c, kind); err != nil {
			return err
		}
	}
	return nil
}

// balancerNetwork returns the VPC of an application load balancer's subnets,
// which must lie in at least two zones, one in each.
func balancerNetwork(c *call) (vpc string, err error) {
	zones := map[string]bool{}
	for _, id := range append(c.in.strs("subnets"), c.in.strs("subnetMappings.subnetId")...) {
		subnet := c.find("ec2/subnet", "id", id)
		zone := text(subnet.Outputs["availabilityZone"])
		if zones[zone] {
			return "", refuse("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in "+
				"the same Availability Zone")
		}
		zones[zone] = true
		if other := text(subnet.Outputs["vpcId"]); vpc != "" && other != vpc {
			return "", refuse("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", vpc)
		}
		vpc = text(subnet.Outputs["vpcId"])
	}
	kind := c.in.str("loadBalancerType")
	if len(zones) < 2 && (kind == "" || kind == "application") {
		return "", refuse("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	return vpc, nil
}

// balancerLogs refuses a bucket that a load balancer cannot write to: it must
// be in the region, have a policy that lets the service in, and may not be
// encrypted with a KMS key.
func balancerLogs(c *call, kind string) error {
	bucket := c.in.str(kind + ".bucket")
	if bucket == "" || c.in.str(kind+".enabled") == "false" {
		return nil
	}
	denied := refuse("InvalidConfigurationRequest", "Access Denied for bucket: %s. Please check S3bucket permission", bucket)
	if c.find("s3/bucketV2", "id", bucket) == nil || c.find("s3/bucketPolicy", "bucket", bucket) == nil {
		return denied
	}
	if e := c.find("s3/bucketServerSideEncryptionConfigurationV2", "bucket", bucket); e != nil {
		by := props(e.Outputs).strs("rules.applyServerSideEncryptionByDefault.sseAlgorithm")
		if slices.Contains(by, "aws:kms") {
			return denied
		}
	}
	return nil
}

func checkListener(in props) error {
	secure := in.str("protocol") == "HTTPS" || in.str("protocol") == "TLS"
	if secure && !in.has("certificateArn") {
		return refuse("ValidationError", "A certificate must be specified for %s listeners", in.str("protocol"))
	}
	if policy := in.str("sslPolicy"); policy != "" {
		if !secure {
			return refuse("ValidationError", "An SSL policy can be specified for HTTPS and TLS listeners only")
		}
		if !strings.HasPrefix(policy, "ELBSecurityPolicy-") {
			return refuse("SSLPolicyNotFound", "SSL policy '%s' not found", policy)
		}
	}
	for i, action := range in.objects("defaultActions") {
		if action.str("type") == "forward" && !action.has("targetGroupArn") && !action.has("forward") {
			return fmt.Errorf("defaultActions[%d]: a forward action needs targetGroupArn or forward", i)
		}
	}
	return nil
}

// forwards lists the target groups that a listener or one of its rules sends
// requests to.
func forwards(listener props) []string {
	var groups []string
	for _, actions := range []string{"defaultActions", "actions"} {
		groups = append(groups, listener.strs(actions+".targetGroupArn")...)
		groups = append(groups, listener.strs(actions+".forward.targetGroups.arn")...)
	}
	return groups
}

func placeListener(c *call) error {
	balancer := c.find("lb/loadBalancer", "arn", c.in.str("loadBalancerArn"))
	if c.old == nil {
		base := strings.Replace(text(balancer.Outputs["arn"]), ":loadbalancer/", ":listener/", 1)
		c.out["arn"] = base + "/" + randomHex(16)
	}
	if err := inBalancersVPC(c, balancer, forwards(c.in)); err != nil {
		return err
	}
	if c.in.str("protocol") == "HTTPS" {
		if c.out["sslPolicy"] == nil {
			c.out["sslPolicy"] = "ELBSecurityPolicy-2016-08"
		}
		arn := c.in.str("certificateArn")
		if certificate := c.find("acm/certificate", "arn", arn); certificate.Outputs["status"] != issued {
			return refuse("UnsupportedCertificate", "The certificate '%s' must have a fully-qualified domain name, "+
				"a supported signature, and a supported key size.", arn)
		}
	}
	return nil
}
