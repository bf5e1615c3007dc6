package cloud

import (
	"slices"
	"strings"
)

// noBackups is RDS's answer where a database's own backups are needed.
const noBackups = "Automated backups are not enabled for this database instance. To enable automated backups, use " +
	"ModifyDBInstance to set the backup retention period to a non-zero value."

func backedUp(instance *Resource) bool {
	return props(instance.Outputs).num("backupRetentionPeriod", 0) > 0
}

// replicateBackups refuses to copy a database's backups to this region when
// there are none, or when they would not be readable here:
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html.
func replicateBackups(c *call) error {
	arn := c.in.str("sourceDbInstanceArn")
	source := c.first(anywhere, "rds/instance", func(r *Resource) bool { return r.Outputs["arn"] == arn })
	switch {
	case source == nil:
		return refuse("DBInstanceNotFound", "DBInstance %s not found.", arn)
	case source.Region == c.region:
		return refuse("InvalidParameterCombination", "The source Region and the destination Region of %s must be different: %s",
			arn, c.region)
	case !backedUp(source):
		return refuse("InvalidDBInstanceState", noBackups)
	case props(source.Outputs).yes("storageEncrypted") && !c.in.has("kmsKeyId"):
		// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2019
		return refuse("InvalidParameterValue", "Encrypted instances require a valid KMS key ID")
	}
	return nil
}

func checkBackupRetention(in props, property string) error {
	if days := in.num(property, 7); days < 1 || days > 35 {
		return refuse("InvalidParameterValue", "Invalid backup retention period: %v. Retention period must be between 1 and 35.",
			days)
	}
	return nil
}

// inherited are the properties that a restored database or a replica has of
// its source.
var inherited = []string{
	"engine", "engineVersion", "username", "dbName", "allocatedStorage", "storageEncrypted", "storageType", "port", "licenseModel",
}

// restore makes a new instance from the backups of another one, or its replica.
func restore(c *call) error {
	if c.old != nil {
		return nil // the source may be gone by now.
	}
	source, key, err := restoreSource(c)
	if err != nil {
		return err
	}
	if c.out["kmsKeyId"] == nil && key != "" {
		c.out["kmsKeyId"] = key
	}
	if source == nil {
		return nil
	}
	for _, name := range inherited {
		if value := source.Outputs[name]; c.out[name] == nil && value != nil {
			c.out[name] = value
		}
	}
	return nil
}

// restoreSource returns the instance that a new one is made from, if any, and
// the key that its data has in this region.
func restoreSource(c *call) (source *Resource, key string, err error) {
	point := c.in.objects("restoreToPointInTime")
	if len(point) == 0 {
		return replicaSource(c)
	}
	if arn := point[0].str("sourceDbInstanceAutomatedBackupsArn"); arn != "" {
		backup := c.find("rds/instanceAutomatedBackupsReplication", "id", arn)
		if backup == nil {
			return nil, "", refuse("DBInstanceAutomatedBackupNotFound", "DB instance automated backup %s not found", arn)
		}
		original := backup.Outputs["sourceDbInstanceArn"] // nil when it is lost, which is what the backup is for.
		source = c.first(anywhere, "rds/instance", func(r *Resource) bool { return r.Outputs["arn"] == original })
		return source, text(backup.Outputs["kmsKeyId"]), nil
	}
	by, value := "identifier", point[0].str("sourceDbInstanceIdentifier")
	if value == "" {
		by, value = "resourceId", point[0].str("sourceDbiResourceId")
	}
	if source = c.find("rds/instance", by, value); source == nil {
		return nil, "", refuse("DBInstanceNotFound", "DBInstance %s not found.", value)
	}
	if !backedUp(source) {
		return nil, "", refuse("PointInTimeRestoreNotEnabled", "SourceDBInstanceIdentifier refers to a DB instance with "+
			"BackupRetentionPeriod equal to 0.")
	}
	return source, text(source.Outputs["kmsKeyId"]), nil
}

// replicaSource is restoreSource for a read replica. Its source is named by the
// identifier in the same region and by the ARN in another one.
func replicaSource(c *call) (source *Resource, key string, err error) {
	name := c.in.str("replicateSourceDb")
	if name == "" {
		return nil, "", nil
	}
	source = c.find("rds/instance", "identifier", name)
	if source == nil {
		source = c.first(anywhere, "rds/instance", func(r *Resource) bool { return r.Outputs["arn"] == name })
	}
	switch {
	case source == nil:
		return nil, "", refuse("DBInstanceNotFound", "DBInstance %s not found.", name)
	case !backedUp(source):
		return nil, "", refuse("InvalidDBInstanceState", noBackups)
	case source.Region == c.region:
		return source, text(source.Outputs["kmsKeyId"]), nil
	case props(source.Outputs).yes("storageEncrypted") && !c.in.has("kmsKeyId"):
		// https://github.com/terraform-aws-modules/terraform-aws-rds/pull/428
		return nil, "", refuse("InvalidParameterCombination", "Cannot create a cross region unencrypted read replica from "+
			"encrypted source.")
	}
	return source, "", nil
}

func checkRestore(in props) error {
	point := in.objects("restoreToPointInTime")
	if len(point) > 0 && point[0].has("restoreTime") == (point[0].has("useLatestRestorableTime") &&
		point[0].str("useLatestRestorableTime") != "false") {
		return refuse("InvalidParameterCombination", "Exactly one of RestoreTime and UseLatestRestorableTime must be specified")
	}
	return nil
}

// placeSubscription refuses a subscription to the events of what does not exist.
func placeSubscription(c *call) error {
	if topic := c.in.str("snsTopic"); c.find("sns/topic", "arn", topic) == nil {
		return refuse("SNSTopicArnNotFound", "The SNS topic ARN does not exist: %s", topic)
	}
	kinds := map[string]string{"db-instance": "rds/instance", "db-parameter-group": "rds/parameterGroup"}
	short, property := kinds[c.in.str("sourceType")], "name"
	if short == "rds/instance" {
		property = "identifier"
	}
	for _, id := range c.in.strs("sourceIds") {
		if short != "" && c.find(short, property, id) == nil {
			return refuse("SourceNotFound", "The requested source could not be found: %s %s", c.in.str("sourceType"), id)
		}
	}
	return nil
}

var sourceTypes = []string{
	"", "db-instance", "db-security-group", "db-parameter-group", "db-snapshot", "db-cluster", "db-cluster-snapshot", "db-proxy",
	"custom-engine-version", "blue-green-deployment",
}

func checkSubscriptionSources(in props) error {
	if in.has("sourceIds") && !in.has("sourceType") {
		return refuse("InvalidParameterCombination", "SourceType must be provided when SourceIds are: %s",
			strings.Join(in.strs("sourceIds"), ", "))
	}
	if kind := in.str("sourceType"); !slices.Contains(sourceTypes, kind) {
		return refuse("InvalidParameterValue", "Invalid source type: %s", kind)
	}
	return nil
}
