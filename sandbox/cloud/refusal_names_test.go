package cloud

import "testing"

// a is an A record with an address.
func (s *stack) a(name string) in {
	return in{"zoneId": s.zone.id, "name": name, "type": "A", "ttl": 60, "records": []string{"192.0.2.1"}}
}

// weighted is an alias to the load balancer with a weight.
func (s *stack) weighted(set string, weight int) in {
	return in{
		"zoneId": s.zone.id, "name": "live." + testDomain, "type": "A", "setIdentifier": set,
		"weightedRoutingPolicies": []any{in{"weight": weight}}, "aliases": []any{in{
			"name": s.balancer.out.str("dnsName"), "zoneId": s.balancer.out.str("zoneId"), "evaluateTargetHealth": true,
		}},
	}
}

// failover is a failover alias of the domain to the weighted records.
func (s *stack) failover() in {
	return in{
		"zoneId": s.zone.id, "name": testDomain, "type": "A", "setIdentifier": "primary",
		"failoverRoutingPolicies": []any{in{"type": "PRIMARY"}},
		"aliases":                 []any{in{"name": "live." + testDomain, "zoneId": s.zone.id, "evaluateTargetHealth": true}},
	}
}

func TestRefusesInNames(t *testing.T) {
	t.Parallel()
	after := func(first, second func(s *stack) in) func(s *stack) error {
		return func(s *stack) error {
			s.create("route53/record", "first", first(s))
			_, err := s.try("route53/record", "second", second(s))
			return err
		}
	}
	blue := func(s *stack) in { return s.weighted("blue", 100) }
	refusals(t, map[string]refusal{
		"duplicate record": {
			after(func(s *stack) in { return s.a("x") }, func(s *stack) in { return s.a("x." + testDomain) }),
			"InvalidChangeBatch: [Tried to create resource record set [name='x.example.com.', type='A'] but it already exists]",
		},
		"duplicate set identifier": {after(blue, blue), "set identifier='blue'] but it already exists]"},
		"simple beside weighted": {
			after(blue, func(s *stack) in { return s.a("live") }), "all must have one routing policy",
		},
		"failover beside weighted": {
			after(blue, func(s *stack) in { return s.failover().with(in{"name": "live"}) }),
			"all must have one routing policy",
		},
		"CNAME beside A": {
			after(func(s *stack) in { return s.a("x") }, func(s *stack) in {
				return s.a("x").with(in{"type": "CNAME", "records": []string{"y.example.org"}})
			}),
			"a conflicting RRSet of type A with the same DNS name already exists in zone",
		},
		"second primary": {
			after(func(s *stack) in {
				s.create("route53/record", "live", blue(s))
				return s.failover()
			},
				func(s *stack) in { return s.failover().with(in{"setIdentifier": "other"}) }),
			"Tried to create a second PRIMARY failover record",
		},
		"CNAME at the apex": {
			creating("route53/record", func(s *stack) in {
				return s.a(testDomain).with(in{"type": "CNAME", "records": []string{"y.example.org"}})
			}),
			"RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
		},
		"alias to nothing": {
			creating("route53/record", func(s *stack) in { return s.failover() }),
			"[Tried to create an alias that targets live.example.com., type A in zone Z",
		},
		"record of another domain": {
			creating("route53/record", func(s *stack) in { return s.a("www.example.org.") }),
			"[RRSet with DNS name www.example.org. is not permitted in zone example.com.]",
		},
		"record of no zone": {
			creating("route53/record", func(s *stack) in { return s.a("x").with(in{"zoneId": "Z1"}) }),
			"NoSuchHostedZone: No hosted zone found with ID: Z1",
		},
		"negative weight": {
			creating("route53/record", func(s *stack) in { return s.weighted("blue", -1) }), "must be between 0 and 255",
		},
		"policy without set identifier": {
			creating("route53/record", func(s *stack) in { return blue(s).with(in{"setIdentifier": nil}) }),
			"setIdentifier must be set",
		},
		"deleting the target of an alias": {
			func(s *stack) error {
				live := s.create("route53/record", "live", blue(s))
				s.create("route53/record", "apex", s.failover())
				return s.delete(live)
			},
			"it is the target of the alias example.com",
		},
		"deleting a zone with records": {
			deleting(func(s *stack) made { return s.zone }), "HostedZoneNotEmpty",
		},
		"validation without record": {
			creating("acm/certificateValidation", func(s *stack) in {
				c := s.create("acm/certificate", "other", in{"domainName": "other.com", "validationMethod": "DNS"})
				return in{"certificateArn": c.id}
			}),
			"(last state: 'PENDING_VALIDATION', timeout: 1h15m0s)",
		},
	})
}

// distribution is a CDN in front of the load balancer.
func (s *stack) distribution() in {
	return in{
		"enabled": true, "viewerCertificate": in{"cloudfrontDefaultCertificate": true},
		"restrictions": in{"geoRestriction": in{"restrictionType": "none"}},
		"origins":      []any{in{"originId": "api", "domainName": "live." + testDomain}},
		"defaultCacheBehavior": in{
			"targetOriginId": "api", "viewerProtocolPolicy": "redirect-to-https", "allowedMethods": []string{"GET", "HEAD"},
			"cachedMethods": []string{"GET", "HEAD"}, "cachePolicyId": managedPolicies["cloudfront/cachePolicy"]["Managed-CachingDisabled"],
		},
	}
}

func (s *stack) cdnCertificate(certificate made, alias string) in {
	return s.distribution().with(in{
		"aliases": []string{alias}, "viewerCertificate": in{"acmCertificateArn": certificate.id, "sslSupportMethod": "sni-only"},
	})
}

func webACL(scope string) in {
	visibility := in{"cloudwatchMetricsEnabled": true, "metricName": "m", "sampledRequestsEnabled": true}
	return in{
		"name": "acl-" + scope, "scope": scope, "defaultAction": in{"allow": in{}}, "visibilityConfig": visibility,
		"rules": []any{in{
			"name": "rate", "priority": 1, "action": in{"block": in{}}, "visibilityConfig": visibility,
			"statement": in{"rateBasedStatement": in{"limit": 1000, "aggregateKeyType": "IP"}},
		}},
	}
}

func TestRefusesAtTheEdge(t *testing.T) {
	t.Parallel()
	distribution := func(inputs func(s *stack) in) func(s *stack) error {
		return creating("cloudfront/distribution", inputs)
	}
	refusals(t, map[string]refusal{
		"alias without certificate": {
			distribution(func(s *stack) in { return s.distribution().with(in{"aliases": []string{"cdn.example.com"}}) }),
			"InvalidViewerCertificate: To add an alternate domain name (CNAME) to a CloudFront distribution",
		},
		"certificate outside us-east-1": {
			distribution(func(s *stack) in { return s.cdnCertificate(s.certificate, "cdn.example.com") }),
			"InvalidViewerCertificate: The specified SSL certificate doesn't exist, isn't in us-east-1 region",
		},
		"certificate for other names": {
			distribution(func(s *stack) in { return s.cdnCertificate(s.issue(s.in("us-east-1", nil), "edge"), "cdn.example.org") }),
			"doesn't cover the alternate domain name (CNAME)",
		},
		"origin that is not declared": {
			distribution(func(s *stack) in {
				return s.distribution().with(in{"origins": []any{in{"originId": "assets", "domainName": "a.example.com"}}})
			}),
			"NoSuchOrigin: One or more of your origins or origin groups do not exist",
		},
		"origin access control that does not exist": {
			distribution(func(s *stack) in {
				return s.distribution().with(in{"origins": []any{in{
					"originId": "api", "domainName": "a.example.com", "originAccessControlId": "E1",
				}}})
			}),
			"NoSuchOriginAccessControl",
		},
		"cache policy that does not exist": {
			distribution(func(s *stack) in {
				behaviour := s.distribution()["defaultCacheBehavior"].(in).with(in{"cachePolicyId": "none"})
				return s.distribution().with(in{"defaultCacheBehavior": behaviour})
			}),
			"NoSuchPolicy: The cache-policy 'none' does not exist.",
		},
		"regional web ACL": {
			distribution(func(s *stack) in {
				acl := s.in("us-east-1", nil).create("wafv2/webAcl", "acl", webACL("REGIONAL"))
				return s.distribution().with(in{"webAclId": acl.out.str("arn")})
			}),
			"InvalidWebACLId",
		},
		"logs to a bucket without ACLs": {
			distribution(func(s *stack) in {
				s.create("s3/bucketV2", "logs", in{"bucket": "cdn-logs"})
				return s.distribution().with(in{"loggingConfig": in{"bucket": "cdn-logs.s3.amazonaws.com"}})
			}),
			"does not enable ACL access",
		},
		"global web ACL outside us-east-1": {
			creating("wafv2/webAcl", func(*stack) in { return webACL("CLOUDFRONT") }),
			"WAFInvalidParameterException: Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT",
		},
		"global web ACL on a load balancer": {
			func(s *stack) error {
				east := s.in("us-east-1", nil)
				acl := east.create("wafv2/webAcl", "acl", webACL("CLOUDFRONT"))
				_, err := s.try("wafv2/webAclAssociation", "x", in{"webAclArn": acl.out.str("arn"), "resourceArn": s.balancer.id})
				return err
			},
			"WAFNonexistentItemException",
		},
		"web ACL with one priority twice": {
			creating("wafv2/webAcl", func(*stack) in {
				acl := webACL("REGIONAL")
				rules := acl["rules"].([]any)
				return acl.with(in{"rules": append(rules, rules[0].(in).with(in{"name": "other"}))})
			}),
			"the same priority for more than one rule",
		},
		"deleting a web ACL in use": {
			deleting(func(s *stack) made {
				acl := s.create("wafv2/webAcl", "acl", webACL("REGIONAL"))
				s.create("wafv2/webAclAssociation", "x", in{"webAclArn": acl.out.str("arn"), "resourceArn": s.balancer.id})
				return acl
			}),
			"WAFAssociatedItemException",
		},
		"web ACL logs to a group of another name": {
			creating("wafv2/webAclLoggingConfiguration", func(s *stack) in {
				acl := s.create("wafv2/webAcl", "acl", webACL("REGIONAL"))
				return in{"resourceArn": acl.out.str("arn"), "logDestinationConfigs": []string{s.logs.out.str("arn")}}
			}),
			"name must begin with aws-waf-logs-",
		},
	})
}
