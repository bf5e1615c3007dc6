package dns

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// DomainType is the type token of [Domain].
const DomainType = "codeflow:dns:Domain"

// DomainArgs configures a [Domain].
type DomainArgs struct {
	// Name is the domain to serve, for example "codeflow.example.com". Required;
	// a change replaces the certificates.
	Name string
	// ZoneName of the hosted zone that holds the records. Default Name.
	ZoneName string
	// Create makes the zone instead of looking up a delegated one. That takes two
	// updates: certificates can only be validated when the parent zone delegates
	// to the name servers that the first update reports.
	Create bool
	// Delegated says that the parent zone delegates to a created zone.
	Delegated bool
	// CertificateARN is an existing certificate in the stack's region. Default:
	// one is made for the domain and its subdomains and validated by DNS.
	CertificateARN string
	// CDNCertificateARN is an existing certificate in us-east-1. Default: made.
	CDNCertificateARN string
	// USEast1 is the provider for the CDN's certificate. Required without Validated.
	USEast1 pulumi.ProviderResource
	// Validated says that another stack of the account has the domain's validation
	// record, which is the same for all of its certificates. There is no certificate
	// for a CDN then. Default false.
	Validated bool
}

func (a *DomainArgs) validate() error {
	if a.ZoneName == "" {
		a.ZoneName = a.Name
	}
	var errs []error
	if a.Name == "" {
		errs = append(errs, errors.New(`Name is required: give the domain, for example "codeflow.example.com"`))
	}
	if a.USEast1 == nil && !a.Validated {
		errs = append(errs, errors.New("USEast1 is required: CloudFront takes certificates from us-east-1 only"))
	}
	return errors.Join(errs...)
}

// Domain is a zone with the certificates of the load balancers and of the CDN.
type Domain struct {
	pulumi.ResourceState

	ZoneID      pulumi.StringOutput
	NameServers pulumi.StringArrayOutput // of a created zone
	// Ready is false in the first step of a created zone: there are no
	// certificates yet.
	Ready             bool
	CertificateARN    pulumi.StringOutput // validated, in the stack's region
	CDNCertificateARN pulumi.StringOutput // validated, in us-east-1; none with Validated
}

// NewDomain registers a domain named name.
func NewDomain(ctx *pulumi.Context, name string, args *DomainArgs, opts ...pulumi.ResourceOption) (*Domain, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("domain %q: %w", name, err)
	}
	d := &Domain{Ready: !args.Create || args.Delegated}
	if err := ctx.RegisterComponentResourceV2(DomainType, name, pulumi.Map{
		"name": pulumi.String(args.Name), "create": pulumi.Bool(args.Create),
	}, d, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", DomainType, name, err)
	}
	if err := d.zone(ctx, name, args); err != nil {
		return nil, err
	}
	if d.Ready {
		if err := d.certificates(ctx, name, args); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(d, pulumi.Map{"zoneId": d.ZoneID}); err != nil {
		return nil, fmt.Errorf("registering outputs of domain %q: %w", name, err)
	}
	return d, nil
}

func (d *Domain) zone(ctx *pulumi.Context, name string, args *DomainArgs) error {
	if args.Create {
		zone, err := route53.NewZone(ctx, name, &route53.ZoneArgs{Name: pulumi.String(args.ZoneName)}, pulumi.Parent(d))
		if err != nil {
			return fmt.Errorf("creating zone %q: %w", args.ZoneName, err)
		}
		d.ZoneID, d.NameServers = zone.ZoneId, zone.NameServers
		return nil
	}
	zone, err := route53.LookupZone(ctx, &route53.LookupZoneArgs{Name: pulumi.StringRef(args.ZoneName)}, pulumi.Parent(d))
	if err != nil {
		return fmt.Errorf("looking up zone %q (create and delegate it, or set domain.zone to %q): %w", args.ZoneName, "create", err)
	}
	d.ZoneID = pulumi.String(zone.ZoneId).ToStringOutput()
	d.NameServers = pulumi.ToStringArray(zone.NameServers).ToStringArrayOutput()
	return nil
}

// certificates makes what is not given. ACM asks for the same validation record
// for every certificate of a name in one account, so there is one record.
func (d *Domain) certificates(ctx *pulumi.Context, name string, args *DomainArgs) error {
	var record *route53.Record
	make := func(suffix, given string, opts ...pulumi.ResourceOption) (pulumi.StringOutput, error) {
		if given != "" {
			return pulumi.String(given).ToStringOutput(), nil
		}
		opts = append(opts, pulumi.Parent(d))
		certificate, err := acm.NewCertificate(ctx, name+suffix, &acm.CertificateArgs{
			DomainName:              pulumi.String(args.Name),
			SubjectAlternativeNames: pulumi.ToStringArray([]string{"*." + args.Name}),
			ValidationMethod:        pulumi.String("DNS"),
		}, opts...)
		if err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("creating certificate %q: %w", name+suffix, err)
		}
		if record == nil && !args.Validated {
			if record, err = d.validationRecord(ctx, name, certificate); err != nil {
				return pulumi.StringOutput{}, err
			}
		}
		inputs := &acm.CertificateValidationArgs{CertificateArn: certificate.Arn}
		if record != nil {
			inputs.ValidationRecordFqdns = pulumi.StringArray{record.Fqdn}
		}
		validation, err := acm.NewCertificateValidation(ctx, name+suffix, inputs, opts...)
		if err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("validating certificate %q: %w", name+suffix, err)
		}
		return validation.CertificateArn, nil
	}
	var err error
	if d.CertificateARN, err = make("", args.CertificateARN); err != nil {
		return err
	}
	if args.Validated {
		return nil
	}
	d.CDNCertificateARN, err = make("-cdn", args.CDNCertificateARN, pulumi.Provider(args.USEast1))
	return err
}

func (d *Domain) validationRecord(ctx *pulumi.Context, name string, c *acm.Certificate) (*route53.Record, error) {
	// The domain and its wildcard share one record: all options are alike.
	option := c.DomainValidationOptions.Index(pulumi.Int(0))
	record, err := route53.NewRecord(ctx, name+"-validation", &route53.RecordArgs{
		ZoneId: d.ZoneID,
		Name:   option.ResourceRecordName().Elem(), Type: option.ResourceRecordType().Elem(),
		Records: pulumi.StringArray{option.ResourceRecordValue().Elem()},
		Ttl:     pulumi.Int(300),
	}, pulumi.Parent(d), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, fmt.Errorf("creating validation record of %q: %w", name, err)
	}
	return record, nil
}
