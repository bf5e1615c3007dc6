package observability

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// homeTable is every alarm of the platform in its own region.
func (a *PlatformArgs) homeTable() []alarm {
	rows := a.Database.table()
	for i, id := range a.NATGatewayIDs {
		rows = append(rows, alarm{
			name: fmt.Sprintf("nat-%d-ports", i+1), description: "The NAT gateway has no port left: connections to the internet fail",
			severity: page,
			metrics: []metric{{
				"failed", "AWS/NATGateway", "ErrorPortAllocation", "Sum", pulumi.StringMap{"NatGatewayId": id},
			}},
			comparison: above, threshold: 0, period: 60, datapoints: 3, periods: 5,
			missing: notBreaching, why: "a gateway that is gone fails nothing, and the tasks' alarms tell what that breaks",
		})
	}
	if a.CertificateARN != nil {
		rows = append(rows, certificateRow("certificate", a.CertificateARN))
	}
	if a.WebACL != "" {
		rows = append(rows, firewallRow("waf-blocked", a.firewall()))
	}
	if a.BackupVault != nil {
		rows = append(rows, alarm{
			name: "backup", description: "No backup was completed for 26 hours", severity: page,
			metrics: []metric{{
				"completed", "AWS/Backup", "NumberOfBackupJobsCompleted", "Sum", pulumi.StringMap{"BackupVaultName": a.BackupVault},
			}},
			// The daily backup may take two hours longer than the one before.
			comparison: below, threshold: 1, period: 3600, datapoints: 26, periods: 26,
			missing: breaching, why: "there is a value only when a backup completes",
		})
	}
	return append(rows, acknowledged(a.info().Alarm("")))
}

// usEast1Table is every alarm of what only us-east-1 has metrics of. Of these only
// the CDN pages, so only then is there something to acknowledge.
func (a *PlatformArgs) usEast1Table() []alarm {
	var rows []alarm
	if a.CDN != nil {
		rows = append(a.CDN.table(), acknowledged(a.cdnInfo().Alarm("")))
	}
	if a.CDNCertificateARN != nil {
		rows = append(rows, certificateRow("certificate", a.CDNCertificateARN))
	}
	if a.CDNWebACL != "" {
		rows = append(rows, firewallRow("waf-blocked", a.cdnFirewall()))
	}
	return rows
}

func (d *Database) table() []alarm {
	of := d.dimensions()
	row := func(name, description, metricName, comparison string, threshold float64, s severity) alarm {
		return alarm{
			name: name, description: description, severity: s,
			metrics:    []metric{{"value", "AWS/RDS", metricName, "Average", of}},
			comparison: comparison, threshold: threshold, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "database-cpu tells when the database reports nothing",
		}
	}
	cpu := row("database-cpu", "CPU of the database above 80 %, or the database is silent", "CPUUtilization", above, 80, page)
	cpu.missing, cpu.why = breaching, "a database that reports nothing for five minutes does not run"
	rows := []alarm{
		cpu,
		row("database-connections", fmt.Sprintf("More than 80 %% of the database's %d connections are in use", d.MaxConnections),
			"DatabaseConnections", above, 0.8*float64(d.MaxConnections), page),
		// RDS grows the storage below a tenth, so this is where that has failed.
		row("database-storage", "Less than 5 % of the database's first storage is free: it did not grow",
			"FreeStorageSpace", below, 0.05*float64(d.StorageGB)*gibibyte, page),
		row("database-memory", "Less than 5 % of the database's memory is free", "FreeableMemory",
			below, 0.05*float64(d.MemoryMiB)*mebibyte, notify),
	}
	if d.ReplicaID != nil {
		lag := row("database-replica-lag", "The replica is more than 30 s behind", "ReplicaLag", above, 30, notify)
		lag.metrics[0].dimensions = pulumi.StringMap{"DBInstanceIdentifier": d.ReplicaID}
		lag.missing, lag.why = breaching, "a replica that reports no lag does not replicate"
		rows = append(rows, lag)
	}
	return rows
}

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// certificateRow is about a certificate that ACM should have renewed 60 days
// before its end; ACM reports the days once a day.
func certificateRow(name string, arn pulumi.StringInput) alarm {
	return alarm{
		name: name, description: "The certificate ends within 30 days and was not renewed: look at its validation record", severity: notify,
		metrics:    []metric{{"days", "AWS/CertificateManager", "DaysToExpiry", "Minimum", pulumi.StringMap{"CertificateArn": arn}}},
		comparison: below, threshold: 30, period: 86400, datapoints: 1, periods: 1,
		missing: keepState, why: "ACM stops reporting a certificate that has ended, which must not end the alarm",
	}
}

func firewallRow(name string, of pulumi.StringMap) alarm {
	return alarm{
		name: name, description: "The firewall blocks more than 1000 requests in five minutes: an attack, or a rule that blocks users", severity: notify,
		metrics:    []metric{{"blocked", "AWS/WAFV2", "BlockedRequests", "Sum", of}},
		comparison: above, threshold: 1000, period: 300, datapoints: 2, periods: 3,
		missing: notBreaching, why: "there is a value only when a request is blocked",
	}
}

// table is about whole percents of the requests, when there are enough of them.
func (c *CDN) table() []alarm {
	const cloudFront = "AWS/CloudFront"
	of := c.dimensions()
	requests := metric{"requests", cloudFront, "Requests", "Sum", of}
	rows := []alarm{{
		name: "5xx-rate", description: "More than 1 % of the CDN's answers are server errors", severity: page,
		metrics:    []metric{requests, {"errors", cloudFront, "5xxErrorRate", "Average", of}},
		expression: fmt.Sprintf("IF(FILL(requests, 0) >= %d, errors, 0)", 5*enough),
		comparison: above, threshold: 1, period: 300, datapoints: 2, periods: 3,
		missing: notBreaching, why: "without requests nothing fails",
	}}
	if c.MinCacheHitPercent > 0 {
		rows = append(rows, alarm{
			name: "cache-hits", description: fmt.Sprintf("Less than %d %% of the CDN's answers come from its cache", c.MinCacheHitPercent),
			severity:   notify,
			metrics:    []metric{requests, {"hits", cloudFront, "CacheHitRate", "Average", of}},
			expression: fmt.Sprintf("IF(FILL(requests, 0) >= %d, hits, 100)", 5*enough),
			comparison: below, threshold: float64(c.MinCacheHitPercent), period: 300, datapoints: 6, periods: 12,
			missing: notBreaching, why: "without requests nothing misses the cache",
		})
	}
	return rows
}

// What the metrics are of: alarms and dashboards look at the same ones.

func (d *Database) dimensions() pulumi.StringMap {
	return pulumi.StringMap{"DBInstanceIdentifier": d.InstanceID}
}

func (c *CDN) dimensions() pulumi.StringMap {
	return pulumi.StringMap{"DistributionId": c.DistributionID, "Region": pulumi.String("Global")}
}

func (a *PlatformArgs) firewall() pulumi.StringMap {
	return pulumi.StringMap{"WebACL": pulumi.String(a.WebACL), "Rule": pulumi.String("ALL"), "Region": a.Region}
}

// cdnFirewall has no region: the metrics of a web ACL for CloudFront have none.
func (a *PlatformArgs) cdnFirewall() pulumi.StringMap {
	return pulumi.StringMap{"WebACL": pulumi.String(a.CDNWebACL), "Rule": pulumi.String("ALL")}
}
