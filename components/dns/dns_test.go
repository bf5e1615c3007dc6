package dns_test

// The recorder proves what is registered, not that ACM validates or that Route
// 53 accepts the records.

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

func aws53() *recorder.Recorder {
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			"aws:route53/getZone:getZone": func(args resource.PropertyMap) (resource.PropertyMap, error) {
				if args["name"].StringValue() != "example.com" {
					return nil, errors.New("no matching Route 53 Hosted Zone found")
				}
				return resource.NewPropertyMapFromMap(map[string]any{"zoneId": "Z1", "nameServers": []any{"ns-1"}}), nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			"aws:acm/certificate:Certificate": resource.NewPropertyMapFromMap(map[string]any{
				"domainValidationOptions": []any{map[string]any{
					"resourceRecordName": "_x.example.com.", "resourceRecordType": "CNAME", "resourceRecordValue": "_y.acm.",
				}},
			}),
			"aws:route53/record:Record": resource.NewPropertyMapFromMap(map[string]any{"fqdn": "_x.example.com"}),
		},
	}
}

func domain(args dns.DomainArgs, use func(*dns.Domain), opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		usEast1, err := aws.NewProvider(ctx, "us-east-1", &aws.ProviderArgs{})
		if err != nil {
			return err
		}
		args.USEast1 = usEast1
		d, err := dns.NewDomain(ctx, "domain", &args, opts...)
		if err == nil && use != nil {
			use(d)
		}
		return err
	}
}

func TestDomainMakesBothCertificatesWithOneRecord(t *testing.T) {
	t.Parallel()
	r := aws53()
	r.Both(t, domain(dns.DomainArgs{Name: "codeflow.example.com", ZoneName: "example.com"}, nil))
	assert.Equal(t, []string{
		"/codeflow:dns:Domain domain",
		"/pulumi:providers:aws us-east-1",
		"domain/aws:acm/certificate:Certificate domain",
		"domain/aws:acm/certificate:Certificate domain-cdn",
		"domain/aws:acm/certificateValidation:CertificateValidation domain",
		"domain/aws:acm/certificateValidation:CertificateValidation domain-cdn",
		"domain/aws:route53/record:Record domain-validation",
	}, r.Children())
	for _, name := range []string{"domain", "domain-cdn"} {
		certificate := r.Get(t, "aws:acm/certificate:Certificate", name)
		assert.Equal(t, "codeflow.example.com", certificate.In("domainName"))
		assert.Equal(t, []any{"*.codeflow.example.com"}, certificate.In("subjectAlternativeNames"))
		assert.Equal(t, name == "domain-cdn", certificate.RPC.GetProvider() != "", "only the CDN's is in us-east-1")
	}
	record := r.Get(t, "aws:route53/record:Record", "domain-validation")
	assert.Equal(t, "Z1", record.In("zoneId"))
	assert.Equal(t, "_x.example.com.", record.In("name"))
	assert.Equal(t, []any{"_y.acm."}, record.In("records"))
}

func TestDomainUsesGivenCertificates(t *testing.T) {
	t.Parallel()
	r := aws53()
	r.Both(t, domain(dns.DomainArgs{Name: "example.com", CertificateARN: "arn:home", CDNCertificateARN: "arn:cdn"}, nil))
	assert.Equal(t, []string{"/codeflow:dns:Domain domain", "/pulumi:providers:aws us-east-1"}, r.Children())
}

func TestCreatedZoneWaitsForItsDelegation(t *testing.T) {
	t.Parallel()
	for delegated, certificates := range map[bool]int{false: 0, true: 2} {
		r, ready := aws53(), false
		r.Both(t, domain(dns.DomainArgs{Name: "example.com", Create: true, Delegated: delegated},
			func(d *dns.Domain) { ready = d.Ready }))
		assert.Equal(t, delegated, ready)
		assert.Equal(t, 1, r.Count()["aws:route53/zone:Zone"])
		assert.Equal(t, certificates, r.Count()["aws:acm/certificate:Certificate"])
	}
}

func TestDomainErrors(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, aws53().Run(true, domain(dns.DomainArgs{}, nil)), "Name is required")
	require.ErrorContains(t, aws53().Run(true, domain(dns.DomainArgs{Name: "other.org"}, nil)),
		`looking up zone "other.org" (create and delegate it, or set domain.zone to "create")`)
	require.ErrorContains(t, aws53().Run(true, func(ctx *pulumi.Context) error {
		_, err := dns.NewDomain(ctx, "domain", &dns.DomainArgs{Name: "example.com"})
		return err
	}), "USEast1 is required")
}

func traffic(shares ...dns.Share) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := dns.NewTraffic(ctx, "traffic", &dns.TrafficArgs{
			ZoneID: pulumi.String("Z1"), Domain: "codeflow.example.com", Shares: shares,
		})
		return err
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	aws53().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return domain(dns.DomainArgs{Name: "example.com", Create: true, Delegated: true}, nil, opts...)
	})
	(&recorder.Recorder{}).RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := dns.NewTraffic(ctx, "traffic", &dns.TrafficArgs{
				ZoneID: pulumi.String("Z1"), Domain: "example.com", Shares: []dns.Share{share("blue", 1)},
			}, opts...)
			return err
		}
	})
}

func share(color string, weight int) dns.Share {
	return dns.Share{Color: color, Weight: weight, Target: dns.Target{
		DNSName: pulumi.String(color + ".elb.amazonaws.com"), ZoneID: pulumi.String("ZALB"),
	}, HealthCheckID: pulumi.String(color + "-check")}
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, traffic(share("blue", 90), share("green", 0)))
	assert.Equal(t, []string{
		"/codeflow:dns:Traffic traffic",
		"traffic/aws:route53/healthCheck:HealthCheck traffic-live",
		"traffic/aws:route53/record:Record traffic-blue",
		"traffic/aws:route53/record:Record traffic-green",
		"traffic/aws:route53/record:Record traffic-primary",
	}, r.Children())
	blue := r.Get(t, "aws:route53/record:Record", "traffic-blue")
	assert.Equal(t, map[string]any{
		"zoneId": "Z1", "name": "live.codeflow.example.com", "type": "A", "setIdentifier": "blue", "healthCheckId": "blue-check",
		"weightedRoutingPolicies": []any{map[string]any{"weight": 90.0}},
		"aliases":                 []any{map[string]any{"name": "blue.elb.amazonaws.com", "zoneId": "ZALB", "evaluateTargetHealth": true}},
	}, blue.Inputs.Mappable())
	primary := r.Get(t, "aws:route53/record:Record", "traffic-primary")
	assert.Equal(t, "codeflow.example.com", primary.In("name"))
	assert.Equal(t, "PRIMARY", primary.In("failoverRoutingPolicies[0].type"))
	assert.Equal(t, "live.codeflow.example.com", primary.In("aliases[0].name"))
	for _, weighted := range []string{"traffic-blue", "traffic-green"} {
		assert.Contains(t, primary.RPC.GetDependencies(), "urn:pulumi:test::codeflow::codeflow:dns:Traffic$aws:route53/record:Record::"+weighted,
			"Route 53 refuses an alias to a record that does not exist")
	}
	assert.Equal(t, "traffic-live-id", primary.In("healthCheckId"))
	assert.Equal(t, "live.codeflow.example.com", r.Get(t, "aws:route53/healthCheck:HealthCheck", "traffic-live").In("fqdn"))
	assert.Empty(t, r.Get(t, dns.TrafficType, "traffic").Inputs, "weights among the inputs would change the component too")
}

func TestAlarmCheck(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, func(ctx *pulumi.Context) error {
		_, err := dns.NewAlarmCheck(ctx, "health", pulumi.String("codeflow-blue-failing"), "eu-central-1", "Average > 0.1")
		return err
	})
	assert.Equal(t, map[string]any{
		"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "codeflow-blue-failing", "cloudwatchAlarmRegion": "eu-central-1",
		"insufficientDataHealthStatus": "LastKnownStatus", "triggers": map[string]any{"terms": "Average > 0.1"},
	}, r.Get(t, "aws:route53/healthCheck:HealthCheck", "health").Inputs.Mappable())
}

func TestNoTrafficNoRecords(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, traffic())
	assert.Equal(t, []string{
		"/codeflow:dns:Traffic traffic", "traffic/aws:route53/healthCheck:HealthCheck traffic-live",
	}, r.Children(), "the check stands before, so that a switch changes records only")
	require.ErrorContains(t, r.Run(true, func(ctx *pulumi.Context) error {
		_, err := dns.NewTraffic(ctx, "traffic", &dns.TrafficArgs{})
		return err
	}), "ZoneID and Domain are required")
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	r := aws53()
	r.Both(t, func(ctx *pulumi.Context) error {
		d, err := dns.NewDomain(ctx, "domain", &dns.DomainArgs{Name: "codeflow.example.com", ZoneName: "example.com", Validated: true})
		if err != nil {
			return err
		}
		return dns.NewSecondary(ctx, "secondary", d.ZoneID, "codeflow.example.com", share("dr", 0).Target)
	})
	assert.Equal(t, 1, r.Count()["aws:acm/certificate:Certificate"], "none for a CDN")
	assert.Equal(t, 1, r.Count()["aws:route53/record:Record"], "the validation record is another stack's")
	secondary := r.Get(t, "aws:route53/record:Record", "secondary")
	assert.Equal(t, "SECONDARY", secondary.In("failoverRoutingPolicies[0].type"))
	assert.Equal(t, true, secondary.In("aliases[0].evaluateTargetHealth"), "a region without tasks takes no traffic")
}

func TestNames(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	require.NoError(t, r.Run(false, func(ctx *pulumi.Context) error {
		return dns.NewAlias(ctx, "record", pulumi.String("Z1"), naming.ColorDomain("blue", "example.com"),
			dns.Target{DNSName: pulumi.String("alb"), ZoneID: pulumi.String("ZALB")})
	}))
	assert.Equal(t, "blue.example.com", r.Get(t, "aws:route53/record:Record", "record").In("name"))
	assert.Equal(t, "cdn.example.com", naming.CDNDomain("example.com"))
}
