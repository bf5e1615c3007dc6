package observability

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// current is the database that is in use.
func (w *Watched) current() *Database { return &w.Databases[len(w.Databases)-1] }

// recoveryTable is about what a disaster would find: backups, and copies elsewhere.
func (w *Watched) recoveryTable() []alarm {
	var rows []alarm
	if w.BackupVault != nil {
		rows = append(rows, alarm{
			name: "backup", description: "No backup was completed for 26 hours", severity: page,
			metrics: []metric{
				{"completed", "AWS/Backup", "NumberOfBackupJobsCompleted", "Sum", pulumi.StringMap{"BackupVaultName": w.BackupVault}},
				{"cpu", "AWS/RDS", "CPUUtilization", "Average", w.current().dimensions()},
			},
			// An hour counts when there was a database to back up: a new one has a day for
			// its first backup. The daily backup may take two hours longer than the one before.
			expression: "IF(cpu >= 0, FILL(completed, 0), 1)",
			comparison: below, threshold: 1, period: 3600, datapoints: 26, periods: 27,
			missing: notBreaching, why: "there was no database to back up, and database-cpu tells when it is silent",
		})
	}
	if len(w.Colors) > 0 {
		rows = append(rows, w.restorableRow())
	}
	if w.Objects != nil {
		rows = append(rows, alarm{
			name: "objects-replication", description: "An object could not be copied to the second region", severity: page,
			metrics:    []metric{w.Objects.metric("OperationsFailedReplication", "Sum")},
			comparison: above, threshold: 0, period: 300, datapoints: 1, periods: 1,
			missing: notBreaching, why: "there is a value only while objects are copied",
		})
	}
	for _, e := range w.events() {
		rows = append(rows, alarm{
			name: e.name, description: e.description, severity: page,
			metrics:    []metric{{"events", "AWS/Events", "TriggeredRules", "Sum", pulumi.StringMap{"RuleName": pulumi.String(w.ruleName(e))}}},
			comparison: above, threshold: 0, period: 300, datapoints: 1, periods: 1,
			missing: notBreaching, why: "there is a value only when the event comes",
		})
	}
	return rows
}

// metric is one of the replication's. What failed is told in the region of the source,
// how far the copies are behind in the other one, where no alarm of the platform can be.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
func (r *Replication) metric(name, statistic string) metric {
	return metric{"objects", "AWS/S3", name, statistic, pulumi.StringMap{
		"SourceBucket": r.Source, "DestinationBucket": r.Destination, "RuleId": pulumi.String(r.Rule),
	}}
}

// restorableMetric is how long ago, in seconds, the newest backup was taken that a
// restore can reach: the servers ask the database, since RDS has no such metric.
const restorableMetric = "DatabaseRestorableAge"

func restorable(color string) metric {
	return metric{identifier(color), namespace, restorableMetric, "Maximum", pulumi.StringMap{
		"Service": pulumi.String(server), "Color": pulumi.String(color),
	}}
}

// restorableRow takes the colour whose servers see the oldest one.
func (w *Watched) restorableRow() alarm {
	row := alarm{
		name: "database-restorable", description: "The newest state that the database can be restored to is older than the RPO of an hour", severity: page,
		comparison: above, threshold: rpo, period: 60, datapoints: 5, periods: 10,
		missing: notBreaching, why: "the servers that tell it have alarms of their own",
	}
	for _, color := range w.Colors {
		m := restorable(color)
		row.metrics = append(row.metrics, m)
		age := fmt.Sprintf("FILL(%s, 0)", m.id)
		if row.expression == "" {
			row.expression = age
		} else {
			row.expression = fmt.Sprintf("IF(%s > %s, %[1]s, %[2]s)", age, row.expression)
		}
	}
	return row
}

// event is a row of what AWS tells by an event and not by a metric: its rule's own
// metric is the alarm's, and who wants the text is subscribed to the topic of events.
type event struct {
	name, description string
	pattern           map[string]any
}

func (w *Watched) events() (rows []event) {
	if w.BackupVault != nil {
		// https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
		rows = append(rows,
			event{"backups-copy", "A monthly backup was not copied to the second region", map[string]any{
				"source": []string{"aws.backup"}, "detail-type": []string{"Copy Job State Change"},
				"detail": map[string]any{"state": []string{"FAILED", "ABORTED"}},
			}},
			// https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-validation.html
			event{"restore-test", "A restore failed, the weekly test's perhaps, or what it restored is not right", map[string]any{
				"source": []string{"aws.backup"}, "detail-type": []string{"Restore Job State Change"},
				"detail": map[string]any{"$or": []any{
					map[string]any{"status": []string{"FAILED", "ABORTED"}},
					map[string]any{"validationStatus": []string{"FAILED", "TIMED_OUT"}},
				}},
			}})
	}
	if w.Repository != "" {
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
		rows = append(rows, event{"images-replication", "An image was not copied to the second region", map[string]any{
			"source": []string{"aws.ecr"}, "detail-type": []string{"ECR Replication Action"},
			"detail": map[string]any{
				"repository-name": []string{w.Repository}, "result": []any{map[string]any{"anything-but": []string{"SUCCESS"}}},
			},
		}})
	}
	return rows
}

func (w *Watched) ruleName(e event) string {
	return strings.TrimSuffix(w.info().Alarm(""), "-") + "-" + e.name
}
