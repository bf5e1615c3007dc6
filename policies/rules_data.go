package policies

import "slices"

var bucketRules = slices.Concat(
	of(types("s3/bucketV2"), []row{
		{
			"s3-public-access-blocked", "S3.8", "A bucket blocks public access", "a BucketPublicAccessBlock with all four true",
			has(aws("s3/bucketPublicAccessBlock"), "bucket", is("blockPublicAcls", true), is("blockPublicPolicy", true),
				is("ignorePublicAcls", true), is("restrictPublicBuckets", true)),
		},
		{
			"s3-tls-only", "S3.5", "A bucket refuses requests without TLS", "a BucketPolicy with policy.TLSOnly",
			has(aws("s3/bucketPolicy"), "bucket", documents("policy", tlsOnly)),
		},
		{
			"s3-encrypted", "", "A bucket names its encryption", "a BucketServerSideEncryptionConfigurationV2",
			has(aws("s3/bucketServerSideEncryptionConfigurationV2"), "bucket",
				is("rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "aws:kms", "aws:kms:dsse", "AES256")),
		},
		{
			"s3-no-acls", "S3.12", "A bucket has no access control lists", "BucketOwnershipControls with objectOwnership BucketOwnerEnforced",
			has(aws("s3/bucketOwnershipControls"), "bucket", is("rule.objectOwnership", "BucketOwnerEnforced")),
		},
		{
			"s3-versioned", "S3.14", "A bucket keeps versions", "a BucketVersioningV2 with status Enabled",
			has(aws("s3/bucketVersioningV2"), "bucket", is("versioningConfiguration.status", "Enabled")),
		},
		{
			"s3-lifecycle", "S3.13", "A bucket has a lifecycle", "a BucketLifecycleConfigurationV2",
			has(aws("s3/bucketLifecycleConfigurationV2"), "bucket", some("rules", "enabled rule", is("status", "Enabled"))),
		},
		{
			"s3-access-logged", "S3.9", "Access to a bucket is logged, unless it takes logs or copies", "a BucketLoggingV2",
			say("has no BucketLoggingV2", either(has(aws("s3/bucketLoggingV2"), "bucket"), has(aws("s3/bucketLoggingV2"), "targetBucket"), has(aws("s3/bucketReplicationConfig"), "rules"),
				has(aws("lb/loadBalancer"), "accessLogs"), has(aws("cloudfront/distribution"), "loggingConfig"))),
		},
		{"s3-no-force-destroy", "", "A bucket with objects cannot be destroyed", "forceDestroy: false", not("forceDestroy", true)},
	}...),
	of(types("s3/bucketPolicy"), []row{
		{
			"s3-policy-not-public", "S3.2", "A bucket's policy lets nobody in from everywhere", "a principal, or a condition on aws:SourceArn",
			statements("policy", anyone),
		},
		{
			"s3-policy-services-scoped", "", "A service may use a bucket for this account only", "a condition on aws:SourceArn or aws:SourceAccount",
			statements("policy", anyCaller),
		},
	}...),
	of(types("s3/bucketLifecycleConfigurationV2"), row{
		"s3-uploads-aborted", "", "Unfinished uploads are removed", "abortIncompleteMultipartUpload",
		some("rules", "abortIncompleteMultipartUpload", present("abortIncompleteMultipartUpload.daysAfterInitiation")),
	}),
)

var keyRules = of(types("kms/key"), []row{
	{"kms-rotated", "KMS.4", "A key rotates", "enableKeyRotation: true", is("enableKeyRotation", true)},
	{
		"kms-deletion-window", "", "A deleted key can be had back for two weeks", "deletionWindowInDays: 30",
		when(present("deletionWindowInDays"), atLeast("deletionWindowInDays", 14)),
	},
	{
		"kms-not-public", "KMS.5", "A key's policy lets nobody in from everywhere", "a principal, or a condition on kms:CallerAccount",
		statements("policy", anyone),
	},
}...)

// fresh is a database that has its key and its user from nowhere else.
var fresh = all(is("restoreToPointInTime", nil), is("snapshotIdentifier", nil), is("replicateSourceDb", nil))

var databaseRules = slices.Concat(
	of(types("rds/instance"), []row{
		{"rds-not-public", "RDS.2", "A database has no public address", "publiclyAccessible: false", not("publiclyAccessible", true)},
		{"rds-encrypted", "RDS.3", "A database is encrypted", "storageEncrypted: true", is("storageEncrypted", true)},
		{"rds-own-key", "", "A database is encrypted with a key of the account", "kmsKeyId", when(fresh, present("kmsKeyId"))},
		{
			"rds-key-kept", "", "The key of a database survives the stack", "pulumi.RetainOnDelete on the key",
			when(present("kmsKeyId"), target("kmsKeyId", aws("kms/key"), kept)),
		},
		{"rds-multi-az", "RDS.5", "A database has a standby in another zone", "multiAz: true", is("multiAz", true)},
		{"rds-monitored", "RDS.6", "A database's system is monitored", "monitoringInterval: 60", atLeast("monitoringInterval", 1)},
		{"rds-deletion-protected", "RDS.8", "A database cannot be deleted", "deletionProtection: true", is("deletionProtection", true)},
		{
			"rds-final-snapshot", "", "A deleted database leaves a snapshot", "skipFinalSnapshot: false, finalSnapshotIdentifier",
			all(not("skipFinalSnapshot", true), present("finalSnapshotIdentifier")),
		},
		{"rds-iam-login", "RDS.10", "Programs log in with IAM", "iamDatabaseAuthenticationEnabled: true", is("iamDatabaseAuthenticationEnabled", true)},
		{"rds-backups", "RDS.11", "A database's backups are kept for a week", "backupRetentionPeriod: 7 or more", atLeast("backupRetentionPeriod", 7)},
		{"rds-backup-plan", "RDS.26", "A database is in a backup plan", "a backup Selection with its ARN", has(aws("backup/selection"), "resources")},
		{"rds-minor-upgrades", "RDS.13", "Minor versions are installed", "autoMinorVersionUpgrade: true", not("autoMinorVersionUpgrade", false)},
		{"rds-tags-copied", "RDS.17", "Snapshots have the tags", "copyTagsToSnapshot: true", is("copyTagsToSnapshot", true)},
		{"rds-admin-name", "RDS.25", "The master user has a name of its own", "another username", when(fresh, not("username", nil, "admin", "postgres", "root"))},
		{
			"rds-managed-password", "", "RDS keeps and rotates the master password", "manageMasterUserPassword: true, no password",
			all(is("manageMasterUserPassword", true), say("password is set", is("password", nil))),
		},
		{
			"rds-logs-exported", "RDS.36", "A database's log goes to CloudWatch", `enabledCloudwatchLogsExports with "postgresql"`,
			contains("enabledCloudwatchLogsExports", "postgresql"),
		},
		{
			"rds-insights", "", "Slow queries can be found, encrypted with a key of the account", "performanceInsightsEnabled: true, performanceInsightsKmsKeyId",
			all(is("performanceInsightsEnabled", true), present("performanceInsightsKmsKeyId")),
		},
		{
			"rds-private-subnets", "RDS.46", "A database's subnets have no route to the internet", "a SubnetGroup of isolated subnets",
			target("dbSubnetGroupName", aws("rds/subnetGroup"), target("subnetIds", aws("ec2/subnet"), unreachable)),
		},
	}...),
	of(types("rds/parameterGroup"), row{
		"rds-tls-only", "RDS.38", "A database refuses connections without TLS", "parameter rds.force_ssl: 1",
		some("parameters", "rds.force_ssl: 1", is("name", "rds.force_ssl"), is("value", "1")),
	}),
	of(types("rds/eventSubscription"), row{
		"rds-events", "RDS.20", "The critical events of a database are told", "eventCategories maintenance, configuration change, failure",
		when(all(is("sourceType", "db-instance"), present("eventCategories")),
			contains("eventCategories", "maintenance", "configuration change", "failure")),
	}),
)

var backupRules = slices.Concat(
	of(types("backup/vault"), []row{
		{"backup-encrypted", "Backup.1", "Backups are encrypted with a key of the account", "kmsKeyArn", present("kmsKeyArn")},
		{"backup-key-kept", "", "The key of backups survives the stack", "pulumi.RetainOnDelete on the key", target("kmsKeyArn", aws("kms/key"), kept)},
		{
			"backup-locked", "", "Backups cannot be deleted before their time", "a VaultLockConfiguration with minRetentionDays",
			has(aws("backup/vaultLockConfiguration"), "backupVaultName", atLeast("minRetentionDays", 1)),
		},
		{"backup-no-force-destroy", "", "A vault with backups cannot be destroyed", "forceDestroy: false", not("forceDestroy", true)},
	}...),
	of(types("backup/plan"), row{
		"backup-kept", "", "Each backup is kept for 35 days", "rules[].lifecycle.deleteAfter: 35 or more",
		each("rules", atLeast("lifecycle.deleteAfter", 35)),
	}),
)

var registryRules = of(types("ecr/repository"), []row{
	{"ecr-scanned", "ECR.1", "Images are scanned when they are pushed", "imageScanningConfiguration.scanOnPush: true", is("imageScanningConfiguration.scanOnPush", true)},
	{"ecr-immutable", "ECR.2", "A tag stays on its image", "imageTagMutability: IMMUTABLE", is("imageTagMutability", "IMMUTABLE")},
	{"ecr-lifecycle", "ECR.3", "Old images are removed", "a LifecyclePolicy", has(aws("ecr/lifecyclePolicy"), "repository")},
	{
		"ecr-own-key", "ECR.5", "Images are encrypted with a key of the account", "encryptionConfigurations with type KMS and kmsKey",
		all(is("encryptionConfigurations.0.encryptionType", "KMS"), present("encryptionConfigurations.0.kmsKey")),
	},
	{"ecr-no-force-delete", "", "A repository with images cannot be destroyed", "forceDelete: false", not("forceDelete", true)},
}...)

var secretRules = slices.Concat(
	of(types("secretsmanager/secret"), []row{
		{"secrets-own-key", "", "A secret is encrypted with a key of the account", "kmsKeyId", present("kmsKeyId")},
		{
			"secrets-recoverable", "", "A deleted secret can be had back for a week", "recoveryWindowInDays: 7 or more",
			when(present("recoveryWindowInDays"), atLeast("recoveryWindowInDays", 7)),
		},
		{
			"secrets-policy", "", "A secret's policy cannot make it public", "a SecretPolicy with blockPublicPolicy: true",
			has(aws("secretsmanager/secretPolicy"), "secretArn", is("blockPublicPolicy", true)),
		},
	}...),
	of(types("ssm/parameter"), []row{
		{
			"ssm-own-key", "", "A secret parameter is encrypted with a key of the account", "keyId",
			when(is("type", "SecureString"), present("keyId")),
		},
		{"ssm-no-plain-secret", "", "A parameter with a secret is a SecureString", "type: SecureString", when(not("type", "SecureString"), plainSecret)},
	}...),
)

var logRules = slices.Concat(
	of(types("cloudwatch/logGroup"), []row{
		{"logs-kept", "CloudWatch.16", "Logs are kept for 30 days, and not for ever", "retentionInDays: 30 or more", atLeast("retentionInDays", 30)},
		{"logs-own-key", "", "Logs are encrypted with a key of the account", "kmsKeyId", present("kmsKeyId")},
	}...),
	of(types("cloudtrail/trail"), []row{
		{
			"trail-everywhere", "CloudTrail.1", "The trail is on, in all regions, for reads and writes",
			"isMultiRegionTrail: true, an event selector of management events, readWriteType All",
			all(is("isMultiRegionTrail", true), not("enableLogging", false), not("includeGlobalServiceEvents", false),
				either(is("eventSelectors", nil), some("eventSelectors", "selector of all management events",
					not("includeManagementEvents", false), is("readWriteType", nil, "All")))),
		},
		{"trail-own-key", "CloudTrail.2", "The trail is encrypted with a key of the account", "kmsKeyId", present("kmsKeyId")},
		{"trail-validated", "CloudTrail.4", "A changed file of the trail is found", "enableLogFileValidation: true", is("enableLogFileValidation", true)},
		{
			"trail-tamper-proof", "", "The trail's files cannot be deleted, or are in CloudWatch too", "a bucket with objectLockEnabled, or cloudWatchLogsGroupArn",
			either(present("cloudWatchLogsGroupArn"), target("s3BucketName", aws("s3/bucketV2"), is("objectLockEnabled", true))),
		},
	}...),
)

var topicRules = of(types("sns/topic"), []row{
	{"sns-encrypted", "SNS.1", "Messages are encrypted", "kmsMasterKeyId", present("kmsMasterKeyId")},
	{
		"sns-not-public", "SNS.4", "A topic's policy lets nobody in from everywhere", "a TopicPolicy whose statements name principals",
		has(aws("sns/topicPolicy"), "arn", statements("policy", anyone)),
	},
}...)
