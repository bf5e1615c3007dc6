package cloud

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkBlock judges the CIDR of a VPC or a subnet: AWS takes /16 to /28.
func checkBlock(in props, code string) error {
	cidr := in.str("cidrBlock")
	if cidr == "" {
		return nil
	}
	block, err := netip.ParsePrefix(cidr)
	if err != nil {
		return fmt.Errorf("%q is not a valid CIDR block: %w", cidr, err)
	}
	if block != block.Masked() {
		return fmt.Errorf("%q is not a valid IPv4 CIDR block; did you mean %q?", cidr, block.Masked())
	}
	if block.Addr().Is4() && (block.Bits() < 16 || block.Bits() > 28) {
		return refuse(code, "The CIDR '%s' is invalid.", cidr)
	}
	return nil
}

// placeSubnet refuses a subnet outside its VPC, over another one, or in a zone
// that the region does not have.
func placeSubnet(c *call) error {
	zone := c.out.str("availabilityZone")
	zones := Zones(c.region)
	if zone != "" && !slices.Contains(zones, zone) {
		return refuse("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can "+
			"currently only be created in the following availability zones: %s.", zone, strings.Join(zones, ", "))
	}
	block, err := netip.ParsePrefix(c.in.str("cidrBlock"))
	if err != nil {
		return nil // an IPv6-only subnet.
	}
	vpc := c.find("ec2/vpc", "id", c.in.str("vpcId"))
	outer, err := netip.ParsePrefix(text(vpc.Outputs["cidrBlock"]))
	if err == nil && (!outer.Contains(block.Addr()) || block.Bits() < outer.Bits()) {
		return refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	}
	overlaps := func(r *Resource) bool {
		other, err := netip.ParsePrefix(text(r.Outputs["cidrBlock"]))
		return err == nil && r.Outputs["vpcId"] == vpc.ID && other.Overlaps(block)
	}
	if len(c.each("ec2/subnet", overlaps)) > 0 {
		return refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
	}
	return nil
}

func checkEndpoint(in props) error {
	gateway := in.str("vpcEndpointType") == "" || in.str("vpcEndpointType") == "Gateway"
	switch {
	case gateway && in.has("subnetIds"):
		return refuse("InvalidParameter", "Subnet IDs are not supported for Gateway type VPC Endpoints.")
	case !gateway && in.has("routeTableIds"):
		return refuse("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoints.")
	case gateway && in.yes("privateDnsEnabled"):
		return refuse("InvalidParameter", "Private DNS can only be enabled for Interface type VPC Endpoints.")
	}
	return nil
}

func placeEndpoint(c *call) error {
	service := c.in.str("serviceName")
	if strings.HasPrefix(service, "com.amazonaws.") && !strings.HasPrefix(service, "com.amazonaws."+c.region+".") {
		return refuse("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", service)
	}
	zones := map[string]bool{}
	for _, id := range c.in.strs("subnetIds") {
		zone := text(c.find("ec2/subnet", "id", id).Outputs["availabilityZone"])
		if zones[zone] {
			return refuse("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s", id)
		}
		zones[zone] = true
	}
	if c.in.yes("privateDnsEnabled") {
		return placePrivateDNS(c, service)
	}
	if c.old == nil && c.in.str("vpcEndpointType") != "Interface" {
		c.out["prefixListId"] = prefixListID(c.region, service)
	}
	return nil
}

func placePrivateDNS(c *call, service string) error {
	vpc := c.find("ec2/vpc", "id", c.in.str("vpcId"))
	if !props(vpc.Outputs).yes("enableDnsHostnames") || !props(vpc.Outputs).yes("enableDnsSupport") {
		return refuse("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames "+
			"VPC attributes set to true for %s", vpc.ID)
	}
	conflicts := func(r *Resource) bool {
		p := props(r.Outputs)
		return p.yes("privateDnsEnabled") && p.str("serviceName") == service && p.str("vpcId") == vpc.ID
	}
	if len(c.each("ec2/vpcEndpoint", conflicts)) > 0 {
		return refuse("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting "+
			"DNS domain for %s in the VPC %s", service, vpc.ID)
	}
	return nil
}
