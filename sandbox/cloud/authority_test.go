package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
)

// TestAuthorize asks the policies that an account has: of a role, its boundary, and what
// the call is on.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	const (
		role, other = "arn:aws:sts::" + Account + ":assumed-role/worker/me", "arn:aws:sts::" + Account + ":assumed-role/planned/me"
		key, secret = "arn:aws:kms:eu-central-1:" + Account + ":key/k", "arn:aws:secretsmanager:eu-central-1:" + Account + ":secret:tokens-AbCdEf"
		boundary    = "arn:aws:iam::" + Account + ":policy/boundary"
	)
	allow := func(actions string) string {
		return `{"Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`
	}
	planned, err := iam.Parse(allow(`"sns:Publish"`))
	require.NoError(t, err)
	c, err := Open(t.TempDir(), Options{Roles: func() (map[string]iam.Policies, error) {
		return map[string]iam.Policies{"planned": {Identity: []*iam.Document{planned}}}, nil
	}})
	require.NoError(t, err)
	for _, r := range []Resource{
		{Type: "aws:iam/role:Role", ID: "worker", Outputs: map[string]any{
			"permissionsBoundary": boundary, "assumeRolePolicy": `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::` + Account + `:role/worker"}}]}`,
		}},
		{Type: "aws:iam/policy:Policy", ID: boundary, Outputs: map[string]any{"policy": allow(`["s3:*","kms:*","secretsmanager:*","sts:*"]`)}},
		{Type: "aws:iam/rolePolicy:RolePolicy", ID: "worker:a", Outputs: map[string]any{"role": "worker", "policy": allow(`["s3:*","kms:Decrypt","ec2:*"]`)}},
		{Type: "aws:iam/policy:Policy", ID: "arn:aws:iam::" + Account + ":policy/more", Outputs: map[string]any{"policy": allow(`"secretsmanager:*"`)}},
		{Type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment", ID: "x", Outputs: map[string]any{"role": "worker", "policyArn": "arn:aws:iam::" + Account + ":policy/more"}},
		{Type: "aws:s3/bucketPolicy:BucketPolicy", ID: "logs", Outputs: map[string]any{
			"policy": `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
		}},
		{Type: "aws:kms/key:Key", ID: "k", Outputs: map[string]any{"policy": `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + Account + `:role/other"},"Action":"kms:*","Resource":"*"}]}`}},
		{Type: "aws:secretsmanager/secretPolicy:SecretPolicy", ID: secret, Outputs: map[string]any{
			"policy": `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/task-*"}}}]}`,
		}},
	} {
		r.Region, r.Key, r.Inputs = "eu-central-1", r.ID, map[string]any{}
		require.NoError(t, c.Store().Put(&r))
	}
	for _, call := range []struct{ who, action, resource, want string }{
		{role, "s3:GetObject", "arn:aws:s3:::logs/a", ""},
		{role, "ec2:DescribeVpcs", "*", "because no permissions boundary allows the ec2:DescribeVpcs action"},
		{role, "sns:Publish", "*", "because no identity-based policy allows the sns:Publish action"},
		{role, "kms:Decrypt", key, "because no resource-based policy allows the kms:Decrypt action"},
		{role, "kms:Decrypt", key + "2", ""}, // with the default policy
		{role, "secretsmanager:GetSecretValue", secret, "with an explicit deny in a resource-based policy"},
		{role, "secretsmanager:DescribeSecret", secret, ""},
		{role, "sts:AssumeRole", "arn:aws:iam::" + Account + ":role/worker", ""},
		{other, "sns:Publish", "*", ""},
		{other, "s3:GetObject", "arn:aws:s3:::logs/a", "User: " + other + " is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::logs/a"},
		{"arn:aws:sts::" + Account + ":assumed-role/nobody/me", "s3:GetObject", "*", `there is no role "nobody": there are planned`},
		{"arn:aws:iam::" + Account + ":user/admin", "iam:CreateUser", "*", ""},
	} {
		err := c.Authorize(context.Background(), call.who, call.action, call.resource, nil)
		if call.want == "" {
			assert.NoError(t, err, call.action)
		} else {
			assert.ErrorContains(t, err, call.want, call.action)
		}
	}
	assert.ErrorContains(t, c.Authorize(context.Background(), role, "s3:GetObject", "arn:aws:s3:::logs/a", map[string][]string{"aws:SecureTransport": {"false"}}),
		"AccessDenied: User: "+role+" is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::logs/a with an explicit deny in a resource-based policy")
	assert.Equal(t, map[string]int{"s3": 1, "kms": 1, "secretsmanager": 1, "sts": 1}, c.Calls()["worker"])
}
