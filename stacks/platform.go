package stacks

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/accesslogs"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/audit"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/backup"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/cdn"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/observability"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/registry"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/secrets"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/waf"
)

// platform registers what both colours share, and the traffic between them.
func platform(ctx *pulumi.Context, cfg *Config) error {
	p := newPlatform(cfg.Platform, cfg)
	if err := p.run(ctx,
		p.providers, p.usEast1Provider, p.recoveryProvider, p.logKeys, p.network, p.images, p.replicas, p.logs, p.firewall, p.domain,
	); err != nil {
		return err
	}
	if p.awaitsDelegation() {
		return ctx.Log.Warn(fmt.Sprintf(
			"zone %q is made: delegate it to the name servers in the output nameServers, then set codeflow:platform.domain.delegated to true and update again",
			p.cfg.Domain.ZoneName), nil)
	}
	shares, err := p.interlocked(ctx, cfg.Traffic)
	if err != nil {
		return err
	}
	if err := p.cdn(ctx, shares); err != nil {
		return err
	}
	if err := p.run(ctx, p.tell, p.database, p.secrets, p.backup, p.audit); err != nil {
		return err
	}
	if p.cfg.Domain != nil {
		traffic, err := dns.NewTraffic(ctx, "traffic", &dns.TrafficArgs{
			ZoneID: p.out.ZoneID, Domain: p.cfg.Domain.Name, Shares: shares,
		}, p.home)
		if err != nil {
			return err
		}
		// Without traffic the live name answers nobody.
		if len(shares) > 0 {
			p.healthCheckID = traffic.HealthCheckID
		}
	}
	if err := p.watch(ctx); err != nil {
		return err
	}
	export(ctx, p.out)
	weights := pulumi.StringMap{}
	for color, weight := range cfg.Traffic {
		weights[color] = pulumi.String(strconv.Itoa(weight))
	}
	ctx.Export("traffic", weights)
	return nil
}

func newPlatform(cfg *Platform, secrets *Config) *platformStack {
	return &platformStack{
		cfg: cfg, apiKeys: secrets.APIKeys, escalation: &secrets.Escalation, boundary: secrets.RoleBoundary,
		names: naming.Platform{Project: cfg.Project, Environment: cfg.Environment},
		out:   PlatformOutputs{Region: pulumi.String(cfg.Region).ToStringOutput()},
	}
}

func (p *platformStack) run(ctx *pulumi.Context, steps ...func(*pulumi.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// platformStack is what the steps of a platform hand on to each other.
type platformStack struct {
	cfg        *Platform
	names      naming.Platform
	apiKeys    APIKeys
	escalation *Escalation
	boundary   string // ARN of the most that the stack's roles can do, "" for no bound

	homeProvider *aws.Provider         // of the stack's region
	home         pulumi.ResourceOption // the same, for what is registered
	usEast1      *aws.Provider         // of what CloudFront uses
	second       *aws.Provider         // of the second region, nil without one
	account      string
	logKeyEast   pulumi.StringOutput // of the log groups in us-east-1; out has the other
	vpc          *vpc.VPC
	logBucket    *accesslogs.Bucket
	regionalACL  *waf.WebACL
	cdnACL       *waf.WebACL
	dnsDomain    *dns.Domain // nil without a domain
	distribution *cdn.CDN
	alarms       *observability.Platform
	vault        pulumi.StringInput // of the backups
	trail        *audit.Trail
	objects      *observability.Replication // of the CDN's assets, nil without a second region
	db           *rds.Database
	databaseKey  pulumi.StringInput // of a restored backup, nil for one of its own
	replicated   []string           // colours of another platform whose images come here, too

	healthCheckID pulumi.StringInput // of the live name, nil without traffic
	out           PlatformOutputs
}

func (p *platformStack) providers(ctx *pulumi.Context) error {
	home, err := provider(ctx, "aws", pulumi.String(p.cfg.Region), p.cfg.Project)
	if err != nil {
		return err
	}
	// Providers reaches awsx's children too, so that no second plugin starts.
	p.homeProvider, p.home = home, pulumi.Providers(home)
	return checkBound(ctx, p.boundary, p.cfg.Project, home)
}

func (p *platformStack) usEast1Provider(ctx *pulumi.Context) (err error) {
	p.usEast1, err = provider(ctx, "aws-us-east-1", pulumi.String(cdnRegion), p.cfg.Project)
	return err
}

func (p *platformStack) recoveryProvider(ctx *pulumi.Context) (err error) {
	if region := p.cfg.Recovery.Region; region != "" {
		p.second, err = provider(ctx, "aws-recovery", pulumi.String(region), p.cfg.Project)
	}
	return err
}

// logKeys make the key of the log groups in each region that has some.
func (p *platformStack) logKeys(ctx *pulumi.Context) error {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Provider(p.homeProvider))
	if err != nil {
		return fmt.Errorf("reading the account: %w", err)
	}
	p.account = identity.AccountId
	create := func(name, region string, opt pulumi.ResourceOption) (arn pulumi.StringOutput, err error) {
		created, err := key.New(ctx, name, &key.Args{
			Account: p.account, Description: "Logs of " + p.names.Path() + " in " + region,
			Admit: []policy.Statement{key.Logs(region, p.account)},
		}, opt)
		if err != nil {
			return arn, err
		}
		return created.Arn, nil
	}
	if p.out.LogKeyARN, err = create("logs-key", p.cfg.Region, p.home); err != nil || p.usEast1 == nil {
		return err
	}
	p.logKeyEast, err = create("logs-key-us-east-1", cdnRegion, pulumi.Provider(p.usEast1))
	return err
}

func (p *platformStack) network(ctx *pulumi.Context) (err error) {
	n := p.cfg.Network
	p.vpc, err = vpc.New(ctx, "network", &vpc.Args{
		CIDR: n.CIDR, Zones: n.Zones, NAT: vpc.NAT(n.NAT), Region: pulumi.String(p.cfg.Region),
		PublicMask: n.Masks.Public, PrivateMask: n.Masks.Private, DatabaseMask: n.Masks.Database,
		Endpoints:    n.Endpoints,
		LogGroupName: "/vpc/" + p.names.Database(), LogRetentionDays: p.cfg.Logs.RetentionDays, LogKeyARN: p.out.LogKeyARN,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.VpcID, p.out.ClientSecurityGroupID = p.vpc.VpcID, p.vpc.ClientSecurityGroupID
	ctx.Export("nat", pulumi.String(n.NAT))
	p.out.PublicSubnetIDs, p.out.PrivateSubnetIDs = p.vpc.PublicSubnetIDs, p.vpc.PrivateSubnetIDs
	return nil
}

func (p *platformStack) database(ctx *pulumi.Context) (err error) {
	d := p.cfg.Database
	if err := p.sameVersion(ctx); err != nil {
		return err
	}
	args := &rds.Args{
		Names: p.names, VpcID: p.vpc.VpcID,
		SubnetGroupName: p.vpc.DatabaseSubnetGroup, ClientSecurityGroupID: p.vpc.ClientSecurityGroupID,
		Class: d.Class, EngineVersion: d.Version, StorageGB: d.StorageGB, MaxStorageGB: d.MaxStorageGB,
		BackupRetentionDays: d.RetentionDays, MultiAZ: d.MultiAZ, FinalSnapshot: d.FinalSnapshot,
		DeletionProtection: p.cfg.DeletionProtection, DatabaseName: "codeflow", Username: "codeflow",
		LogRetentionDays: p.cfg.Logs.RetentionDays, LogKeyARN: p.out.LogKeyARN, EventTopicARN: p.alarms.Info,
		Generation: d.Generation, RestoreFrom: d.RestoreFrom, Unprotected: d.Unprotected, Retired: d.Retired, KeyARN: p.databaseKey,
	}
	if p.second != nil {
		args.Recovery = &rds.Recovery{Provider: p.second}
	}
	if p.db, err = rds.New(ctx, "database", args, p.home); err != nil {
		return err
	}
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
	p.out.DatabaseUserARN = pulumi.Sprintf("arn:aws:rds-db:%s:%s:dbuser:%s/%s", p.cfg.Region, p.account, p.db.ResourceID, serverUser)
	p.out.DatabaseSecretARN, p.out.DatabaseKeyARN = p.db.MasterSecretARN, p.db.KeyARN
	if p.second != nil {
		// What Pulumi.dr.yaml needs on the day that this region is lost.
		ctx.Export("replicatedBackupArn", p.db.ReplicatedBackupARN)
		ctx.Export("recoveryKeyArn", p.db.RecoveryKeyARN)
	}
	return nil
}

// sameVersion refuses another major version for a generation than it began with, and
// notes which that is for the next update: RDS would refuse it, half way through.
func (p *platformStack) sameVersion(ctx *pulumi.Context) error {
	d := p.cfg.Database
	ctx.Export("databaseGeneration", pulumi.Int(d.Generation))
	ctx.Export("databaseVersion", pulumi.String(d.Version))
	var last struct {
		Outputs struct {
			Generation int    `pulumi:"databaseGeneration"`
			Version    string `pulumi:"databaseVersion"`
		} `pulumi:"outputs"`
	}
	if name, err := readOutputs(ctx, ctx.Stack(), &last); err != nil {
		return fmt.Errorf("reading the last outputs of stack %q: %w", name, err)
	}
	if began := last.Outputs; began.Version != "" && began.Generation == d.Generation && began.Version != d.Version {
		instance, config := p.names.DatabaseGeneration(d.Generation), "pulumi config set -s "+ctx.Stack()+" --path codeflow:platform.database."
		snapshot := instance + "-" + d.Version
		return Problem{
			Path: namespace + ":platform.database.version", Rule: fmt.Sprintf("must stay %q, with which generation %d began", began.Version, d.Generation),
			Got: fmt.Sprintf("%q", d.Version), Fix: "a major upgrade is a new generation, made from an upgraded snapshot (docs/database.md#upgrades):" +
				"\n  aws rds create-db-snapshot --db-instance-identifier " + instance + " --db-snapshot-identifier " + snapshot +
				"\n  aws rds modify-db-snapshot --db-snapshot-identifier " + snapshot + " --engine-version " + d.Version +
				"\n  " + config + "generation " + fmt.Sprint(d.Generation+1) +
				"\n  " + config + "restoreFrom.snapshot " + snapshot,
		}
	}
	return nil
}

// serverUser is the database's user of the server, which has no password: it logs
// in by IAM.
const serverUser = "codeflow_server"

func (p *platformStack) secrets(ctx *pulumi.Context) error {
	store, err := secrets.New(ctx, "secrets", &secrets.Args{
		Names: p.names, Region: p.cfg.Region, Colors: p.cfg.Colors, Operators: p.cfg.Operators,
		Settings: p.cfg.Settings, APIKeys: p.apiKeys.inputs(),
		DatabaseURL: pulumi.Sprintf("postgresql://%s@%s/%s?sslmode=verify-full", serverUser, p.db.Endpoint, p.db.DatabaseName),
		// What is restored in a disaster goes again, and the next disaster needs the name.
		ForceDelete: !p.cfg.DeletionProtection || p.databaseKey != nil, ReminderTopicARN: p.alarms.Info,
	}, p.home)
	if err != nil {
		return err
	}
	p.out.StoreKeyARN, p.out.SettingsARN, p.out.APIKeysARN = store.KeyARN, store.SettingsARN, store.APIKeysARN
	p.out.DatabaseURLARN, p.out.TokensSecretARN = store.DatabaseURLARN, store.TokensSecretARN
	return nil
}

func (p *platformStack) backup(ctx *pulumi.Context) error {
	args := &backup.Args{
		Names: p.names, DatabaseARN: p.db.InstanceARN, SubnetGroupName: p.vpc.DatabaseSubnetGroup, SecurityGroupID: p.db.SecurityGroupID,
		TopicARN: p.alarms.Info, ForceDestroy: !p.cfg.DeletionProtection,
	}
	if p.second != nil {
		args.Recovery = p.second
	}
	plan, err := backup.New(ctx, "backup", args, p.home)
	if err != nil {
		return err
	}
	p.vault = plan.VaultName
	return nil
}

// tell makes the topics, which what is watched must know before there are alarms.
func (p *platformStack) tell(ctx *pulumi.Context) (err error) {
	p.alarms, err = observability.NewPlatform(ctx, "alarms", &observability.PlatformArgs{
		Names: p.names, Subscriptions: p.escalation.subscriptions(), InfoSubscriptions: subscriptions(p.escalation.Info),
	}, p.home)
	if err != nil {
		return err
	}
	p.out.Topics = pulumi.ToStringArrayOutput(p.alarms.Topics)
	return tracing.NewGroup(ctx, "traces", p.names.Database(), p.home)
}

// watch makes the alarms, after what they watch: nobody is called for a database that
// is being made.
func (p *platformStack) watch(ctx *pulumi.Context) error {
	d := p.cfg.Database
	memory, connections, _ := rds.Figures(d.Class) // the config's check knows the class
	watched := &observability.Watched{
		Names: p.names, BackupVault: p.vault, Colors: p.cfg.Colors,
		Region: pulumi.String(p.cfg.Region), WebACL: p.regionalACL.Name, WebACLLogGroup: p.regionalACL.LogGroupName,
	}
	for _, g := range p.db.Generations {
		watched.Databases = append(watched.Databases, observability.Database{
			Generation: g.Number, InstanceID: g.InstanceID,
			MaxConnections: connections, StorageGB: d.StorageGB, MemoryMiB: memory, Burstable: rds.Burstable(d.Class),
		})
	}
	for i := range vpc.NAT(p.cfg.Network.NAT).Gateways(p.cfg.Network.Zones) {
		watched.NATGatewayIDs = append(watched.NATGatewayIDs, p.vpc.NATGatewayIDs.Index(pulumi.Int(i)))
	}
	if p.distribution != nil {
		watched.USEast1, watched.CDNWebACL, watched.CDNWebACLLogGroup = p.usEast1, p.cdnACL.Name, p.cdnACL.LogGroupName
		watched.CDN = &observability.CDN{DistributionID: p.distribution.DistributionID, MinCacheHitPercent: p.cfg.CDN.MinCacheHitPercent}
	}
	if p.second != nil {
		watched.Repository = p.names.Repository()
		watched.Objects = p.objects
	}
	if p.trail != nil {
		watched.AuditLogGroup = p.trail.LogGroupName
	}
	if p.healthCheckID != nil {
		watched.HealthCheckID = p.healthCheckID
	}
	if p.dnsDomain != nil {
		watched.CertificateARN = p.dnsDomain.CertificateARN
		if p.distribution != nil {
			watched.CDNCertificateARN = p.dnsDomain.CDNCertificateARN
		}
	}
	return p.alarms.Watch(ctx, watched)
}

// audit records who did what in the account, and to the assets.
func (p *platformStack) audit(ctx *pulumi.Context) (err error) {
	p.trail, err = audit.New(ctx, "audit", &audit.Args{
		Names: p.names, LogBucketName: p.logBucket.BucketName, DataBucketARNs: []pulumi.StringInput{p.distribution.BucketARN},
		LockDays: p.cfg.Logs.Audit.LockDays, RetentionDays: p.cfg.Logs.Audit.RetentionDays, ForceDestroy: !p.cfg.DeletionProtection,
		LogRetentionDays: p.cfg.Logs.RetentionDays, LogKeyARN: p.out.LogKeyARN,
	}, p.home)
	return err
}

func (p *platformStack) images(ctx *pulumi.Context) error {
	var prefixes []string
	for _, color := range slices.Concat(p.cfg.Colors, p.replicated) {
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

// replicas copies each image that is pushed to the second region.
func (p *platformStack) replicas(ctx *pulumi.Context) error {
	if p.second == nil {
		return nil
	}
	return registry.Replicate(ctx, "images-replication", p.names.Repository(), p.cfg.Recovery.Region, p.home)
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
	var err error
	if p.regionalACL, err = waf.New(ctx, "waf", &waf.Args{
		Scope: waf.Regional, RateLimit: p.cfg.WAF.RegionalRateLimit,
		LogGroupName: p.names.Database(), LogRetentionDays: p.cfg.Logs.RetentionDays, LogKeyARN: p.out.LogKeyARN,
	}, p.home); err != nil {
		return err
	}
	p.out.WebACLARN = p.regionalACL.ARN
	if p.usEast1 == nil {
		return nil
	}
	p.cdnACL, err = waf.New(ctx, "waf-cdn", &waf.Args{
		Scope: waf.CloudFront, RateLimit: p.cfg.WAF.RateLimit,
		LogGroupName: p.names.Database() + "-cdn", LogRetentionDays: p.cfg.Logs.RetentionDays, LogKeyARN: p.logKeyEast,
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
		DetailedMetrics: p.cfg.CDN.MinCacheHitPercent > 0, // the alarm is on one of them
	}
	switch {
	case p.cfg.Domain != nil:
		args.Domain = naming.CDNDomain(p.cfg.Domain.Name)
		args.CertificateARN, args.ZoneID = p.dnsDomain.CDNCertificateARN, p.dnsDomain.ZoneID
		args.APIOrigin = &cdn.APIOrigin{Domain: pulumi.String(naming.LiveDomain(p.cfg.Domain.Name))}
	case len(shares) > 0:
		args.APIOrigin = &cdn.APIOrigin{Domain: shares[0].Target.DNSName, HTTPOnly: true}
	}
	if p.second != nil {
		args.Replica = p.second
	}
	var err error
	if p.distribution, err = cdn.New(ctx, "cdn", args, p.home); err != nil {
		return err
	}
	if p.second != nil {
		p.objects = &observability.Replication{
			Source: p.distribution.BucketName, Destination: p.distribution.ReplicaName, Rule: cdn.ReplicationRule,
			Region: pulumi.String(p.cfg.Recovery.Region),
		}
	}
	ctx.Export("cdnUrl", p.distribution.URL)
	return nil
}
