package stacks

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

// TestEveryKind registers what the committed stacks are, and dr as on its day. None goes
// on when one of its parts cannot be registered.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stack string
		edit  func(t *testing.T, config map[string]string)
		has   map[string]int // how many of a type
	}{
		"prod": {stack: "prod", edit: func(_ *testing.T, config map[string]string) {
			config["codeflow:escalation"] = `{"onCall": ["ops@example.com", "https://hooks.example.com/x"]}`
			config["codeflow:apiKeys"] = `{"example": "secret"}`
		}, has: map[string]int{
			"aws:sns/topicSubscription:TopicSubscription": 4, // in two regions
			"codeflow:registry:Replication":               1, "aws:s3/bucketReplicationConfig:BucketReplicationConfig": 1, "aws:ecs/service:Service": 0,
		}},
		"blue": {stack: "blue", has: map[string]int{"aws:ecs/service:Service": 1}},
		"dr, standing by": {stack: "dr", has: map[string]int{
			"codeflow:vpc:VPC": 1, "codeflow:registry:Registry": 1, "aws:route53/record:Record": 1, "aws:lb/loadBalancer:LoadBalancer": 1,
			"aws:ecs/service:Service": 0, "aws:rds/instance:Instance": 0, "codeflow:secrets:Store": 0,
		}},
		"dr, active": {stack: "dr", edit: func(t *testing.T, config map[string]string) {
			t.Helper()
			const arn = "arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-x"
			dr := edited(t, config["codeflow:dr"], "active", "true")
			dr = edited(t, dr, "backup", `{"arn": "`+arn+`", "keyArn": "arn:aws:kms:eu-west-1:123456789012:key/0a"}`)
			config["codeflow:dr"] = dr
		}, has: map[string]int{
			"aws:ecs/service:Service": 1, "aws:rds/instance:Instance": 1, "codeflow:secrets:Store": 1, "codeflow:backup:Plan": 1, "aws:route53/record:Record": 1,
		}},
		"bootstrap": {stack: "bootstrap", has: map[string]int{
			"pulumi:providers:aws": 2, "aws:iam/openIdConnectProvider:OpenIdConnectProvider": 1, "aws:s3/bucketReplicationConfig:BucketReplicationConfig": 1,
			"codeflow:vpc:VPC": 0,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outputs := settled()
			if tc.stack == "blue" {
				outputs = shared("codeflow.example.com")
			}
			r := account(t, outputs)
			r.Config = stackFile(t, "../Pulumi."+tc.stack+".yaml")
			if tc.edit != nil {
				tc.edit(t, r.Config)
			}
			require.NoError(t, program(t)(r, true))
			count := r.Count()
			for kind, want := range tc.has {
				assert.Equal(t, want, count[kind], kind)
			}
			for _, part := range r.Resources() {
				if part.Parent == "" && part.Type != "pulumi:pulumi:StackReference" {
					err := r.Run(true, without(part, Program(Project{Module: "..", Config: t.TempDir()})))
					assert.ErrorContains(t, err, "`parent` of a resource", "%s %s", part.Type, part.Name)
				}
			}
		})
	}
}

// without runs a program in which a part cannot be registered: the SDK does not let a
// transformation change a parent.
func without(part recorder.Resource, run pulumi.RunFunc) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		if err := ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			if args.Name != part.Name || args.Type != part.Type {
				return nil
			}
			return &pulumi.ResourceTransformationResult{Opts: []pulumi.ResourceOption{pulumi.Parent(args.Resource)}}
		}); err != nil {
			return err
		}
		return run(ctx)
	}
}
