package cloud

import "fmt"

// groupRule is the rule of a security group rule, in either direction.
func groupRule() Rule {
	peer := "{cidrIpv4|cidrIpv6|prefixListId|referencedSecurityGroupId}"
	return Rule{
		ID: "sgr-{hex17}", ARN: "ec2:{region}:{account}:security-group-rule/{id}",
		Outputs: map[string]any{"securityGroupRuleId": "{id}"},
		Refs: []Ref{
			{Path: "securityGroupId", To: anyGroup, Loose: true}, // goes with its group.
			{Path: "referencedSecurityGroupId", To: anyGroup},
		},
		Check: checkGroupRule,
		Apply: func(c *call) error {
			same := func(r *Resource) bool { return ruleKey(r.Outputs) == ruleKey(c.in) }
			if len(c.each(shortType(c.typ), same)) > 0 {
				text, _ := expand(`"peer: `+peer+`, {ipProtocol}, from port: {fromPort|ipProtocol}, to port: `+
					`{toPort|ipProtocol}, ALLOW"`, c.region, c.in)
				return refuse("InvalidPermission.Duplicate", "the specified rule %s already exists", text)
			}
			return sameNetwork(c, append(c.in.strs("securityGroupId"), c.in.strs("referencedSecurityGroupId")...))
		},
	}
}

func ruleKey(in props) string {
	return fmt.Sprint(in.str("securityGroupId"), in.str("ipProtocol"), in.str("fromPort"), in.str("toPort"),
		in.str("cidrIpv4"), in.str("cidrIpv6"), in.str("prefixListId"), in.str("referencedSecurityGroupId"))
}

func checkGroupRule(in props) error {
	peers := 0
	for _, name := range []string{"cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"} {
		if in.has(name) {
			peers++
		}
	}
	if peers != 1 {
		return fmt.Errorf("exactly one of cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId must be set, got %d", peers)
	}
	protocol := in.str("ipProtocol")
	ported := protocol == "tcp" || protocol == "udp" || protocol == "6" || protocol == "17"
	if ported && (!in.has("fromPort") || !in.has("toPort")) {
		return refuse("MissingParameter", "The request must contain the parameter 'fromPort' or 'toPort' for protocol %s",
			protocol)
	}
	if in.num("fromPort", 0) > in.num("toPort", 65535) {
		return refuse("InvalidParameterValue", "Invalid TCP port range (%s-%s)", in.str("fromPort"), in.str("toPort"))
	}
	return nil
}

// sameNetwork refuses security groups of different VPCs.
func sameNetwork(c *call, groups []string) error {
	networks := map[string]bool{}
	for _, id := range groups {
		if group := c.group(id); group != nil {
			networks[text(group.Outputs["vpcId"])] = true
		}
	}
	if len(networks) > 1 {
		return refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	return nil
}

// group finds a security group, a default one or not.
func (c *call) group(id string) *Resource {
	if r := c.find("ec2/securityGroup", "id", id); r != nil {
		return r
	}
	return c.find("ec2/defaultSecurityGroup", "id", id)
}
