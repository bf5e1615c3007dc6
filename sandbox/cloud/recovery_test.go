package cloud

import (
	"slices"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

const (
	otherRegion = "eu-central-1"
	trailPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":` +
		`"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"*"}]}`
	publicPolicy = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
)

// trial is a list of resources that were made, and of the worlds they are in.
type trial struct {
	*stack
	worlds []*world
	made   []made
}

// make makes a resource and reads it back. The pattern is that of its id.
func (r *trial) make(w *world, short, id string, inputs in) made {
	r.Helper()
	m := w.create(short, "recovery", inputs)
	read, found := w.read(m)
	require.True(r, found, short)
	require.Equal(r, m.out, read.out, short)
	require.Equal(r, pulumirpc.DiffResponse_DIFF_NONE, w.diff(read, in(read.in)).GetChanges(), short)
	require.Regexp(r, "^"+id+"$", m.id, short)
	r.worlds, r.made = append(r.worlds, w), append(r.made, m)
	return m
}

// undo deletes what was made, the last first.
func (r *trial) undo() {
	r.Helper()
	for i, m := range slices.Backward(r.made) {
		require.NoError(r, r.worlds[i].delete(m), m.short)
		_, found := r.worlds[i].read(m)
		require.False(r, found, m.short)
	}
}

const (
	uuidPattern = `[0-9a-f-]{36}`
	inRegion    = ":" + testRegion + ":" + Account + ":"
)

// recovery makes what watches a deployment, and what brings it back.
func (s *stack) recovery(key made) *trial {
	r, far := &trial{stack: s}, s.in(otherRegion, nil)
	r.copies(far, key)
	r.watches()

	s.create("ecr/replicationConfiguration", "images", s.imagesTo(otherRegion))
	r.make(s.world, "lb/listenerRule", "arn:aws:elasticloadbalancing"+inRegion+"listener-rule/app/codeflow-blue/[0-9a-f]{16}/"+
		"[0-9a-f]{16}/[0-9a-f]{16}", s.ruleIn(10))
	next := s.create("lb/listenerRule", "next", s.ruleIn(nil))
	require.Equal(s, 11.0, next.out["priority"])

	secret := s.create("secretsmanager/secret", "rotated", in{})
	arn := "arn:aws:secretsmanager" + inRegion + "secret:rotated-.*"
	r.make(s.world, "secretsmanager/secretPolicy", arn, in{"secretArn": secret.id, "policy": trustECS, "blockPublicPolicy": true})
	r.make(s.world, "secretsmanager/secretRotation", arn, s.rotation(secret, 30))
	return r
}

func (r *trial) copies(far *world, key made) {
	primary := r.make(r.world, "kms/key", "mrk-[0-9a-f]{32}", in{"multiRegion": true})
	replica := r.make(far, "kms/replicaKey", primary.id, in{"primaryKeyArn": primary.out["arn"]})
	require.Equal(r, "arn:aws:kms:eu-central-1:000000000000:key/"+primary.id, replica.out["arn"])
	alias := r.make(far, "kms/alias", "alias/copy", in{"name": "alias/copy", "targetKeyId": replica.id})
	require.Equal(r, replica.out["arn"], alias.out["targetKeyArn"])

	here := r.make(r.world, "backup/vault", "daily", in{"name": "daily", "kmsKeyArn": key.out["arn"]})
	there := r.make(far, "backup/vault", "daily", in{"name": "daily", "kmsKeyArn": replica.out["arn"]})
	r.make(r.world, "backup/vaultLockConfiguration", "daily", in{
		"backupVaultName": here.id, "changeableForDays": 3, "minRetentionDays": 7, "maxRetentionDays": 35,
	})
	plan := r.make(r.world, "backup/plan", uuidPattern, backupPlan(in{
		"copyActions": []any{in{"destinationVaultArn": there.out["arn"], "lifecycle": in{"deleteAfter": 35}}},
	}))
	r.make(r.world, "backup/selection", uuidPattern, in{
		"name": "database", "planId": plan.id, "iamRoleArn": r.role.out["arn"], "resources": []string{"*"},
	})
	topic := r.make(r.world, "sns/topic", ".*", in{"name": "backups"})
	r.make(r.world, "backup/vaultNotifications", "daily", in{
		"backupVaultName": here.id, "snsTopicArn": topic.out["arn"], "backupVaultEvents": []string{"COPY_JOB_FAILED"},
	})
	r.make(r.world, "backup/vaultPolicy", "daily", in{"backupVaultName": here.id, "policy": trustECS})
	r.make(r.world, "backup/restoreTestingPlan", "weekly", in{
		"name": "weekly", "scheduleExpression": "cron(0 5 ? * 1 *)", "recoveryPointSelection": in{
			"algorithm": "LATEST_WITHIN_WINDOW", "includeVaults": []any{here.out["arn"]}, "recoveryPointTypes": []string{"SNAPSHOT"},
		},
	})
	r.make(r.world, "backup/restoreTestingSelection", "database:weekly", in{
		"name": "database", "restoreTestingPlanName": "weekly", "iamRoleArn": r.role.out["arn"],
		"protectedResourceType": "RDS", "protectedResourceArns": []string{"*"}, "validationWindowHours": 4,
	})

	source := r.backedUp("source", in{"kmsKeyId": key.out["arn"], "storageEncrypted": true})
	backups := r.make(far, "rds/instanceAutomatedBackupsReplication", "arn:aws:rds:eu-central-1:000000000000:auto-backup:ab-.*", in{
		"sourceDbInstanceArn": source.out["arn"], "kmsKeyId": replica.out["arn"], "retentionPeriod": 14,
	})
	restored := far.create("rds/instance", "restored", in{
		"identifier": "restored", "instanceClass": "db.t4g.medium", "skipFinalSnapshot": true,
		"restoreToPointInTime": in{"sourceDbInstanceAutomatedBackupsArn": backups.id, "useLatestRestorableTime": true},
	})
	require.Equal(r, replica.out["arn"], restored.out["kmsKeyId"])
	require.Equal(r, source.out["engineVersion"], restored.out["engineVersion"])

	require.NoError(r, r.delete(source))
	lost := far.create("rds/instance", "lost", in{
		"identifier": "lost", "instanceClass": "db.t4g.medium", "engine": "postgres", "skipFinalSnapshot": true,
		"restoreToPointInTime": in{"sourceDbInstanceAutomatedBackupsArn": backups.id, "useLatestRestorableTime": true},
	})
	require.Equal(r, replica.out["arn"], lost.out["kmsKeyId"], "a copy of backups outlives its database")
	r.backedUp("source", in{})

	for w, bucket := range map[*world]string{r.world: "original", far: "copy"} {
		w.create("s3/bucketV2", bucket, in{"bucket": bucket, "objectLockEnabled": bucket == "copy"})
	}
	r.make(r.world, "s3/bucketVersioningV2", "original", in{
		"bucket": "original", "versioningConfiguration": in{"status": "Enabled"},
	})
	r.make(far, "s3/bucketObjectLockConfigurationV2", "copy", in{
		"bucket": "copy", "rule": in{"defaultRetention": in{"mode": "GOVERNANCE", "days": 1}},
	})
	r.make(r.world, "s3/bucketReplicationConfig", "original", r.replication("original", "copy"))
}

func (r *trial) watches() {
	topic := r.create("sns/topic", "watch", in{})
	mail := r.make(r.world, "sns/topicSubscription", topic.id+":"+uuidPattern, in{
		"topic": topic.id, "protocol": "email", "endpoint": "ops@example.com",
	})
	require.Equal(r, true, mail.out["pendingConfirmation"])
	first := r.make(r.world, "cloudwatch/metricAlarm", "first", alarm(in{"name": "first"}))
	r.make(r.world, "cloudwatch/compositeAlarm", "both", in{
		"alarmName": "both", "alarmActions": []string{topic.id},
		"alarmRule": `(ALARM("first") OR ALARM(` + first.out.str("arn") + `)) AND NOT (OK('first') OR FALSE)`,
	})
	r.make(r.world, "cloudwatch/queryDefinition", uuidPattern, in{"name": "errors", "queryString": "fields @message"})
	r.make(r.world, "cloudwatch/logResourcePolicy", "delivery", in{"policyName": "delivery", "policyDocument": trailPolicy})
	rule := r.make(r.world, "cloudwatch/eventRule", "nightly", in{"name": "nightly", "scheduleExpression": "cron(0 3 * * ? *)"})
	r.make(r.world, "cloudwatch/eventTarget", "nightly-terraform-.*", in{"rule": rule.id, "arn": topic.id})
	r.make(r.world, "rds/eventSubscription", "events", in{
		"name": "events", "snsTopic": topic.id, "sourceType": "db-instance", "sourceIds": []string{"source"},
	})
	check := r.make(r.world, "route53/healthCheck", uuidPattern, in{
		"type": "HTTPS", "fqdn": "live." + testDomain, "port": 443, "resourcePath": "/health", "requestInterval": 10,
	})
	r.create("route53/record", "checked", r.a("checked").with(in{"healthCheckId": check.id}))
	r.make(r.world, "route53/healthCheck", uuidPattern, in{
		"type": "CLOUDWATCH_METRIC", "cloudwatchAlarmName": "first", "cloudwatchAlarmRegion": testRegion,
	})
	r.make(r.world, "xray/group", "arn:aws:xray"+inRegion+"group/slow/[0-9A-Z]{20}", in{
		"groupName": "slow", "filterExpression": "responsetime > 5",
	})
	r.make(r.world, "xray/samplingRule", "all", samplingRule(in{}))
	r.make(r.world, "xray/samplingRule", "rest", samplingRule(in{"ruleName": "rest"})) // one priority is no conflict.

	r.create("s3/bucketV2", "trail", in{"bucket": "trail"})
	r.create("s3/bucketPolicy", "trail", in{"bucket": "trail", "policy": trailPolicy})
	r.make(r.world, "cloudtrail/trail", "arn:aws:cloudtrail"+inRegion+"trail/trail", in{
		"name": "trail", "s3BucketName": "trail", "cloudWatchLogsGroupArn": r.logs.out.str("arn") + ":*",
		"cloudWatchLogsRoleArn": r.role.out["arn"],
	})
	r.make(r.world, "budgets/budget", Account+":monthly", budget(in{}))
}

// backedUp is a database with backups.
func (s *stack) backedUp(name string, more in) made {
	s.Helper()
	return s.create("rds/instance", name, in{
		"identifier": name, "instanceClass": "db.t4g.medium", "engine": "postgres", "engineVersion": "16.4", "allocatedStorage": 20,
		"username": "codeflow", "password": "x", "backupRetentionPeriod": 7, "skipFinalSnapshot": true,
	}.with(more))
}

func backupPlan(rule in) in {
	return in{"name": "plan", "rules": []any{in{
		"ruleName": "daily", "targetVaultName": "daily", "schedule": "cron(0 5 ? * * *)", "lifecycle": in{"deleteAfter": 35},
	}.with(rule)}}
}

func (s *stack) replication(from, to string) in {
	return in{"bucket": from, "role": s.role.out["arn"], "rules": []any{in{
		"id": "all", "status": "Enabled", "destination": in{"bucket": "arn:aws:s3:::" + to},
	}}}
}

// imagesTo replicates the images to a region.
func (s *stack) imagesTo(region string) in {
	return in{"replicationConfiguration": in{"rules": []any{in{
		"destinations": []any{in{"region": region, "registryId": Account}},
	}}}}
}

func (s *stack) ruleIn(priority any) in {
	return in{
		"listenerArn": s.listener.id, "actions": []any{in{"type": "forward", "targetGroupArn": s.targets.id}},
		"conditions": []any{in{"pathPattern": in{"values": []string{"/mcp"}}}},
	}.with(in{"priority": priority})
}

func (s *stack) rotation(secret made, days any) in {
	return in{
		"secretId": secret.id, "rotationRules": in{"automaticallyAfterDays": days},
		"rotationLambdaArn": "arn:aws:lambda" + inRegion + "function:rotate",
	}
}

func samplingRule(change in) in {
	return in{
		"ruleName": "all", "priority": 9000, "fixedRate": 0.05, "reservoirSize": 1, "host": "*", "httpMethod": "*", "resourceArn": "*",
		"serviceName": "*", "serviceType": "*", "urlPath": "*", "version": 1,
	}.with(change)
}

func budget(change in) in {
	return in{
		"name": "monthly", "budgetType": "COST", "limitAmount": "100", "limitUnit": "USD", "timeUnit": "MONTHLY",
		"notifications": []any{in{
			"comparisonOperator": "GREATER_THAN", "notificationType": "FORECASTED", "threshold": 80, "thresholdType": "PERCENTAGE",
			"subscriberEmailAddresses": []string{"ops@example.com"},
		}},
	}.with(change)
}

func TestManagedSecretRotatesWithoutFunction(t *testing.T) {
	t.Parallel()
	s := deployed(open(t, Options{Images: fakeImages{testImage: true}}), fakeImages{testImage: true})
	database := s.backedUp("managed", in{"manageMasterUserPassword": true, "password": nil})
	s.create("secretsmanager/secretRotation", "r", in{
		"secretId": database.out.str("masterUserSecrets.secretArn"), "rotationRules": in{"automaticallyAfterDays": 7},
	})
}

func TestServiceBehindAListenerRule(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	group := s.create("lb/targetGroup", "ruled", in{
		"name": "ruled", "port": 8080, "protocol": "HTTP", "targetType": "ip", "vpcId": s.vpc.id,
	})
	s.create("lb/listenerRule", "ruled", s.ruleIn(1).with(in{"actions": []any{in{"type": "forward", "targetGroupArn": group.id}}}))
	s.create("ecs/service", "ruled", s.serviceIn().with(in{"name": "ruled", "loadBalancers": []any{in{
		"targetGroupArn": group.id, "containerName": "codeflow", "containerPort": 8080,
	}}}))
	require.ErrorContains(s, s.delete(group), "is currently in use by a listener or a rule")
}
