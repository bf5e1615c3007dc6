package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
)

// recovery registers the platform and one colour in a second region.
//
// What must stand before the disaster always does: the network, the repository
// that images are replicated to, the certificate, a load balancer that answers 503,
// and the failover record to it. Route 53 follows the record when the primary is
// not healthy and the load balancer is, that is when tasks run behind it: so
// activating needs no change of a record. The control plane of Route 53 is in
// us-east-1, which may be what is lost.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
func recovery(ctx *pulumi.Context, cfg *Config, module string) error {
	d := cfg.DR
	k, err := newColor(ctx, d.color(), module)
	if err != nil {
		return err
	}
	p := newPlatform(d.platform(), cfg)
	p.replicated = defaultPlatform().Colors // of prod, whose images would never expire here
	if err := p.run(ctx, p.providers, p.logKeys, p.network, p.images, p.logs, p.firewall, p.certificate); err != nil {
		return err
	}
	k.shared, k.nat, k.aws = &p.out, d.Network.NAT, p.homeProvider
	if err := k.balance(ctx); err != nil {
		return err
	}
	if err := dns.NewSecondary(ctx, "traffic-secondary", p.out.ZoneID, d.Domain, k.target(), p.home); err != nil {
		return err
	}
	ctx.Export("active", pulumi.Bool(d.Active))
	if !d.Active {
		return nil
	}
	p.databaseKey = pulumi.String(d.Backup.KeyARN)
	if err := p.run(ctx, p.tell, p.database, p.secrets, p.backup, p.watch); err != nil {
		return err
	}
	return k.serve(ctx)
}

// certificate is the domain's in this region. Its validation record is prod's.
func (p *platformStack) certificate(ctx *pulumi.Context) (err error) {
	d := p.cfg.Domain
	if p.dnsDomain, err = dns.NewDomain(ctx, "domain", &dns.DomainArgs{
		Name: d.Name, ZoneName: d.ZoneName, Validated: true,
	}, p.home); err != nil {
		return err
	}
	p.out.Domain, p.out.ZoneID = pulumi.String(d.Name).ToStringOutput(), p.dnsDomain.ZoneID
	p.out.CertificateARN = p.dnsDomain.CertificateARN
	return nil
}
