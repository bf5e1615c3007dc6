package cloud

import (
	"fmt"
	"strings"
)

var route53Rules = map[string]Rule{
	"route53/zone": {
		ID: "{zoneId}", ARN: "route53:::hostedzone/{zoneId}", Global: true, Autoname: Autoname{Property: "-"},
		Outputs: map[string]any{
			"zoneId": "Z{upper20}", "comment": "Managed by Terraform", "primaryNameServer": "ns-1.awsdns-01.com",
			"nameServers": []any{"ns-1.awsdns-01.com", "ns-2.awsdns-02.net", "ns-3.awsdns-03.org", "ns-4.awsdns-04.co.uk"},
		},
		Destroy: func(c *call) error {
			records := c.each("route53/record", func(r *Resource) bool { return r.Outputs["zoneId"] == c.old.ID })
			if len(records) > 0 && !c.in.yes("forceDestroy") {
				return refuse("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and "+
					"so cannot be deleted.")
			}
			return nil
		},
		Missing: "NoSuchHostedZone: No hosted zone found with ID: {value}",
	},
	"route53/record": {
		Global: true, Autoname: Autoname{Property: "-"},
		Refs: []Ref{
			{Path: "zoneId", To: "route53/zone", Loose: true},
			{Path: "healthCheckId", To: "route53/healthCheck", Loose: true},
		},
		Check: checkRecord,
		Apply: placeRecord,
		Destroy: func(c *call) error {
			if user := aliasTo(c, c.old.Outputs); user != nil {
				return refuse("InvalidChangeBatch", "[Tried to delete resource record set [name='%s.', type='%s'] but it is "+
					"the target of the alias %s]", c.old.Outputs["fqdn"], c.old.Outputs["type"], user.Outputs["fqdn"])
			}
			return nil
		},
	},
	"route53/healthCheck": healthCheck(),
}

// policies are the routing policies of a record; a record has at most one.
var policies = []string{
	"weightedRoutingPolicies", "failoverRoutingPolicies", "latencyRoutingPolicies", "geolocationRoutingPolicies",
	"geoproximityRoutingPolicy", "cidrRoutingPolicy", "multivalueAnswerRoutingPolicy",
}

// policyOf names the routing policy of a record; "" is the simple one.
func policyOf(record props) string {
	for _, policy := range policies {
		if record.has(policy) && record.str(policy) != "false" {
			return policy
		}
	}
	return ""
}

func checkRecord(in props) error {
	if in.has("aliases") == in.has("records") {
		return fmt.Errorf("exactly one of aliases, records must be set")
	}
	if in.has("records") && !in.has("ttl") {
		return refuse("InvalidInput", "Missing field 'TTL' in ResourceRecordSet with name '%s'", in.str("name"))
	}
	if in.has("aliases") && in.has("ttl") {
		return refuse("InvalidInput", "An alias record cannot have a TTL: %s", in.str("name"))
	}
	if policyOf(in) != "" && !in.has("setIdentifier") {
		return fmt.Errorf("setIdentifier must be set when a routing policy is: %s", policyOf(in))
	}
	if policyOf(in) == "" && in.has("setIdentifier") {
		return refuse("InvalidInput", "SetIdentifier requires a routing policy in ResourceRecordSet with name '%s'",
			in.str("name"))
	}
	if weight := in.num("weightedRoutingPolicies.weight", 0); weight < 0 || weight > 255 {
		return refuse("InvalidInput", "Weight %v must be between 0 and 255", weight)
	}
	return nil
}

// placeRecord refuses a record that Route 53 would refuse beside the others of
// its zone.
func placeRecord(c *call) error {
	zone := c.find("route53/zone", "id", c.in.str("zoneId"))
	domain := strings.TrimSuffix(text(zone.Outputs["name"]), ".")
	name := qualify(c.in.str("name"), domain)
	c.out["fqdn"] = name
	kind, set := c.in.str("type"), c.in.str("setIdentifier")
	if c.old == nil {
		c.out["id"] = strings.TrimSuffix(fmt.Sprintf("%s_%s_%s_%s", zone.ID, name, kind, set), "_")
	}
	if name != domain && !strings.HasSuffix(name, "."+domain) {
		return refuse("InvalidChangeBatch", "[RRSet with DNS name %s. is not permitted in zone %s.]", name, domain)
	}
	for _, other := range c.each("route53/record", func(r *Resource) bool {
		return r.Outputs["zoneId"] == zone.ID && r.Outputs["fqdn"] == name
	}) {
		if err := besides(c, name, kind, set, other.Outputs); err != nil {
			return err
		}
	}
	if kind == "CNAME" && name == domain {
		return refuse("InvalidChangeBatch", "[RRSet of type CNAME with DNS name %s. is not permitted at apex in zone %s.]",
			name, domain)
	}
	return aliasExists(c, zone, domain)
}

// besides judges a record beside another one of the same name.
func besides(c *call, name, kind, set string, other props) error {
	otherKind := other.str("type")
	if (kind == "CNAME") != (otherKind == "CNAME") {
		return refuse("InvalidChangeBatch", "[RRSet of type %s with DNS name %s. is not permitted because a conflicting RRSet "+
			"of type %s with the same DNS name already exists in zone]", kind, name, otherKind)
	}
	if kind != otherKind {
		return nil
	}
	if other.str("setIdentifier") == set && !c.in.yes("allowOverwrite") {
		identity := fmt.Sprintf("name='%s.', type='%s'", name, kind)
		if set != "" {
			identity += fmt.Sprintf(", set identifier='%s'", set)
		}
		return refuse("InvalidChangeBatch", "[Tried to create resource record set [%s] but it already exists]", identity)
	}
	if policyOf(other) != policyOf(c.in) {
		return refuse("InvalidChangeBatch", "[RRSet with DNS name %s., type %s, SetIdentifier %s cannot be created as a "+
			"non-matching RRSet exists with the same name and type: all must have one routing policy]", name, kind, set)
	}
	failover := "failoverRoutingPolicies.type"
	if c.in.has(failover) && c.in.str(failover) == other.str(failover) {
		return refuse("InvalidChangeBatch", "[Tried to create a second %s failover record for %s., type %s]",
			c.in.str(failover), name, kind)
	}
	return nil
}

// aliasExists refuses an alias to a record of the same zone that is not there.
func aliasExists(c *call, zone *Resource, domain string) error {
	for _, alias := range c.in.objects("aliases") {
		if alias.str("zoneId") != zone.ID {
			continue
		}
		target := qualify(alias.str("name"), domain)
		exists := func(r *Resource) bool {
			return r.Outputs["zoneId"] == zone.ID && r.Outputs["fqdn"] == target && r.Outputs["type"] == c.in["type"]
		}
		if len(c.each("route53/record", exists)) == 0 {
			return refuse("InvalidChangeBatch", "[Tried to create an alias that targets %s., type %s in zone %s, but the alias "+
				"target name was not found]", target, c.in.str("type"), zone.ID)
		}
	}
	return nil
}

// aliasTo returns a record that is an alias to the given one, when no other
// record answers for its name.
func aliasTo(c *call, record props) *Resource {
	same := func(r *Resource) bool {
		return r.Outputs["zoneId"] == record["zoneId"] && r.Outputs["fqdn"] == record["fqdn"] &&
			r.Outputs["type"] == record["type"]
	}
	if len(c.each("route53/record", same)) > 0 {
		return nil
	}
	zone := c.find("route53/zone", "id", record.str("zoneId"))
	if zone == nil {
		return nil
	}
	domain := strings.TrimSuffix(text(zone.Outputs["name"]), ".")
	return c.first(global, "route53/record", func(r *Resource) bool {
		if r.Outputs["type"] != record["type"] {
			return false
		}
		for _, alias := range props(r.Outputs).objects("aliases") {
			if alias.str("zoneId") == zone.ID && qualify(alias.str("name"), domain) == record.str("fqdn") {
				return true
			}
		}
		return false
	})
}

// qualify completes a record's name with its zone's.
func qualify(name, domain string) string {
	if full := strings.TrimSuffix(name, "."); full != name || full == domain || strings.HasSuffix(full, "."+domain) {
		return strings.ToLower(full)
	}
	if name == "" {
		return domain
	}
	return strings.ToLower(name) + "." + domain
}
