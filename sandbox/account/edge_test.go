//go:build linux

package account_test

import (
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
)

// site makes a load balancer that answers by itself, its certificate and its records.
func (w *world) site() *cloud.Resource {
	w.t.Helper()
	certificate := w.seed("acm/certificate", in{"domainName": domain, "subjectAlternativeNames": []string{"*." + domain}, "validationMethod": "DNS"})
	option, _ := certificate.Outputs["domainValidationOptions"].([]any)[0].(map[string]any)
	w.seed("route53/record", in{
		"zoneId": w.zone, "name": option["resourceRecordName"], "type": "CNAME", "ttl": 60, "records": []any{option["resourceRecordValue"]},
	})
	w.seed("acm/certificateValidation", in{"certificateArn": certificate.ID})
	balancer := w.balancer("codeflow-front")
	w.seed("lb/listener", in{"loadBalancerArn": balancer.ID, "port": 80, "protocol": "HTTP", "defaultActions": []in{
		{"type": "redirect", "redirect": in{"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}},
	}})
	w.seed("lb/listener", in{
		"loadBalancerArn": balancer.ID, "port": 443, "protocol": "HTTPS", "certificateArn": certificate.ID,
		"defaultActions": []in{{"type": "fixed-response", "fixedResponse": in{"contentType": "text/plain", "messageBody": "hello", "statusCode": "200"}}},
	})
	w.record("live", balancer, in{"setIdentifier": "blue", "weightedRoutingPolicies": []in{{"weight": 0}}})
	w.record("", balancer, in{"setIdentifier": "first", "failoverRoutingPolicies": []in{{"type": "PRIMARY"}}})
	w.seed("route53/record", in{
		"zoneId": w.zone, "name": "", "type": "A", "setIdentifier": "second", "failoverRoutingPolicies": []in{{"type": "SECONDARY"}},
		"aliases": []in{{"name": "d1.cloudfront.net", "zoneId": "Z2FDTNDATAQYW2", "evaluateTargetHealth": false}},
	})
	w.seed("route53/record", in{"zoneId": w.zone, "name": "bare", "type": "A", "ttl": 30, "records": []string{"192.0.2.1"}})
	w.record("bare", balancer, in{"type": "AAAA"})
	return balancer
}

// ask sends a request of a size in at the front door.
func ask(t *testing.T, client *http.Client, url string, size int) (status int, body, location string) {
	t.Helper()
	response, err := client.Post(url, "text/plain", strings.NewReader(strings.Repeat("x", size)))
	require.NoError(t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(read), response.Header.Get("Location")
}

// refused is why a request has no answer.
func refused(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

func TestSite(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	balancer := w.site()
	client, err := w.status().Client()
	require.NoError(t, err)
	defer client.CloseIdleConnections()

	status, _, location := ask(t, client, "http://"+domain+"/x?y=1", 0)
	assert.Equal(t, http.StatusMovedPermanently, status)
	assert.Equal(t, "https://"+domain+":443/x?y=1", location)
	for _, host := range []string{domain, "live." + domain} {
		status, body, _ := ask(t, client, "https://"+host, 0)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "hello", body)
	}
	w.record("a.b", balancer, nil)
	var name x509.HostnameError
	require.ErrorAs(t, refused(client, "https://a.b."+domain), &name)

	weight := 0
	alias := func(name string, evaluate bool) *dns.Alias {
		return &dns.Alias{Name: name, EvaluateTargetHealth: evaluate}
	}
	front := text(balancer, "dnsName")
	assert.Equal(t, []dns.Record{
		{Name: "a.b." + domain, Alias: alias(front, true)},
		{Name: "bare." + domain, TTL: 30, Records: []string{"192.0.2.1"}},
		{Name: domain, SetIdentifier: "first", Failover: dns.Primary, Alias: alias(front, true)},
		{Name: domain, SetIdentifier: "second", Failover: dns.Secondary, Alias: alias("d1.cloudfront.net", false)},
		{Name: "live." + domain, SetIdentifier: "blue", Weight: &weight, Alias: alias(front, true)},
	}, w.status().Records)
	weights, err := w.seen.Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ops.Weights{"blue": 0}, weights)

	roots, err := w.status().Roots()
	require.NoError(t, err)
	w = w.reopen()
	again, err := w.status().Client()
	require.NoError(t, err)
	defer again.CloseIdleConnections()
	again.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots // who trusts the authority does so for longer.
	_, body, _ := ask(t, again, "https://"+domain, 0)
	assert.Equal(t, "hello", body)

	require.NoError(t, w.Cloud.Forget(balancer))
	require.Error(t, refused(again, "http://"+domain))
	assert.Empty(t, w.status().LoadBalancers)
}

// TestWebACL registers one as components/waf does.
func TestWebACL(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: 1}) // a window takes five minutes.
	balancer := w.site()
	visibility := in{"metricName": "x", "cloudwatchMetricsEnabled": true, "sampledRequestsEnabled": true}
	group := func(priority int, name string, count ...string) in {
		statement := in{"name": name, "vendorName": "AWS"}
		for _, rule := range count {
			statement["ruleActionOverrides"] = []in{{"name": rule, "actionToUse": in{"count": in{}}}}
		}
		return in{
			"name": name, "priority": priority, "overrideAction": in{"none": in{}}, "visibilityConfig": visibility,
			"statement": in{"managedRuleGroupStatement": statement},
		}
	}
	const common, sql = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesSQLiRuleSet"
	rate := in{
		"name": "RateLimit", "priority": 1, "action": in{"block": in{}}, "visibilityConfig": visibility,
		"statement": in{"rateBasedStatement": in{"limit": 10, "aggregateKeyType": "IP", "evaluationWindowSec": 300}},
	}
	client, err := w.status().Client()
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	counts := w.acl(balancer, "counts", []in{rate, group(2, common, "SizeRestrictions_BODY"), group(3, sql)})
	for range 10 {
		status, _, _ := ask(t, client, "https://"+domain, 9<<10)
		require.Equal(t, http.StatusOK, status)
	}
	for range 2 {
		status, _, _ := ask(t, client, "https://"+domain, 0)
		require.Equal(t, http.StatusForbidden, status, "beyond the limit")
	}
	require.NoError(t, w.Cloud.Forget(counts...))
	status, _, _ := ask(t, client, "https://"+domain, 9<<10)
	assert.Equal(t, http.StatusOK, status, "without one")
	w.acl(balancer, "blocks", []in{group(2, common), group(3, sql)})
	for size, want := range map[int]int{8 << 10: http.StatusOK, 8<<10 + 1: http.StatusForbidden} {
		for range 20 {
			status, _, _ := ask(t, client, "https://"+domain, size)
			require.Equal(t, want, status)
		}
	}
}

// acl makes a web ACL and associates it.
func (w *world) acl(with *cloud.Resource, name string, rules []in) []*cloud.Resource {
	w.t.Helper()
	acl := w.seed("wafv2/webAcl", in{
		"name": name, "scope": "REGIONAL", "defaultAction": in{"allow": in{}}, "rules": rules,
		"visibilityConfig": in{"metricName": name, "cloudwatchMetricsEnabled": true, "sampledRequestsEnabled": true},
	})
	return []*cloud.Resource{w.seed("wafv2/webAclAssociation", in{"webAclArn": text(acl, "arn"), "resourceArn": with.ID}), acl}
}
