package stacks

import (
	"regexp"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
)

// DR is the config of a disaster recovery stack, the key codeflow:dr: the platform
// and one colour in a second region. It never reads the platform's stack, whose
// state may be lost with its region.
type DR struct {
	Project     string `json:"project"`     // the platform's
	Environment string `json:"environment"` // of the names: "dr"
	Region      string `json:"region"`      // the second region, the platform's recovery.region
	Domain      string `json:"domain"`      // the platform's
	ZoneName    string `json:"zoneName"`    // default: domain
	// Active restores the database and brings the service up. Without it only what
	// must stand before the disaster does.
	Active bool `json:"active"`
	// Backup is what to restore: the platform's outputs replicatedBackupArn and
	// recoveryKeyArn.
	Backup             Replicated        `json:"backup"`
	Network            Network           `json:"network"`
	Database           Database          `json:"database"`
	Agents             string            `json:"agents"`
	Image              Image             `json:"image"`
	Service            Service           `json:"service"`
	Access             Access            `json:"access"`
	Scaling            Scaling           `json:"scaling"`
	Tracing            Tracing           `json:"tracing"`
	WAF                WAF               `json:"waf"`
	Logs               ColorLogs         `json:"logs"`
	Settings           map[string]string `json:"settings"`
	Operators          []string          `json:"operators"`
	DeletionProtection bool              `json:"deletionProtection"`
}

// Replicated is an automated backup in the second region, and its key there.
type Replicated struct {
	ARN    string `json:"arn"`
	KeyARN string `json:"keyArn"`
}

func defaultDR() *DR {
	p, c := defaultPlatform(), defaultColor()
	network := p.Network
	network.NAT = "Single"
	return &DR{
		Project: p.Project, Environment: "dr", Network: network, Database: p.Database,
		Agents: c.Agents, Image: c.Image, Service: c.Service, Access: c.Access, Scaling: c.Scaling, Tracing: c.Tracing,
		WAF: p.WAF, Logs: c.Logs, Settings: p.Settings, Operators: p.Operators, DeletionProtection: true,
	}
}

var keyPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[0-9a-f-]+$`)

func (d *DR) validate(c checker) {
	if d.ZoneName == "" {
		d.ZoneName = d.Domain
	}
	d.platform().validate(c)
	d.color().validate(c)
	if !d.Active {
		return
	}
	c.at("backup").adopt((&rds.RestoreFrom{ReplicatedBackup: d.Backup.ARN}).Check(1)...)
	match := keyPattern.FindStringSubmatch(d.Backup.KeyARN)
	c.at("backup.keyArn").require(match != nil && match[1] == d.Region, "must be the ARN of a key in "+d.Region, d.Backup.KeyARN,
		"it is the platform's output recoveryKeyArn")
}

// platform is the part that prod has, without a CDN and without a third region.
func (d *DR) platform() *Platform {
	p := defaultPlatform()
	p.Project, p.Environment, p.Region, p.Colors = d.Project, d.Environment, d.Region, []string{d.Environment}
	p.Domain = &Domain{Name: d.Domain, ZoneName: d.ZoneName}
	p.Network, p.Database, p.WAF, p.DeletionProtection = d.Network, d.Database, d.WAF, d.DeletionProtection
	p.Logs.RetentionDays, p.Settings, p.Operators = d.Logs.RetentionDays, d.Settings, d.Operators
	if d.Active {
		p.Database.RestoreFrom = &rds.RestoreFrom{ReplicatedBackup: d.Backup.ARN}
	}
	return p
}

// color is the part that blue and green have; it is named like the environment.
func (d *DR) color() *Color {
	return &Color{
		Project: d.Project, Name: d.Environment, Region: d.Region, Domain: d.Domain,
		Agents: d.Agents, Image: d.Image, Service: d.Service, Access: d.Access, Scaling: d.Scaling,
		Tracing: d.Tracing, Logs: d.Logs, DeletionProtection: d.DeletionProtection,
	}
}
