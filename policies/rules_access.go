package policies

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	policyTypes = types("iam/policy", "iam/rolePolicy", "iam/userPolicy", "iam/groupPolicy", "iam/role")
	broad       = regexp.MustCompile(`:policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess|job-function/.*|[A-Za-z0-9]+FullAccess)$`)
)

// granted checks the statements of a policy, and of the policies in a role. A
// managed policy grants what it allows when it is attached; as a boundary it
// grants nothing.
func granted(wrong func(s statement) string) check {
	return func(r *Resource, g *Graph) []string {
		problems := statements("policy", wrong)(r, g)
		switch {
		case r.Type == aws("iam/role"):
			return each("inlinePolicies", statements("policy", wrong))(r, g)
		case r.Type != aws("iam/policy") || len(problems) == 0 || len(attached(r, g)) == 0:
			return problems
		case len(has(aws("iam/role"), "permissionsBoundary")(r, g)) == 0:
			return nil
		}
		return []string{NotKnown}
	}
}

var (
	attachments = types("iam/rolePolicyAttachment", "iam/userPolicyAttachment", "iam/groupPolicyAttachment", "iam/policyAttachment")
	attached    = either(has(attachments[0], "policyArn"), has(attachments[1], "policyArn"), has(attachments[2], "policyArn"),
		has(attachments[3], "policyArn"), has(aws("iam/role"), "managedPolicyArns"))
)

var roleRules = slices.Concat(
	of(policyTypes, []row{
		{"iam-no-admin", "IAM.1", "No policy allows everything", "the actions and resources that are needed", granted(everything)},
		{"iam-no-whole-service", "IAM.21", "No policy allows each action of a service", "the actions that are needed", granted(wholeService)},
		{"iam-no-all-but", "", "No policy allows all but what it names", "Action and Resource", granted(allBut)},
		{"iam-no-any-role", "", "A role is handed on by name", "the roles' ARNs for iam:PassRole", granted(anyRole)},
	}...),
	of(types("iam/policy"), row{"iam-policy-keys", "KMS.1", "A policy decrypts with named or tagged keys", "the keys' ARNs, or a condition on aws:ResourceTag", granted(anyKey)}),
	of(types("iam/rolePolicy", "iam/userPolicy", "iam/groupPolicy", "iam/role"), row{
		"iam-inline-keys", "KMS.2", "An inline policy decrypts with named or tagged keys", "the keys' ARNs, or a condition on aws:ResourceTag", granted(anyKey),
	}),
	of(types("iam/role"), []row{
		{"iam-trust-named", "", "Not everybody can have a role", "a principal", statements("assumeRolePolicy", anyone)},
		{
			"iam-trust-scoped", "", "A service uses a role for this account only", "a condition on aws:SourceArn or aws:SourceAccount",
			statements("assumeRolePolicy", anyCaller),
		},
		{"iam-trust-workflows", "", "Only named workflows can have a role", "conditions on the token's aud and sub", statements("assumeRolePolicy", anyWorkflow)},
	}...),
	of(attachments, row{
		"iam-no-broad-attachment", "", "No policy of AWS that allows whole services is attached", "a policy of your own",
		value("policyArn", func(v any) string {
			if arn, _ := v.(string); broad.MatchString(arn) {
				return "is " + show(v)
			}
			return ""
		}),
	}),
	of(types("iam/userPolicy", "iam/userPolicyAttachment"), row{"iam-no-user-policy", "IAM.2", "Users have no policies", "a role", never}),
	of(types("iam/user", "iam/accessKey", "iam/userLoginProfile"), row{
		"iam-no-users", "", "There are no users and no long-lived keys", "a role, assumed by OIDC or single sign-on", never,
	}),
	of(types("iam/accountPasswordPolicy"), []row{
		{"iam-password-length", "IAM.15", "Passwords have 14 characters", "minimumPasswordLength: 14", atLeast("minimumPasswordLength", 14)},
		{"iam-password-reuse", "IAM.16", "Old passwords are not used again", "passwordReusePrevention: 24", atLeast("passwordReusePrevention", 24)},
	}...),
)

var networkRules = slices.Concat(
	of(types("ec2/vpc"), []row{
		{
			"vpc-flow-log", "EC2.6", "A network's traffic is logged", "a FlowLog with trafficType ALL or REJECT",
			has(aws("ec2/flowLog"), "vpcId", is("trafficType", "ALL", "REJECT")),
		},
		{
			"vpc-default-group", "EC2.2", "The default security group lets nothing through", "a DefaultSecurityGroup without ingress and egress",
			has(aws("ec2/defaultSecurityGroup"), "vpcId", is("ingress.0", nil), is("egress.0", nil)),
		},
		{"vpc-endpoint-ecr-api", "EC2.55", "ECR is reached without the internet", "an interface VpcEndpoint for ecr.api", endpoint("ecr.api")},
		{"vpc-endpoint-ecr-dkr", "EC2.56", "Images are pulled without the internet", "an interface VpcEndpoint for ecr.dkr", endpoint("ecr.dkr")},
		{"vpc-endpoint-ssm", "EC2.57", "Systems Manager is reached without the internet", "an interface VpcEndpoint for ssm", endpoint("ssm")},
	}...),
	of(types("ec2/subnet"), row{
		"vpc-no-public-ip", "EC2.15", "A subnet gives out no public addresses", "mapPublicIpOnLaunch: false", not("mapPublicIpOnLaunch", true),
	}),
	of(types("vpc/securityGroupIngressRule", "ec2/securityGroupRule", "ec2/securityGroup"), []row{
		{"vpc-open-ports", "EC2.18", "The internet reaches ports 80 and 443 only", "a source: referencedSecurityGroupId", incoming(openPorts)},
		{"vpc-open-balancers", "", "The internet reaches load balancers only", "a source: referencedSecurityGroupId", incoming(onBalancer)},
	}...),
	of(types("vpc/securityGroupEgressRule"), row{
		"vpc-egress", "", "The internet is reached by HTTPS only", "fromPort and toPort 443, ipProtocol tcp",
		when(open, is("ipProtocol", "tcp"), is("fromPort", 443), is("toPort", 443)),
	}),
	of(types("vpc/securityGroupIngressRule", "vpc/securityGroupEgressRule", "ec2/securityGroup"), row{
		"vpc-described", "", "Who reads a security group learns what it is for", "description", not("description", nil, "", "Managed by Pulumi"),
	}),
)

func endpoint(service string) check {
	return say("has no VpcEndpoint for "+service, has(aws("ec2/vpcEndpoint"), "vpcId", suffix("serviceName", "."+service)))
}

// incoming checks rules of their own and those inside a group.
func incoming(c check) check {
	return func(r *Resource, g *Graph) []string {
		switch {
		case r.Type == aws("ec2/securityGroup"):
			return each("ingress", when(open, c))(r, g)
		case r.Type == aws("ec2/securityGroupRule") && at(r.Inputs, "type") != "ingress":
			return nil
		}
		return when(open, c)(r, g)
	}
}

// open passes where a rule is about the whole internet.
func open(r *Resource, _ *Graph) []string {
	unsure := false
	for _, property := range []string{"cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"} {
		value := r.Inputs[property]
		if holds(value, "0.0.0.0/0") || holds(value, "::/0") {
			return nil
		}
		unsure = unsure || holds(value, Unknown)
	}
	if unsure {
		return []string{NotKnown}
	}
	return []string{"has a source"}
}

func openPorts(r *Resource, g *Graph) []string {
	from, to := at(r.Inputs, "fromPort"), at(r.Inputs, "toPort")
	tcp := all(when(present("ipProtocol"), is("ipProtocol", "tcp")), when(present("protocol"), is("protocol", "tcp")))
	return say("opens ports "+show(from)+" to "+show(to), all(tcp, is("fromPort", 80, 443), is("toPort", from)))(r, g)
}

// onBalancer wants the group of a rule to be a load balancer's.
func onBalancer(r *Resource, g *Graph) []string {
	inUse := has(aws("lb/loadBalancer"), "securityGroups")
	if r.Type == aws("ec2/securityGroup") {
		return inUse(r, g)
	}
	return say("opens a group that is no load balancer's", target("securityGroupId", aws("ec2/securityGroup"), inUse))(r, g)
}

// unreachable wants a subnet without a route from an internet gateway.
func unreachable(r *Resource, g *Graph) []string {
	for _, association := range g.byType[aws("ec2/routeTableAssociation")] {
		if g.refers(association, "subnetId", r) != yes {
			continue
		}
		for _, table := range g.byType[aws("ec2/routeTable")] {
			if g.refers(association, "routeTableId", table) != yes {
				continue
			}
			for _, route := range g.byType[aws("ec2/route")] {
				if g.refers(route, "routeTableId", table) == yes && route.Inputs["gatewayId"] != nil {
					return []string{"route " + route.Name + " has gatewayId"}
				}
			}
		}
	}
	return nil
}

var machineRules = slices.Concat(
	of(types("ec2/launchTemplate"), []row{
		{
			"ec2-template-tokens", "EC2.170", "New machines' credentials need a session (IMDSv2)", "metadataOptions.httpTokens: required",
			is("metadataOptions.httpTokens", "required"),
		},
		{
			"ec2-template-no-public-ip", "EC2.25", "New machines have no public addresses", "networkInterfaces[].associatePublicIpAddress: false",
			each("networkInterfaces", not("associatePublicIpAddress", true, "true")),
		},
	}...),
	of(types("ec2/instance"), []row{
		{"ec2-tokens", "EC2.8", "A machine's credentials need a session (IMDSv2)", "metadataOptions.httpTokens: required", is("metadataOptions.httpTokens", "required")},
		{"ec2-no-public-ip", "EC2.9", "A machine has no public address", "associatePublicIpAddress: false", not("associatePublicIpAddress", true)},
	}...),
)

// providerTags are the tags that costs and permissions go by.
var providerTags = []string{"Project", "Stack", "ManagedBy"}

var providerRules = of([]string{"pulumi:providers:aws"}, row{
	"tags-by-default", "", "Everything is tagged with Project, Stack and ManagedBy", "defaultTags.tags of the provider",
	func(r *Resource, g *Graph) (problems []string) {
		for _, tag := range providerTags {
			problems = append(problems, present("defaultTags.tags."+tag)(r, g)...)
		}
		return problems
	},
})

// secretName is a name of what nobody should read.
var secretName = regexp.MustCompile(`(?i)(password|passwd|secret|token|credential|private[-_]?key|api[-_]?key|access[-_]?key)s?$`)

// plainVariable wants the name of an environment variable to promise no secret.
func plainVariable(r *Resource, _ *Graph) []string {
	if name, _ := r.Inputs["name"].(string); secretName.MatchString(name) {
		return []string{"holds a secret by its name"}
	}
	return nil
}

// plainSecret wants no secret in a parameter that is not encrypted.
var plainSecret = all(
	value("name", func(v any) string {
		if name, _ := v.(string); secretName.MatchString(name) {
			return "promises a secret"
		}
		return ""
	}),
	value("value", withPassword), value("insecureValue", withPassword),
)

// withPassword finds an address with a password.
func withPassword(value any) string {
	text, _ := value.(string)
	if address, err := url.Parse(text); err == nil && address.User != nil {
		if _, set := address.User.Password(); set {
			return "is an address with a password"
		}
	}
	return ""
}

// private wants an image in ECR, which tasks reach inside their region.
func private(r *Resource, _ *Graph) []string {
	if image, _ := r.Inputs["image"].(string); strings.Contains(image, ".dkr.ecr.") {
		return nil
	}
	return []string{"image is " + show(r.Inputs["image"])}
}

// byDigest wants an image that cannot change.
func byDigest(r *Resource, _ *Graph) []string {
	if image, _ := r.Inputs["image"].(string); strings.Contains(image, "@sha256:") {
		return nil
	}
	return []string{"image is " + show(r.Inputs["image"])}
}
