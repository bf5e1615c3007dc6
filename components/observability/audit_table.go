package observability

// auditRow is a row of what the audit trail's log is read for.
type auditRow struct {
	filter
	description string
	severity    severity
	// threshold is how many in five minutes are not told.
	threshold float64
}

// auditRows are some of what the CIS AWS Foundations Benchmark monitors.
// https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
var auditRows = []auditRow{
	{
		filter{name: "root-login", metric: "RootLogins", pattern: `{ $.eventName = "ConsoleLogin" && $.userIdentity.type = "Root" }`},
		"Somebody logged in as root", page, 0,
	},
	{
		filter{name: "unauthorized-calls", metric: "UnauthorizedCalls", pattern: `{ $.errorCode = "*UnauthorizedOperation" || $.errorCode = "AccessDenied*" }`},
		"More than 20 calls in five minutes were refused: somebody tries what he may not, or a role lacks a permission", notify, 20,
	},
	{
		filter{name: "key-deletion", metric: "KeyDeletions", pattern: `{ $.eventSource = "kms.amazonaws.com" && ($.eventName = "DisableKey" || $.eventName = "ScheduleKeyDeletion") }`},
		"A key was disabled, or will be deleted: what it encrypts will be lost", page, 0,
	},
	{
		filter{name: "trail-changed", metric: "TrailChanges", pattern: `{ $.eventSource = "cloudtrail.amazonaws.com" && ($.eventName = "StopLogging" || $.eventName = "DeleteTrail" || $.eventName = "UpdateTrail" || $.eventName = "PutEventSelectors") }`},
		"The audit trail was changed or stopped", page, 0,
	},
	{
		filter{name: "replication-stopped", metric: "ReplicationsStopped", pattern: `{ $.eventName = "StopDBInstanceAutomatedBackupsReplication" || $.eventName = "DeleteDBInstanceAutomatedBackup" || $.eventName = "DeleteBucketReplication" || $.eventName = "DeleteRecoveryPoint" }`},
		"Somebody stopped a copy to the second region, or deleted a backup", page, 0,
	},
}

// auditFilters are those of the rows.
var auditFilters = func() (list []filter) {
	for _, r := range auditRows {
		list = append(list, r.filter)
	}
	return list
}()

func auditTable() (rows []alarm) {
	for _, r := range auditRows {
		rows = append(rows, alarm{
			name: r.name, description: r.description, severity: r.severity,
			metrics:    []metric{{"events", namespace, r.metric, "Sum", nil}},
			comparison: above, threshold: r.threshold, period: 300, datapoints: 1, periods: 1,
			missing: notBreaching, why: "there is a value only when the trail has such an event",
		})
	}
	return rows
}
