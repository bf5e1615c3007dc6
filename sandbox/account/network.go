package account

import (
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
)

// followBalancers makes the proxies what the account's load balancers are.
func (a *Account) followBalancers() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	running, groups := a.Runtime.Balancers.Status()
	for _, r := range a.each("lb/targetGroup") {
		var group balancer.TargetGroup
		if err := decode(r, &group); err != nil {
			return err
		}
		a.Runtime.Balancers.ApplyTargetGroup(group)
	}
	for _, r := range a.each("lb/loadBalancer") {
		spec, err := a.loadBalancer(r)
		if err == nil {
			err = a.Runtime.Balancers.Apply(spec)
		}
		if err != nil {
			return err
		}
	}
	for _, old := range running {
		if a.find("lb/loadBalancer", "arn", old.ARN) == nil {
			a.Runtime.Balancers.Remove(old.ARN)
		}
	}
	for _, old := range groups {
		if a.find("lb/targetGroup", "arn", old.ARN) == nil {
			a.Runtime.Balancers.RemoveTargetGroup(old.ARN)
		}
	}
	return nil
}

// loadBalancer is a load balancer with its listeners and its web ACL.
func (a *Account) loadBalancer(r *cloud.Resource) (spec balancer.LoadBalancer, err error) {
	if err = decode(r, &spec); err != nil {
		return spec, err
	}
	if spec.Listeners, err = a.listeners(spec.ARN); err != nil {
		return spec, err
	}
	for i, listener := range spec.Listeners {
		if certificate := a.find("acm/certificate", "arn", listener.CertificateARN); certificate != nil {
			if spec.Listeners[i].Certificate, err = a.certificates.issue(certificate); err != nil {
				return spec, err
			}
		}
	}
	if association := a.find("wafv2/webAclAssociation", "resourceArn", spec.ARN); association != nil {
		if acl := a.find("wafv2/webAcl", "arn", textOf(association, "webAclArn")); acl != nil {
			err = decode(acl, &spec.WebACL)
		}
	}
	return spec, err
}

// listeners are those of a load balancer, without certificates.
func (a *Account) listeners(balancerARN string) (all []balancer.Listener, err error) {
	for _, r := range a.each("lb/listener") {
		var listener struct {
			balancer.Listener
			LoadBalancerARN string
			DefaultActions  []balancer.Action
		}
		if err := decode(r, &listener); err != nil {
			return nil, err
		}
		if listener.LoadBalancerARN == balancerARN && len(listener.DefaultActions) > 0 {
			listener.DefaultAction = listener.DefaultActions[0]
			all = append(all, listener.Listener)
		}
	}
	return all, nil
}

// followRecords makes the zone answer what the account's A records say.
func (a *Account) followRecords() error {
	var records []dns.Record
	for _, r := range a.each("route53/record") {
		var record struct {
			dns.Record
			Type, FQDN              string
			Aliases                 []dns.Alias
			WeightedRoutingPolicies []struct{ Weight int }
			FailoverRoutingPolicies []struct{ Type string }
		}
		if err := decode(r, &record); err != nil {
			return err
		}
		if record.Type != "A" {
			continue
		}
		record.Name = record.FQDN
		for _, policy := range record.WeightedRoutingPolicies {
			record.Weight = &policy.Weight
		}
		for _, policy := range record.FailoverRoutingPolicies {
			record.Failover = policy.Type
		}
		for _, alias := range record.Aliases {
			record.Alias = &alias
		}
		records = append(records, record.Record)
	}
	return a.Runtime.Zone.Set(records)
}
