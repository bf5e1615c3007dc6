package observability

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// rpo is how much may be lost in a disaster, and rto how long it may take to come back,
// in seconds: the guide's.
const rpo, rto = 3600, 4 * 3600

// homeTable is every alarm of the platform in its own region.
func (w *Watched) homeTable() []alarm {
	var rows []alarm
	for i := range w.Databases {
		rows = append(rows, w.Databases[i].table()...)
	}
	for i, id := range w.NATGatewayIDs {
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
	if w.CertificateARN != nil {
		rows = append(rows, certificateRow("certificate", w.CertificateARN))
	}
	if w.WebACL != "" {
		rows = append(rows, firewallRows(w.firewall())...)
	}
	rows = append(rows, w.recoveryTable()...)
	if w.AuditLogGroup != nil {
		rows = append(rows, auditTable()...)
	}
	return append(rows, acknowledged(w.info().Alarm("")))
}

// usEast1Table is every alarm of what only us-east-1 has metrics of. Only where some of
// them page there is something to acknowledge.
func (w *Watched) usEast1Table() []alarm {
	var rows []alarm
	if w.CDN != nil {
		rows = append(rows, w.CDN.table()...)
	}
	if w.HealthCheckID != nil {
		rows = append(rows, alarm{
			name: "health-check", description: "The live name does not answer to Route 53's checkers: it leads to the second region, if that is healthy",
			severity: page,
			metrics: []metric{{
				"healthy", "AWS/Route53", "HealthCheckStatus", "Minimum", pulumi.StringMap{"HealthCheckId": w.HealthCheckID},
			}},
			comparison: below, threshold: 1, period: 60, datapoints: 3, periods: 3,
			missing: breaching, why: "checkers that tell nothing do not check",
		})
	}
	if len(rows) > 0 {
		rows = append(rows, acknowledged(w.cdnInfo().Alarm("")))
	}
	if w.CDNCertificateARN != nil {
		rows = append(rows, certificateRow("certificate", w.CDNCertificateARN))
	}
	if w.CDNWebACL != "" {
		rows = append(rows, firewallRows(w.cdnFirewall())...)
	}
	return rows
}

// numbered is the name of an alarm of the database's generation.
func (d *Database) numbered(name string) string {
	if d.Generation > 1 {
		return fmt.Sprintf("database-%d-%s", d.Generation, name)
	}
	return "database-" + name
}

func (d *Database) table() []alarm {
	of := d.dimensions()
	row := func(name, description, metricName, comparison string, threshold float64, s severity) alarm {
		return alarm{
			name: d.numbered(name), description: description, severity: s,
			metrics:    []metric{{"value", "AWS/RDS", metricName, "Average", of}},
			comparison: comparison, threshold: threshold, period: 60, datapoints: 5, periods: 5,
			missing: notBreaching, why: "database-cpu tells when the database reports nothing",
		}
	}
	cpu := row("cpu", "CPU of the database above 80 %, or the database is silent", "CPUUtilization", above, 80, page)
	cpu.missing, cpu.why = breaching, "a database that reports nothing for five minutes does not run"
	rows := []alarm{
		cpu,
		row("connections", fmt.Sprintf("More than 80 %% of the database's %d connections are in use", d.MaxConnections),
			"DatabaseConnections", above, 0.8*float64(d.MaxConnections), page),
		// RDS grows the storage below a tenth, so this is where that has failed.
		row("storage", "Less than 5 % of the database's first storage is free: it did not grow",
			"FreeStorageSpace", below, 0.05*float64(d.StorageGB)*gibibyte, page),
		row("memory", "Less than 5 % of the database's memory is free", "FreeableMemory",
			below, 0.05*float64(d.MemoryMiB)*mebibyte, notify),
	}
	if d.Burstable {
		rows = append(rows,
			// A credit is a minute of a whole vCPU. Without any RDS charges for more.
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html
			row("cpu-credits", "The database has less than an hour of CPU credits left: it costs more, or take a class that does not burst",
				"CPUCreditBalance", below, 60, notify),
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
			row("io-balance", "The database has used 80 % of its burst of I/O operations: it is about to be slow", "EBSIOBalance%", below, 20, notify),
			row("byte-balance", "The database has used 80 % of its burst of I/O throughput: it is about to be slow", "EBSByteBalance%", below, 20, notify),
		)
	}
	if d.ReplicaID != nil {
		lag := row("replica-lag", "The replica is more than 30 s behind", "ReplicaLag", above, 30, notify)
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

// firewallRows are about how many requests are blocked, and how many of all.
func firewallRows(of pulumi.StringMap) []alarm {
	blocked := metric{"blocked", "AWS/WAFV2", "BlockedRequests", "Sum", of}
	const total = "(FILL(blocked, 0) + FILL(allowed, 0))"
	return []alarm{
		{
			name: "waf-blocked", description: "The firewall blocks more than 1000 requests in five minutes: an attack, or a rule that blocks users", severity: notify,
			metrics:    []metric{blocked},
			comparison: above, threshold: 1000, period: 300, datapoints: 2, periods: 3,
			missing: notBreaching, why: "there is a value only when a request is blocked",
		},
		{
			name: "waf-share", description: "The firewall blocks more than 5 % of the requests: a rule that blocks users, or an attack", severity: notify,
			metrics:    []metric{blocked, {"allowed", "AWS/WAFV2", "AllowedRequests", "Sum", of}},
			expression: fmt.Sprintf("IF(%s >= %d, 100 * FILL(blocked, 0) / %[1]s, 0)", total, 5*enough),
			comparison: above, threshold: 5, period: 300, datapoints: 2, periods: 3,
			missing: notBreaching, why: "without requests nothing is blocked",
		},
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

func (w *Watched) firewall() pulumi.StringMap {
	return pulumi.StringMap{"WebACL": pulumi.String(w.WebACL), "Rule": pulumi.String("ALL"), "Region": w.Region}
}

// cdnFirewall has no region: the metrics of a web ACL for CloudFront have none.
func (w *Watched) cdnFirewall() pulumi.StringMap {
	return pulumi.StringMap{"WebACL": pulumi.String(w.CDNWebACL), "Rule": pulumi.String("ALL")}
}
