package stacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
)

// Platform is the config of a platform stack, the key codeflow:platform.
type Platform struct {
	Project            string   `json:"project"`            // start of every name
	Environment        string   `json:"environment"`        // for example "prod"
	Region             string   `json:"region"`             // for example "eu-central-1"
	Domain             *Domain  `json:"domain"`             // absent: the CDN's own name, see docs
	Colors             []string `json:"colors"`             // that may be brought up
	Network            Network  `json:"network"`            //
	Database           Database `json:"database"`           //
	Recovery           Recovery `json:"recovery"`           //
	Images             Images   `json:"images"`             //
	CDN                CDN      `json:"cdn"`                //
	WAF                WAF      `json:"waf"`                //
	Logs               Logs     `json:"logs"`               //
	DeletionProtection bool     `json:"deletionProtection"` // of the database, and buckets must be empty
	// Settings of the server, as parameters by name: "log-level".
	Settings map[string]string `json:"settings"`
	// Operators are the names of the roles, with "*", that bring stacks up and that
	// rotate tokens. Nobody else reads API keys and tokens but the tasks.
	Operators []string `json:"operators"`
	// TrafficOverride lets a colour past the interlock, with the reason why. It is
	// shown in the outputs; remove it when the reason is gone.
	TrafficOverride map[string]string `json:"trafficOverride"`
}

// Domain is where the platform answers.
type Domain struct {
	Name              string `json:"name"`              // for example "codeflow.example.com"
	Zone              string `json:"zone"`              // "lookup" a delegated zone, or "create" one
	ZoneName          string `json:"zoneName"`          // of the hosted zone; default: name
	Delegated         bool   `json:"delegated"`         // the created zone's name servers are in use
	CertificateARN    string `json:"certificateArn"`    // default: made and validated by DNS
	CDNCertificateARN string `json:"cdnCertificateArn"` // the same, in us-east-1
}

// Network is the layout of the VPC.
type Network struct {
	CIDR  string `json:"cidr"`
	Zones int    `json:"zones"`
	NAT   string `json:"nat"`   // None, Single or OnePerAz
	Masks Masks  `json:"masks"` // prefix lengths of the tiers' subnets
	// Endpoints are the services with an interface endpoint. Absent: what tasks call.
	Endpoints []string `json:"endpoints"`
}

// Masks are the prefix lengths of one subnet of each tier.
type Masks struct {
	Public   int `json:"public"`
	Private  int `json:"private"`
	Database int `json:"database"`
}

// Database is the size and care of the PostgreSQL instance.
type Database struct {
	Class         string `json:"class"`
	Version       string `json:"version"`
	StorageGB     int    `json:"storageGb"`
	MaxStorageGB  int    `json:"maxStorageGb"`
	RetentionDays int    `json:"retentionDays"`
	MultiAZ       bool   `json:"multiAz"`
	FinalSnapshot bool   `json:"finalSnapshot"`
	// Generation counts the restores, see docs/database.md.
	Generation  int              `json:"generation"`
	RestoreFrom *rds.RestoreFrom `json:"restoreFrom"`
	Unprotected int              `json:"unprotected"` // the last generation without deletion protection
	Retired     int              `json:"retired"`     // the last generation that is gone
}

// Recovery is where backups, images and assets are copied to.
type Recovery struct {
	Region string `json:"region"` // absent: nowhere
}

// Images is the care of the image repository.
type Images struct {
	Keep int `json:"keep"` // images of each colour
}

// CDN is the reach of the content delivery network.
type CDN struct {
	PriceClass         string `json:"priceClass"`
	MinCacheHitPercent int    `json:"minCacheHitPercent"` // below it an alarm rings; 0: none
}

// WAF is what the web ACLs allow.
type WAF struct {
	RateLimit int `json:"rateLimit"` // requests per viewer in five minutes
	// RegionalRateLimit is the same at the load balancers, where an address may be
	// one of the CDN's, shared by many viewers.
	RegionalRateLimit int `json:"regionalRateLimit"`
}

// Logs is how long logs are kept.
type Logs struct {
	RetentionDays int   `json:"retentionDays"`
	Audit         Audit `json:"audit"`
}

// Audit is the care of the record of who did what.
type Audit struct {
	LockDays      int `json:"lockDays"`      // nobody can delete it before
	RetentionDays int `json:"retentionDays"` //
}

func defaultPlatform() *Platform {
	return &Platform{
		Project: "codeflow", Environment: "prod", Colors: []string{"blue", "green"},
		Network: Network{
			CIDR: "10.0.0.0/16", Zones: 3, NAT: "OnePerAz", Masks: Masks{Public: 22, Private: 20, Database: 24},
		},
		Database: Database{
			Class: "db.t4g.medium", Version: "16", StorageGB: 50, MaxStorageGB: 200,
			RetentionDays: 14, MultiAZ: true, FinalSnapshot: true, Generation: 1,
		},
		Images: Images{Keep: 10},
		CDN:    CDN{PriceClass: "PriceClass_100"},
		WAF:    WAF{RateLimit: 2000, RegionalRateLimit: 20_000},
		Logs:   Logs{RetentionDays: 30, Audit: Audit{LockDays: 30, RetentionDays: 365}}, DeletionProtection: true,
		Settings:  map[string]string{"log-level": "info"},
		Operators: []string{"codeflow-deploy-*", "codeflow-operator-*"},
	}
}

func (p *Platform) validate(c checker) {
	c.adopt(naming.Platform{Project: p.Project, Environment: p.Environment}.Check()...)
	checkRegion(c.at("region"), p.Region)
	if p.Domain != nil {
		p.Domain.validate(c.at("domain"), p.Region)
	}
	p.Network.validate(c.at("network"))
	p.Database.validate(c.at("database"))
	c.at("colors").require(len(p.Colors) > 0, "must name a colour", nil, `for example ["blue", "green"]`)
	for _, color := range p.Colors {
		c.at("colors").adopt(naming.Color{Project: p.Project, Color: color}.Check()...)
	}
	c.at("images.keep").between(p.Images.Keep, 2, 1000, "a colour needs its current and its previous image")
	c.at("cdn.priceClass").oneOf(p.CDN.PriceClass, "PriceClass_100", "PriceClass_200", "PriceClass_All")
	c.at("cdn.minCacheHitPercent").between(p.CDN.MinCacheHitPercent, 0, 99, "0 for no alarm")
	p.Recovery.validate(c.at("recovery"), p.Region)
	p.WAF.validate(c.at("waf"))
	p.Logs.validate(c.at("logs"))
	validateStore(c, p.Settings, p.Operators)
	for _, color := range slices.Sorted(maps.Keys(p.TrafficOverride)) {
		c.at("trafficOverride").require(slices.Contains(p.Colors, color), "must be of one of platform.colors", color, "")
		c.at("trafficOverride."+color).require(strings.TrimSpace(p.TrafficOverride[color]) != "", "must give the reason", nil, "remove it to have the interlock back")
	}
}

var domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)

func checkDomain(c checker, domain string) {
	// The longest name made of it is a colour's: 64 is ACM's limit on a certificate's first name.
	// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
	c.require(domainPattern.MatchString(domain) && len(domain) <= 64, "must be a domain name of at most 64 lower-case characters",
		domain, `for example "codeflow.example.com"`)
}

func (d *Domain) validate(c checker, region string) {
	if d.Zone == "" {
		d.Zone = "lookup"
	}
	if d.ZoneName == "" {
		d.ZoneName = d.Name
	}
	checkDomain(c.at("name"), d.Name)
	c.at("zone").oneOf(d.Zone, "lookup", "create")
	c.at("zoneName").require(d.Name == d.ZoneName || len(d.Name) > len(d.ZoneName) && d.Name[len(d.Name)-len(d.ZoneName)-1:] == "."+d.ZoneName,
		"must be the domain or a parent of it", d.ZoneName, "leave it out when the zone has the domain's name")
	c.at("delegated").require(!d.Delegated || d.Zone == "create", "must be false for a zone that is looked up", d.Delegated, "leave it out")
	checkCertificate(c.at("certificateArn"), d.CertificateARN, region)
	checkCertificate(c.at("cdnCertificateArn"), d.CDNCertificateARN, cdnRegion)
}

var certificatePattern = regexp.MustCompile(`^arn:aws[a-z-]*:acm:([a-z0-9-]+):[0-9]{12}:certificate/[0-9a-f-]{36}$`)

func checkCertificate(c checker, arn, region string) {
	if arn == "" {
		return
	}
	match := certificatePattern.FindStringSubmatch(arn)
	c.require(match != nil && match[1] == region, "must be the ARN of a certificate in "+region, arn, "leave it out to have one made")
}

func (n *Network) validate(c checker) {
	c.at("nat").oneOf(n.NAT, "None", "Single", "OnePerAz")
	c.at("endpoints").adopt(vpc.CheckEndpoints(n.Endpoints))
	c.adopt(vpc.CheckLayout(n.CIDR, n.Zones, n.Masks.Public, n.Masks.Private, n.Masks.Database)...)
}

func (d *Database) validate(c checker) {
	c.adopt(rds.CheckClass(d.Class), rds.CheckEngineVersion(d.Version), rds.CheckBackupRetention(d.RetentionDays))
	c.adopt(rds.CheckGenerations(d.Generation, d.Unprotected, d.Retired)...)
	c.adopt(d.RestoreFrom.Check(d.Generation)...)
	c.adopt(rds.CheckStorage(d.StorageGB, d.MaxStorageGB)...)
}

func (w *WAF) validate(c checker) {
	c.at("rateLimit").between(w.RateLimit, 10, 2_000_000_000, "requests in five minutes")
	c.at("regionalRateLimit").between(w.RegionalRateLimit, 10, 2_000_000_000, "requests in five minutes")
}

func (r *Recovery) validate(c checker, region string) {
	if r.Region == "" {
		return
	}
	checkRegion(c.at("region"), r.Region)
	c.at("region").require(r.Region != region, "must be another region than the platform's", r.Region, "")
}

func (l *Logs) validate(c checker) {
	c.adopt(logretention.Check(l.RetentionDays))
	c.at("audit.lockDays").between(l.Audit.LockDays, 1, 36500, "days")
	c.at("audit.retentionDays").require(l.Audit.RetentionDays >= l.Audit.LockDays, "must not be less than lockDays", l.Audit.RetentionDays, "")
}

// logLevel is the setting that the server reads.
const logLevel = "log-level"

func validateStore(c checker, settings map[string]string, operators []string) {
	c.at("settings."+logLevel).oneOf(settings[logLevel], "debug", "info", "warn", "error")
	c.at("operators").require(len(operators) > 0, "must name a role", nil, `for example ["codeflow-deploy-*"]`)
}

// Traffic is the weight of each colour, the key codeflow:traffic. A colour that
// is absent has no record; one with 0 is a warm standby.
type Traffic map[string]int

// Colors lists the colours with a record, sorted.
func (t Traffic) Colors() []string { return slices.Sorted(maps.Keys(t)) }

func (t Traffic) validate(c checker, p *Platform) {
	total := 0
	for _, color := range t.Colors() {
		c.at(color).between(t[color], 0, dns.MaxWeight, "remove the colour to take its record away")
		c.at(color).require(slices.Contains(p.Colors, color), "must be one of platform.colors", fmt.Sprint(p.Colors), "")
		total += t[color]
	}
	if len(t) == 0 {
		return
	}
	c.require(total > 0, "must give some colour a weight over 0", nil, "remove the key for no traffic at all")
	c.require(p.Domain != nil || len(t) == 1, "must name one colour, since there is no domain to weight", nil, "set platform.domain, or remove the others")
}
