package dns

import "strings"

// Record is an aws:route53/record of type A. At most one of Weight and Failover
// is set, and either Alias or Records is.
type Record struct {
	Name          string `json:"name"`                    // complete, as fqdn has it.
	SetIdentifier string `json:"setIdentifier,omitempty"` // the colour of a weighted record.
	// Weight of weightedRoutingPolicies, 0 to 255; nil without that policy.
	Weight *int `json:"weight,omitempty"`
	// Failover is the type of failoverRoutingPolicies, PRIMARY or SECONDARY.
	Failover string `json:"failover,omitempty"`
	// HealthCheckID is of an aws:route53/healthCheck. Default: none.
	HealthCheckID string   `json:"healthCheckId,omitempty"`
	Alias         *Alias   `json:"alias,omitempty"`
	TTL           int      `json:"ttl,omitempty"` // seconds, without Alias.
	Records       []string `json:"records,omitempty"`
}

// Alias leads to a load balancer by its DNS name or to other records of the
// zone.
type Alias struct {
	Name                 string `json:"name"`
	EvaluateTargetHealth bool   `json:"evaluateTargetHealth"`
}

// The failover types.
const (
	Primary   = "PRIMARY"
	Secondary = "SECONDARY"
)

// canonical is a name as it is compared.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// weight is the record's weight, and 1 without a policy, so that equals share.
func (r *Record) weight() int {
	if r.Weight == nil {
		return 1
	}
	return *r.Weight
}
