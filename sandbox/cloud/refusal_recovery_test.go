package cloud

import "testing"

func TestRefusesInBackups(t *testing.T) {
	t.Parallel()
	plan := func(rule in) func(s *stack) error {
		return creating("backup/plan", func(s *stack) in {
			s.create("backup/vault", "daily", in{"name": "daily"})
			return backupPlan(rule)
		})
	}
	lock := func(settings in) func(s *stack) error {
		return creating("backup/vaultLockConfiguration", func(s *stack) in {
			s.create("backup/vault", "daily", in{"name": "daily"})
			return in{"backupVaultName": "daily"}.with(settings)
		})
	}
	// copied replicates the backups of a database in the test region.
	copied := func(to string, source in, more in) func(s *stack) error {
		return func(s *stack) error {
			arn := s.backedUp("source", source).out["arn"]
			_, err := s.in(to, nil).try("rds/instanceAutomatedBackupsReplication", "x", in{"sourceDbInstanceArn": arn}.with(more))
			return err
		}
	}
	restored := func(from in) func(s *stack) error {
		return creating("rds/instance", func(s *stack) in {
			s.backedUp("source", in{"backupRetentionPeriod": 0})
			return in{"identifier": "restored", "instanceClass": "db.t4g.medium"}.with(from)
		})
	}
	point := func(from in) func(s *stack) error {
		return restored(in{"restoreToPointInTime": in{"useLatestRestorableTime": true}.with(from)})
	}
	replica := func(to string, primary in) func(s *stack) error {
		return func(s *stack) error {
			arn := s.create("kms/key", "primary", primary).out["arn"]
			_, err := s.in(to, nil).try("kms/replicaKey", "x", in{"primaryKeyArn": arn})
			return err
		}
	}
	events := func(inputs in) func(s *stack) error {
		return creating("rds/eventSubscription", func(s *stack) in {
			return in{"snsTopic": s.create("sns/topic", "t", in{}).id}.with(inputs)
		})
	}
	refusals(t, map[string]refusal{
		"vault name taken": {
			func(s *stack) error {
				s.create("backup/vault", "v", in{"name": "daily"})
				_, err := s.try("backup/vault", "v2", in{"name": "daily"})
				return err
			},
			"AlreadyExistsException: Backup vault with the same name already exists",
		},
		"vault with a wrong name": {
			creating("backup/vault", func(*stack) in { return in{"name": "a b"} }), "The backup vault name a b is not valid",
		},
		"vault with a key of another region": {
			func(s *stack) error {
				key := s.create("kms/key", "k", in{})
				_, err := s.in(otherRegion, nil).try("backup/vault", "v", in{"kmsKeyArn": key.out["arn"]})
				return err
			},
			"NotFoundException: Key 'arn:aws:kms:eu-west-1:",
		},
		"deleting a vault with backups": {
			func(s *stack) error {
				vault := s.create("backup/vault", "v", in{"name": "daily"})
				if err := s.cloud.Drift("backup/vault", "daily", "recoveryPoints", "3"); err != nil {
					return err
				}
				return s.delete(vault)
			},
			"InvalidRequestException: Backup vault cannot be deleted because it contains recovery points.",
		},
		"lock that cannot be changed soon": {
			lock(in{"changeableForDays": 1}), "expected changeable_for_days to be at least (3), got 1",
		},
		"lock with a minimum above its maximum": {
			lock(in{"minRetentionDays": 30, "maxRetentionDays": 7}), "MinRetentionDays 30 must not be greater than MaxRetentionDays 7",
		},
		"lock of no vault": {
			creating("backup/vaultLockConfiguration", func(*stack) in { return in{"backupVaultName": "none"} }),
			"ResourceNotFoundException: Backup vault none does not exist",
		},
		"plan for no vault": {plan(in{"targetVaultName": "none"}), "Backup vault none does not exist"},
		"plan that copies to no vault": {
			plan(in{"copyActions": []any{in{"destinationVaultArn": "arn:aws:backup:eu-central-1:000000000000:backup-vault:none"}}}),
			"Backup vault arn:aws:backup:eu-central-1:000000000000:backup-vault:none does not exist",
		},
		"plan with a cron expression of Unix": {
			plan(in{"schedule": "0 5 * * *"}), "Error in rule daily : Invalid schedule expression 0 5 * * *",
		},
		"plan with too little time in cold storage": {
			plan(in{"lifecycle": in{"coldStorageAfter": 30, "deleteAfter": 60}}),
			"Invalid lifecycle. DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays",
		},
		"continuous plan in cold storage": {
			plan(in{"enableContinuousBackup": true, "lifecycle": in{"coldStorageAfter": 30, "deleteAfter": 365}}),
			"MoveToColdStorageAfterDays is unavailable",
		},
		"continuous plan that keeps too long": {
			plan(in{"enableContinuousBackup": true, "lifecycle": in{"deleteAfter": 90}}), "cannot be more than 35 days",
		},
		"plan that keeps nothing": {plan(in{"lifecycle": in{"deleteAfter": 0}}), "cannot be less than 1 or more than 36500 days"},
		"selection without role": {
			creating("backup/selection", func(s *stack) in {
				s.create("backup/vault", "daily", in{"name": "daily"})
				plan := s.create("backup/plan", "p", backupPlan(in{}))
				return in{"name": "s", "planId": plan.id, "iamRoleArn": "arn:aws:iam::000000000000:role/none"}
			}),
			"NoSuchEntity",
		},
		"deleting a plan with a selection": {
			deleting(func(s *stack) made {
				s.create("backup/vault", "daily", in{"name": "daily"})
				plan := s.create("backup/plan", "p", backupPlan(in{}))
				s.create("backup/selection", "s", in{"name": "s", "planId": plan.id, "iamRoleArn": s.role.out["arn"]})
				return plan
			}),
			"Related backup plan selections must be deleted prior to backup plan deletion.",
		},
		"backups copied to their own region": {copied(testRegion, in{}, in{}), "must be different: eu-west-1"},
		"copy of backups that are off": {
			copied(otherRegion, in{"backupRetentionPeriod": 0}, in{}),
			"InvalidDBInstanceState: Automated backups are not enabled for this database instance.",
		},
		"copy of encrypted backups without key": {
			copied(otherRegion, in{"storageEncrypted": true}, in{}), "Encrypted instances require a valid KMS key ID",
		},
		"copy kept too long": {copied(otherRegion, in{}, in{"retentionPeriod": 36}), "Retention period must be between 1 and 35."},
		"copy of no database": {
			creating("rds/instanceAutomatedBackupsReplication", func(*stack) in {
				return in{"sourceDbInstanceArn": "arn:aws:rds:eu-central-1:000000000000:db:none"}
			}),
			"DBInstanceNotFound: DBInstance arn:aws:rds:eu-central-1:000000000000:db:none not found.",
		},
		"backups copied twice": {
			func(s *stack) error {
				far, inputs := s.in(otherRegion, nil), in{"sourceDbInstanceArn": s.backedUp("source", in{}).out["arn"]}
				far.create("rds/instanceAutomatedBackupsReplication", "x", inputs)
				_, err := far.try("rds/instanceAutomatedBackupsReplication", "y", inputs)
				return err
			},
			"is already replicating to the current region",
		},
		"restore of no database": {point(in{"sourceDbInstanceIdentifier": "none"}), "DBInstanceNotFound: DBInstance none not found."},
		"restore without backups": {
			point(in{"sourceDbInstanceIdentifier": "source"}),
			"PointInTimeRestoreNotEnabled: SourceDBInstanceIdentifier refers to a DB instance with BackupRetentionPeriod equal to 0.",
		},
		"restore of no copy": {
			point(in{"sourceDbInstanceAutomatedBackupsArn": "arn:none"}), "DBInstanceAutomatedBackupNotFound",
		},
		"restore to no time": {
			point(in{"sourceDbInstanceIdentifier": "source", "useLatestRestorableTime": nil}),
			"Exactly one of RestoreTime and UseLatestRestorableTime must be specified",
		},
		"replica of a database without backups": {
			restored(in{"replicateSourceDb": "source"}), "Automated backups are not enabled for this database instance.",
		},
		"replica of no database": {restored(in{"replicateSourceDb": "none"}), "DBInstanceNotFound: DBInstance none not found."},
		"replica in another region without key": {
			func(s *stack) error {
				source := s.backedUp("source", in{"storageEncrypted": true})
				_, err := s.in(otherRegion, nil).try("rds/instance", "r", in{
					"instanceClass": "db.t4g.medium", "replicateSourceDb": source.out["arn"],
				})
				return err
			},
			"Cannot create a cross region unencrypted read replica from encrypted source.",
		},
		"events to no topic": {events(in{"snsTopic": "arn:aws:sns:eu-west-1:000000000000:none"}), "SNSTopicArnNotFound"},
		"events of no database": {
			events(in{"sourceType": "db-instance", "sourceIds": []string{"none"}}), "SourceNotFound: The requested source could not be found",
		},
		"events without source type":  {events(in{"sourceIds": []string{"x"}}), "SourceType must be provided when SourceIds are: x"},
		"events of an unknown source": {events(in{"sourceType": "table"}), "Invalid source type: table"},
		"replica of a key of one region": {
			replica(otherRegion, in{}), "is not a multi-Region primary key",
		},
		"replica of a key in its own region": {
			replica(testRegion, in{"multiRegion": true}), "a replica must be in another Region",
		},
		"second replica of a key": {
			func(s *stack) error {
				arn, far := s.create("kms/key", "k", in{"multiRegion": true}).out["arn"], s.in(otherRegion, nil)
				far.create("kms/replicaKey", "x", in{"primaryKeyArn": arn})
				_, err := far.try("kms/replicaKey", "y", in{"primaryKeyArn": arn})
				return err
			},
			"AlreadyExistsException: Key 'mrk-",
		},
		"images replicated to their own region": {
			creating("ecr/replicationConfiguration", func(s *stack) in { return s.imagesTo(testRegion) }),
			"Replication destination cannot be the same as the source registry",
		},
	})
}

func TestRefusesInReplication(t *testing.T) {
	t.Parallel()
	buckets := func(s *stack, versions ...string) {
		for _, name := range []string{"source", "target"} {
			s.create("s3/bucketV2", name, in{"bucket": name})
		}
		for _, name := range versions {
			s.create("s3/bucketVersioningV2", name, in{"bucket": name, "versioningConfiguration": in{"status": "Enabled"}})
		}
	}
	replicating := func(rule in, versions ...string) func(s *stack) error {
		return creating("s3/bucketReplicationConfig", func(s *stack) in {
			buckets(s, versions...)
			inputs := s.replication("source", "target")
			inputs["rules"] = []any{inputs["rules"].([]any)[0].(in).with(rule)}
			return inputs
		})
	}
	suspend := in{"bucket": "source", "versioningConfiguration": in{"status": "Suspended"}}
	ageing := func(rules ...any) func(s *stack) error {
		return creating("s3/bucketLifecycleConfigurationV2", func(s *stack) in {
			buckets(s)
			return in{"bucket": "source", "rules": rules}
		})
	}
	infrequent := func(days int, more in) in {
		return in{"id": "a", "status": "Enabled", "transitions": []any{in{"days": days, "storageClass": "STANDARD_IA"}}}.with(more)
	}
	refusals(t, map[string]refusal{
		"from a bucket without versions": {
			replicating(in{}, "target"),
			"InvalidRequest: Versioning must be 'Enabled' on the bucket to apply a replication configuration",
		},
		"to a bucket without versions": {
			replicating(in{}, "source"), "InvalidRequest: Destination bucket must have versioning enabled.",
		},
		"to no bucket": {
			replicating(in{"destination": in{"bucket": "arn:aws:s3:::none"}}, "source"), "InvalidRequest: Destination bucket must exist.",
		},
		"filter that says nothing of deletions": {
			replicating(in{"filter": in{"prefix": "x"}}, "source", "target"), "DeleteMarkerReplication must be specified",
		},
		"encrypted objects without key": {
			replicating(in{"sourceSelectionCriteria": in{"sseKmsEncryptedObjects": in{"status": "Enabled"}}}, "source", "target"),
			"ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
		},
		"status that does not exist": {
			replicating(in{"status": "On"}, "source", "target"), "expected status to be one of [Enabled Disabled], got On",
		},
		"versions suspended under replication": {
			func(s *stack) error {
				buckets(s, "target")
				versions := s.create("s3/bucketVersioningV2", "v", suspend.with(in{"versioningConfiguration": in{"status": "Enabled"}}))
				s.create("s3/bucketReplicationConfig", "r", s.replication("source", "target"))
				_, err := s.tryUpdate(versions, suspend)
				return err
			},
			"InvalidBucketState: A replication configuration is present on this bucket",
		},
		"versions suspended under object lock": {
			creating("s3/bucketVersioningV2", func(s *stack) in {
				s.create("s3/bucketV2", "source", in{"bucket": "source", "objectLockEnabled": true})
				return suspend
			}),
			"InvalidBucketState: An Object Lock configuration is present on this bucket",
		},
		"infrequent access too early": {
			ageing(infrequent(7, in{})),
			"'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
		},
		"expiry before transition": {
			ageing(infrequent(60, in{"expiration": in{"days": 30}})),
			"'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action",
		},
		"one id for two rules": {ageing(infrequent(30, in{}), infrequent(60, in{})), "Rule ID must be unique."},
	})
}
