// These tests do not prove that KMS accepts the policies.
package key_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

func program(args *key.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := key.New(ctx, "logs-key", args)
		return err
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, program(&key.Args{Account: "123456789012", Description: "Logs", Admit: []policy.Statement{
		key.Logs("eu-central-1", "123456789012"), key.Publisher("Alarms", "cloudwatch.amazonaws.com",
			map[string]map[string]any{"StringEquals": {"aws:SourceAccount": "123456789012"}}),
	}}))
	created := r.Get(t, "aws:kms/key:Key", "logs-key")
	assert.Equal(t, true, created.In("enableKeyRotation"))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Account","Effect":"Allow","Action":["kms:*"],"Resource":["*"],"Principal":{"AWS":"123456789012"}},
		{"Sid":"Logs","Effect":"Allow","Resource":["*"],"Principal":{"Service":"logs.eu-central-1.amazonaws.com"},
		 "Action":["kms:Encrypt*","kms:Decrypt*","kms:ReEncrypt*","kms:GenerateDataKey*","kms:Describe*"],
		 "Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:*:logs:eu-central-1:123456789012:log-group:*"}}},
		{"Sid":"Alarms","Effect":"Allow","Resource":["*"],"Principal":{"Service":"cloudwatch.amazonaws.com"},
		 "Action":["kms:Decrypt","kms:GenerateDataKey*"],
		 "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`, created.In("policy").(string))
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	assert.ErrorContains(t, r.Run(true, program(&key.Args{Account: "123456789012"})), `key "logs-key": Account and Description are required`)
	assert.Empty(t, r.Children())
}
