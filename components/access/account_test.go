package access_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

func account(project string, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := access.NewAccount(ctx, "account", &access.AccountArgs{Project: project}, opts...)
		return err
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, account("codeflow"))
	assert.Len(t, r.Children(), 3)
	assert.Equal(t, map[string]any{
		"minimumPasswordLength": 14.0, "passwordReusePrevention": 24.0, "maxPasswordAge": 90.0, "allowUsersToChangePassword": true,
		"requireLowercaseCharacters": true, "requireUppercaseCharacters": true, "requireNumbers": true, "requireSymbols": true,
	}, r.Get(t, "aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "account-passwords").Inputs.Mappable())
	assert.Equal(t, map[string]any{"analyzerName": "codeflow-access", "type": "ACCOUNT"},
		r.Get(t, "aws:accessanalyzer/analyzer:Analyzer", "account-analyzer").Inputs.Mappable())
}

func TestRefusedAccount(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	assert.ErrorContains(t, r.Run(true, account("")), `account "account": name part "" must be`)
	assert.Empty(t, r.Children())
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return account("codeflow", opts...) })
}
