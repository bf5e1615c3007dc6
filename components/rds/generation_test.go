// These tests do not prove that RDS restores, nor that the engine ignores what it
// is told to; the sandbox's do.
package rds_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const replicated = "arn:aws:rds:eu-central-1:123456789012:auto-backup:ab-1a2b3c"

// withAll adds the second region and the events.
func withAll(args rds.Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		there, err := aws.NewProvider(ctx, "there", &aws.ProviderArgs{Region: pulumi.String("eu-west-1")})
		if err != nil {
			return err
		}
		args.Recovery = &rds.Recovery{Provider: there}
		args.EventTopicARN = pulumi.String("topic")
		return program(args, opts...)(ctx)
	}
}

func restored(from *rds.RestoreFrom) rds.Args {
	args := minimal()
	args.Generation, args.RestoreFrom, args.EngineVersion = 2, from, "18"
	args.DeletionProtection, args.FinalSnapshot = true, true
	return args
}

func TestGenerations(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(restored(&rds.RestoreFrom{Snapshot: "codeflow-prod-18"})))

	var names []string
	for _, res := range r.Resources() {
		if res.Parent == "db" {
			names = append(names, res.Name)
		}
	}
	assert.ElementsMatch(t, []string{
		"db", "db-postgresql", "db-upgrade", "db-parameters",
		"db-2", "db-postgresql-2", "db-upgrade-2", "db-parameters-2",
		"db-key", "db-access", "db-access", "db-monitoring", "db-monitoring",
	}, names, "key, security group and role are shared")

	before, current := r.Get(t, instanceType, "db"), r.Get(t, instanceType, "db-2")
	assert.Equal(t, "codeflow-prod", before.In("identifier"))
	assert.Equal(t, "codeflow-prod-2", current.In("identifier"))
	assert.Equal(t, "codeflow-prod-2-final-ccess-id", current.In("finalSnapshotIdentifier"))
	assert.Equal(t, "/aws/rds/instance/codeflow-prod-2/postgresql", r.Get(t, "aws:cloudwatch/logGroup:LogGroup", "db-postgresql-2").In("name"))
	assert.Equal(t, creationOnly, current.RPC.GetIgnoreChanges())

	parameters := r.Get(t, "aws:rds/parameterGroup:ParameterGroup", "db-parameters-2")
	assert.Equal(t, "postgres18", parameters.In("family"))
	assert.Empty(t, parameters.RPC.GetIgnoreChanges())
	assert.Equal(t, []string{"family"}, r.Get(t, "aws:rds/parameterGroup:ParameterGroup", "db-parameters").RPC.GetIgnoreChanges(),
		"the generation before keeps its version")
	assert.Nil(t, before.In("username"), "the provider refuses to make it again, empty")
}

// TestFrozen fails when an input is added that changes a retained instance.
func TestFrozen(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	args := restored(&rds.RestoreFrom{Snapshot: "snapshot"})
	r.Both(t, program(args))
	ignored := r.Get(t, instanceType, "db").RPC.GetIgnoreChanges()

	args.Generation, args.RestoreFrom = 1, nil
	r.Both(t, program(args))
	want := slices.DeleteFunc(slices.Collect(maps.Keys(r.Get(t, instanceType, "db").Inputs)), func(key resource.PropertyKey) bool {
		return key == "deletionProtection"
	})
	for _, from := range []string{"snapshotIdentifier", "restoreToPointInTime"} {
		want = append(want, resource.PropertyKey(from))
	}
	slices.Sort(want)
	var got []resource.PropertyKey
	for _, property := range ignored {
		got = append(got, resource.PropertyKey(property))
	}
	slices.Sort(got)
	assert.Equal(t, want, got)
}

func TestRetirement(t *testing.T) {
	t.Parallel()
	args := restored(nil)
	args.Generation, args.Retired, args.Unprotected = 3, 1, 2
	r := newRecorder()
	r.Both(t, program(args))
	assert.Equal(t, 2, r.Count()[instanceType], "the first one is gone")
	assert.Equal(t, false, r.Get(t, instanceType, "db-2").In("deletionProtection"))
	current := r.Get(t, instanceType, "db-3")
	assert.Equal(t, true, current.In("deletionProtection"))
	assert.EqualValues(t, 20, current.In("allocatedStorage"), "it grows again when its backup is no longer named")
	for _, property := range []string{"username", "dbName", "engineVersion", "kmsKeyId"} {
		assert.Nil(t, current.In(property), property)
	}
}

func TestRestores(t *testing.T) {
	t.Parallel()
	point := func(p map[string]any) []any { return []any{p["snapshotIdentifier"], p["restoreToPointInTime"]} }
	for name, c := range map[string]struct {
		from *rds.RestoreFrom
		want []any
	}{
		"snapshot": {&rds.RestoreFrom{Snapshot: "manual"}, []any{"manual", nil}},
		"time": {&rds.RestoreFrom{PointInTime: "2026-03-01T12:00:00Z"}, []any{nil, map[string]any{
			"restoreTime": "2026-03-01T12:00:00Z", "sourceDbInstanceIdentifier": "codeflow-prod",
		}}},
		"latest of another": {&rds.RestoreFrom{PointInTime: rds.Latest, Source: "codeflow-old"}, []any{nil, map[string]any{
			"useLatestRestorableTime": true, "sourceDbInstanceIdentifier": "codeflow-old",
		}}},
		"replicated": {&rds.RestoreFrom{ReplicatedBackup: replicated}, []any{nil, map[string]any{
			"useLatestRestorableTime": true, "sourceDbInstanceAutomatedBackupsArn": replicated,
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := restored(c.from)
			args.KeyARN = pulumi.String("backup-key")
			r := newRecorder()
			r.Both(t, program(args))
			inputs := r.Get(t, instanceType, "db-2").Inputs.Mappable()
			assert.Equal(t, c.want, point(inputs))
			for _, property := range []string{"username", "dbName", "engineVersion", "kmsKeyId", "allocatedStorage"} {
				assert.NotContains(t, inputs, property, "a restore has it of its backup")
			}
			assert.Equal(t, true, inputs["storageEncrypted"], "left out, the provider would replace the instance")
			assert.Equal(t, "backup-key", inputs["masterUserSecretKmsKeyId"])
			assert.Zero(t, r.Count()["aws:kms/key:Key"])
		})
	}
}

func TestRecoveryAndEvents(t *testing.T) {
	t.Parallel()
	args := restored(&rds.RestoreFrom{PointInTime: rds.Latest})
	r := newRecorder()
	r.Both(t, withAll(args))

	copied := r.Get(t, replication, "db-recovery-2")
	assert.True(t, copied.RPC.GetDeleteBeforeReplace(), "an instance is replicated once")
	assert.Equal(t, map[string]any{
		"sourceDbInstanceArn": "arn:aws:rds:eu-central-1:123456789012:db-2", "retentionPeriod": 7.0,
		"kmsKeyId": "arn:aws:kms:eu-central-1:123456789012:db-recovery-key",
	}, copied.Inputs.Mappable())
	key := r.Get(t, "aws:kms/key:Key", "db-recovery-key")
	assert.True(t, key.RPC.GetRetainOnDelete(), "the copies outlive the stack")
	for _, res := range []recorder.Resource{copied, key} {
		assert.Contains(t, res.RPC.GetProvider(), "there")
	}
	told := r.Get(t, subscription, "db-events")
	assert.Equal(t, "topic", told.In("snsTopic"))
	assert.Equal(t, []any{"codeflow-prod-2"}, told.In("sourceIds"))
	var categories []string
	for _, category := range told.In("eventCategories").([]any) {
		categories = append(categories, category.(string))
	}
	assert.Contains(t, categories, "failover")
	assert.IsIncreasing(t, categories, "as AWS returns them")
}
