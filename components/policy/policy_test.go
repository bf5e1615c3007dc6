package policy_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	arn := pulumi.String("arn:aws:s3:::assets").ToStringOutput()
	doc := policy.Document(
		policy.Statement{Actions: []string{"s3:GetObject"}, Resources: []any{arn, pulumi.Sprintf("%s/*", arn)}},
		policy.Statement{
			Sid: "TLSOnly", Effect: "Deny", Actions: []string{"s3:*"}, Resources: []any{"*"},
			Principals: map[string]any{"AWS": "*"},
			Conditions: map[string]map[string]any{"Bool": {"aws:SecureTransport": "false"}},
		},
	)
	assertJSON(t, doc, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::assets","arn:aws:s3:::assets/*"]},
		{"Sid":"TLSOnly","Effect":"Deny","Action":["s3:*"],"Resource":["*"],"Principal":{"AWS":"*"},
		 "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	account := pulumi.String("123456789012").ToStringOutput()
	doc := policy.AssumeRole("ecs-tasks.amazonaws.com",
		map[string]map[string]any{"StringEquals": {"aws:SourceAccount": account}})
	assertJSON(t, doc, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],
		"Principal":{"Service":"ecs-tasks.amazonaws.com"},
		"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`)
}

func assertJSON(t *testing.T, got pulumi.StringOutput, want string) {
	t.Helper()
	done := make(chan string, 1)
	got.ApplyT(func(s string) string { done <- s; return s })
	assert.JSONEq(t, want, <-done)
}
