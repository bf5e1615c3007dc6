package observability

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// PlatformArgs configures a [Platform]. What is optional has no alarms when it
// is left out.
type PlatformArgs struct {
	// Names of the alarms. Required; a change replaces all of them.
	Names naming.Platform
	// Database of the platform. Required.
	Database Database
	// NATGatewayIDs, none without NAT. Optional; in place.
	NATGatewayIDs []pulumi.StringInput
	// CertificateARN in the platform's region and CDNCertificateARN in us-east-1.
	// Optional; in place.
	CertificateARN, CDNCertificateARN pulumi.StringInput
	// WebACL and CDNWebACL are the names in the web ACLs' metrics, which are the
	// names that components/waf was given. Optional; in place.
	WebACL, CDNWebACL string
	// Region of the platform, a dimension of WebACL. Required with WebACL; in place.
	Region pulumi.StringInput
	// CDN of the platform. Optional.
	CDN *CDN
	// USEast1 is the provider for the alarms of CDN, CDNCertificateARN and
	// CDNWebACL, whose metrics are only there. Required with one of them.
	USEast1 pulumi.ProviderResource
	// Colors are the names of the colours on the dashboards, which need Region.
	// Optional; default none: no dashboards. In place.
	Colors []string
	// WebACLLogGroup and CDNWebACLLogGroup are the log groups of the web ACLs, from
	// outputs, since they must exist. Optional; default no saved queries. In place.
	WebACLLogGroup, CDNWebACLLogGroup pulumi.StringInput
	// BackupVault is the name of the vault that daily backups go to. Optional; in
	// place.
	BackupVault pulumi.StringInput
	// Subscriptions of each level: the on-call engineer, the team lead, the team.
	// Optional; default nobody. In place. Taking one out renames those after it.
	Subscriptions [len(levels)][]Subscription
	// KeyARN and USEast1KeyARN encrypt the topics. Their policies must let each of
	// the publishers kms:Decrypt and kms:GenerateDataKey*, which the AWS managed
	// key's does not. Default: keys of the platform's own. In place.
	KeyARN, USEast1KeyARN pulumi.StringInput
}

// Database is what the alarms need to know of a database.
type Database struct {
	// InstanceID is the identifier. Required; in place.
	InstanceID pulumi.StringInput
	// MaxConnections, StorageGB (at creation) and MemoryMiB are what the instance
	// has; the thresholds are shares of them. Required; in place.
	MaxConnections, StorageGB, MemoryMiB int
	// ReplicaID is the identifier of a replica. Optional; in place.
	ReplicaID pulumi.StringInput
}

// CDN is what the alarms need to know of a distribution.
type CDN struct {
	// DistributionID is the distribution. Required; in place.
	DistributionID pulumi.StringInput
	// MinCacheHitPercent is how much must come from the cache. Requests to an API
	// behind the CDN count as misses, and CloudFront publishes the rate only for a
	// distribution with a monitoring subscription, which costs extra. Default 0:
	// no alarm. In place.
	MinCacheHitPercent int
}

// Subscription is somebody who is told.
type Subscription struct {
	// Protocol is "email" (the address must confirm) or "https". Required; a change
	// replaces the subscription.
	Protocol string
	// Endpoint is the address or URL. It may be a secret, since the URLs of paging
	// services are. Required; a change replaces the subscription.
	Endpoint pulumi.StringInput
}

// info names the alarms of the platform's region; none blames a colour.
func (a *PlatformArgs) info() naming.Color {
	return informs(a.Names.Project, "platform-"+a.Names.Environment)
}

// cdnInfo names those of us-east-1, which may be the platform's region too.
func (a *PlatformArgs) cdnInfo() naming.Color {
	return informs(a.Names.Project, "platform-"+a.Names.Environment+"-cdn")
}

// folder is where the console lists the saved queries.
func (a *PlatformArgs) folder() string { return a.Names.Project + "/platform-" + a.Names.Environment }

func (a *PlatformArgs) validate() error {
	errs := a.Names.Check()
	if d := a.Database; d.InstanceID == nil || d.MaxConnections < 1 || d.StorageGB < 1 || d.MemoryMiB < 1 {
		errs = append(errs, errors.New("Database needs InstanceID, MaxConnections, StorageGB and MemoryMiB: the thresholds are shares of them"))
	}
	if (a.WebACL != "" || len(a.Colors) > 0) && a.Region == nil {
		errs = append(errs, errors.New("Region is required with WebACL and Colors: it is a dimension of the metrics and where the dashboards look"))
	}
	if a.CDN != nil && a.CDN.DistributionID == nil {
		errs = append(errs, errors.New("CDN.DistributionID is required: give it or leave CDN out"))
	}
	if a.CDN != nil && (a.CDN.MinCacheHitPercent < 0 || a.CDN.MinCacheHitPercent > 99) {
		errs = append(errs, fmt.Errorf("CDN.MinCacheHitPercent must be 0 to 99, got %d", a.CDN.MinCacheHitPercent))
	}
	if (a.CDN != nil || a.CDNCertificateARN != nil || a.CDNWebACL != "") && a.USEast1 == nil {
		errs = append(errs, errors.New("USEast1 is required with CDN, CDNCertificateARN or CDNWebACL: their metrics are only there"))
	}
	for i, subscriptions := range a.Subscriptions {
		for j, s := range subscriptions {
			if s.Protocol != "email" && s.Protocol != "https" {
				errs = append(errs, fmt.Errorf("Subscriptions[%d][%d].Protocol must be email or https, got %q", i, j, s.Protocol))
			}
			if s.Endpoint == nil {
				errs = append(errs, fmt.Errorf("Subscriptions[%d][%d].Endpoint is required", i, j))
			}
		}
	}
	return errors.Join(errs...)
}
