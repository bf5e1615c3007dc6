package observability

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// PlatformArgs configures a [Platform].
type PlatformArgs struct {
	// Names of the alarms. Required; a change replaces all of them.
	Names naming.Platform
	// Subscriptions of each level: the on-call engineer, the team lead, the team.
	// Optional; default nobody. In place. Taking one out renames those after it.
	Subscriptions [len(levels)][]Subscription
	// InfoSubscriptions are of those who are told of events that are no alarms.
	// Optional; default nobody. In place.
	InfoSubscriptions []Subscription
	// KeyARN encrypts the topics. Its policy must let each of the publishers
	// kms:Decrypt and kms:GenerateDataKey*, which the AWS managed key's does not.
	// Default: a key of the platform's own. In place.
	KeyARN pulumi.StringInput
}

// Watched is what the alarms of a [Platform] watch. What is optional has no alarms
// when it is left out.
type Watched struct {
	// Names of the alarms. Required; a change replaces all of them.
	Names naming.Platform
	// Databases of the platform that are not retired, the current one last. Required.
	Databases []Database
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
	// HealthCheckID is the check of the live name. Optional; in place.
	HealthCheckID pulumi.StringInput
	// USEast1 is the provider for the alarms of CDN, CDNCertificateARN, CDNWebACL and
	// HealthCheckID, whose metrics are only there. Required with one of them.
	USEast1 pulumi.ProviderResource
	// USEast1KeyARN is as KeyARN of [PlatformArgs], for the topics there.
	USEast1KeyARN pulumi.StringInput
	// Colors are the names of the colours on the dashboards, which need Region, and
	// whose servers tell how old the newest backup is. Optional; default none: no
	// dashboards. In place.
	Colors []string
	// WebACLLogGroup and CDNWebACLLogGroup are the log groups of the web ACLs, from
	// outputs, since they must exist. Optional; default no saved queries. In place.
	WebACLLogGroup, CDNWebACLLogGroup pulumi.StringInput
	// BackupVault is the name of the vault that daily backups go to. Optional; in
	// place.
	BackupVault pulumi.StringInput
	// Objects are the buckets whose replication is watched. Optional; in place.
	Objects *Replication
	// Repository is the name of the one whose images are replicated. Optional; in place.
	Repository string
	// AuditLogGroup is the log group of the trail, from an output, since it must
	// exist. Optional; a change replaces the metric filters.
	AuditLogGroup pulumi.StringInput
}

// Database is what the alarms need to know of a database.
type Database struct {
	// Generation is its number, which is in the names of its alarms. Default 1.
	Generation int
	// InstanceID is the identifier, from an output: the alarms must not be there before
	// the instance is, or they would ring while it is made. Required; in place.
	InstanceID pulumi.StringInput
	// MaxConnections, StorageGB (at creation) and MemoryMiB are what the instance
	// has; the thresholds are shares of them. Required; in place.
	MaxConnections, StorageGB, MemoryMiB int
	// Burstable is whether its class earns CPU credits. Default false. In place.
	Burstable bool
	// ReplicaID is the identifier of a replica. Optional; in place.
	ReplicaID pulumi.StringInput
}

// Replication is of the objects of a bucket. All are required; in place.
type Replication struct {
	Source, Destination pulumi.StringInput // names of the buckets
	Rule                string
	Region              pulumi.StringInput // of the destination
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
func (w *Watched) info() naming.Color {
	return informs(w.Names.Project, "platform-"+w.Names.Environment)
}

// cdnInfo names those of us-east-1, which may be the platform's region too.
func (w *Watched) cdnInfo() naming.Color {
	return informs(w.Names.Project, "platform-"+w.Names.Environment+"-cdn")
}

// folder is where the console lists the saved queries.
func (w *Watched) folder() string { return w.Names.Project + "/platform-" + w.Names.Environment }

func (a *PlatformArgs) validate() error {
	errs := a.Names.Check()
	for i, subscriptions := range append(slices.Clone(a.Subscriptions[:]), a.InfoSubscriptions) {
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

func (w *Watched) validate() error {
	errs := w.Names.Check()
	if len(w.Databases) == 0 {
		errs = append(errs, errors.New("Databases is required: give those that are not retired"))
	}
	for _, d := range w.Databases {
		if d.InstanceID == nil || d.MaxConnections < 1 || d.StorageGB < 1 || d.MemoryMiB < 1 {
			errs = append(errs, errors.New("Databases need InstanceID, MaxConnections, StorageGB and MemoryMiB: the thresholds are shares of them"))
		}
	}
	if (w.WebACL != "" || len(w.Colors) > 0) && w.Region == nil {
		errs = append(errs, errors.New("Region is required with WebACL and Colors: it is a dimension of the metrics and where the dashboards look"))
	}
	if w.CDN != nil && w.CDN.DistributionID == nil {
		errs = append(errs, errors.New("CDN.DistributionID is required: give it or leave CDN out"))
	}
	if w.CDN != nil && (w.CDN.MinCacheHitPercent < 0 || w.CDN.MinCacheHitPercent > 99) {
		errs = append(errs, fmt.Errorf("CDN.MinCacheHitPercent must be 0 to 99, got %d", w.CDN.MinCacheHitPercent))
	}
	if (w.CDN != nil || w.CDNCertificateARN != nil || w.CDNWebACL != "" || w.HealthCheckID != nil) && w.USEast1 == nil {
		errs = append(errs, errors.New("USEast1 is required with CDN, CDNCertificateARN, CDNWebACL or HealthCheckID: their metrics are only there"))
	}
	return errors.Join(errs...)
}
