package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/accesslogs"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/cdn"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/registry"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/waf"
)

// platform registers what both colours share, and the traffic between them.
func platform(ctx *pulumi.Context, cfg *Platform, traffic Traffic) error {
	p := &platformStack{
		cfg:   cfg,
		names: naming.Platform{Project: cfg.Project, Environment: cfg.Environment},
		out:   PlatformOutputs{Region: pulumi.String(cfg.Region).ToStringOutput()},
	}
	for _, step := range []func(*pulumi.Context) error{
		p.providers, p.network, p.database, p.images, p.logs, p.firewall, p.domain,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if p.awaitsDelegation() {
		return ctx.Log.Warn(fmt.Sprintf(
			"zone %q is made: delegate it to the name servers in the output nameServers, then set codeflow:platform.domain.delegated to true and update again",
			cfg.Domain.ZoneName), nil)
	}
	shares, err := p.interlocked(ctx, traffic)
	if err != nil {
		return err
	}
	if err := p.cdn(ctx, shares); err != nil {
		return err
	}
	if cfg.Domain != nil {
		if _, err := dns.NewTraffic(ctx, "traffic", &dns.TrafficArgs{
			ZoneID: p.out.ZoneID, Domain: cfg.Domain.Name, Shares: shares,
		}, p.home); err != nil {
			return err
		}
	}
	export(ctx, p.out)
	return nil
}

// platformStack is what the steps of a platform hand on to each other.
type platformStack struct {
	cfg   *Platform
	names naming.Platform

	home       pulumi.ResourceOption // the provider of the stack's region
	homeInvoke pulumi.InvokeOption   // the same, for what is only read
	usEast1    *aws.Provider         // of what CloudFront uses
	vpc        *vpc.VPC
	logBucket  *accesslogs.Bucket
	cdnACL     *waf.WebACL
	dnsDomain  *dns.Domain // nil without a domain
	out        PlatformOutputs
}

func (p *platformStack) providers(ctx *pulumi.Context) error {
	home, err := provider(ctx, "aws", pulumi.String(p.cfg.Region), p.cfg.Project)
	if err != nil {
		return err
	}
	// Providers reaches awsx's children too, so that no second plugin starts.
	p.home, p.homeInvoke = pulumi.Providers(home), pulumi.Provider(home)
	p.usEast1, err = provider(ctx, "aws-us-east-1", pulumi.String(cdnRegion), p.cfg.Project)
	return err
}

func (p *platformStack) network(ctx *pulumi.Context) (err error) {
	n := p.cfg.Network
	p.vpc, err = vpc.New(ctx, "network", &vpc.Args{
		CIDR: n.CIDR, Zones: n.Zones, NAT: vpc.NAT(n.NAT), Region: pulumi.String(p.cfg.Region),
		PublicMask: n.Masks.Public, PrivateMask: n.Masks.Private, DatabaseMask: n.Masks.Database,
		LogGroupName: "/vpc/" + p.names.Database(), LogRetentionDays: p.cfg.Logs.RetentionDays,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.VpcID, p.out.ClientSecurityGroupID = p.vpc.VpcID, p.vpc.ClientSecurityGroupID
	p.out.PublicSubnetIDs, p.out.PrivateSubnetIDs = p.vpc.PublicSubnetIDs, p.vpc.PrivateSubnetIDs
	return nil
}

func (p *platformStack) database(ctx *pulumi.Context) error {
	d := p.cfg.Database
	database, err := rds.New(ctx, "database", &rds.Args{
		Identifier: p.names.Database(), VpcID: p.vpc.VpcID,
		SubnetGroupName: p.vpc.DatabaseSubnetGroup, ClientSecurityGroupID: p.vpc.ClientSecurityGroupID,
		Class: d.Class, EngineVersion: d.Version, StorageGB: d.StorageGB, MaxStorageGB: d.MaxStorageGB,
		BackupRetentionDays: d.RetentionDays, MultiAZ: d.MultiAZ, FinalSnapshot: d.FinalSnapshot,
		DeletionProtection: p.cfg.DeletionProtection, DatabaseName: "codeflow", Username: "codeflow",
		LogRetentionDays: p.cfg.Logs.RetentionDays,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.DatabaseHost, p.out.DatabaseName = database.Address, database.DatabaseName
	p.out.DatabaseSecretARN, p.out.DatabaseKeyARN = database.MasterSecretARN, database.KeyARN
	return nil
}

func (p *platformStack) images(ctx *pulumi.Context) error {
	var prefixes []string
	for _, color := range p.cfg.Colors {
		prefixes = append(prefixes, tagPrefix(color))
	}
	images, err := registry.New(ctx, "images", &registry.Args{
		Name: p.names.Repository(), Prefixes: prefixes, Keep: p.cfg.Images.Keep, ForceDelete: !p.cfg.DeletionProtection,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.RepositoryURL, p.out.RepositoryARN = images.RepositoryURL, images.RepositoryARN
	return nil
}

func (p *platformStack) logs(ctx *pulumi.Context) (err error) {
	p.logBucket, err = accesslogs.New(ctx, "access-logs", &accesslogs.Args{
		RetentionDays: p.cfg.Logs.RetentionDays, ForceDestroy: !p.cfg.DeletionProtection,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.LogBucket = p.logBucket.BucketName
	return nil
}

func (p *platformStack) firewall(ctx *pulumi.Context) error {
	regional, err := waf.New(ctx, "waf", &waf.Args{
		Scope: waf.Regional, RateLimit: p.cfg.WAF.RegionalRateLimit,
		LogGroupName: p.names.Database(), LogRetentionDays: p.cfg.Logs.RetentionDays,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.WebACLARN = regional.ARN
	p.cdnACL, err = waf.New(ctx, "waf-cdn", &waf.Args{
		Scope: waf.CloudFront, RateLimit: p.cfg.WAF.RateLimit,
		LogGroupName: p.names.Database() + "-cdn", LogRetentionDays: p.cfg.Logs.RetentionDays,
	}, pulumi.Provider(p.usEast1))
	return err
}

func (p *platformStack) domain(ctx *pulumi.Context) (err error) {
	d := p.cfg.Domain
	if d == nil {
		none := pulumi.String("").ToStringOutput()
		p.out.Domain, p.out.ZoneID, p.out.CertificateARN = none, none, none
		return nil
	}
	p.dnsDomain, err = dns.NewDomain(ctx, "domain", &dns.DomainArgs{
		Name: d.Name, ZoneName: d.ZoneName, Create: d.Zone == "create", Delegated: d.Delegated,
		CertificateARN: d.CertificateARN, CDNCertificateARN: d.CDNCertificateARN, USEast1: p.usEast1,
	}, p.home)
	if err != nil {
		return err
	}
	ctx.Export("nameServers", p.dnsDomain.NameServers)
	p.out.Domain, p.out.ZoneID = pulumi.String(d.Name).ToStringOutput(), p.dnsDomain.ZoneID
	p.out.CertificateARN = p.dnsDomain.CertificateARN
	return nil
}

// awaitsDelegation is true in the first step of a created zone, which ends
// before anything that needs a certificate.
func (p *platformStack) awaitsDelegation() bool { return p.dnsDomain != nil && !p.dnsDomain.Ready }

// cdn makes the CDN. Its API origin is the live name; without a domain it is the
// load balancer of the one colour that has traffic.
func (p *platformStack) cdn(ctx *pulumi.Context, shares []dns.Share) error {
	args := &cdn.Args{
		WebACLARN: p.cdnACL.ARN, PriceClass: p.cfg.CDN.PriceClass, ForceDestroy: !p.cfg.DeletionProtection,
		LogBucketName: p.logBucket.BucketName, LogBucketDomain: p.logBucket.BucketDomainName,
	}
	switch {
	case p.cfg.Domain != nil:
		args.Domain = naming.CDNDomain(p.cfg.Domain.Name)
		args.CertificateARN, args.ZoneID = p.dnsDomain.CDNCertificateARN, p.dnsDomain.ZoneID
		args.APIOrigin = &cdn.APIOrigin{Domain: pulumi.String(naming.LiveDomain(p.cfg.Domain.Name))}
	case len(shares) > 0:
		args.APIOrigin = &cdn.APIOrigin{Domain: shares[0].Target.DNSName, HTTPOnly: true}
	}
	created, err := cdn.New(ctx, "cdn", args, p.home)
	if err != nil {
		return err
	}
	ctx.Export("cdnUrl", created.URL)
	return nil
}
