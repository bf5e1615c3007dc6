package aws_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
)

// Only a session that was handed over ends: the SDK renews all others.
func TestUntil(t *testing.T) {
	for name, c := range map[string]struct {
		source, token, env string
		want               string // RFC 3339; "": never
		fails              string
	}{
		"a user's key":             {"EnvConfigCredentials", "", "", "", ""},
		"a session":                {"EnvConfigCredentials", "x", "2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z", ""},
		"a session without a date": {"EnvConfigCredentials", "x", "", "", "set AWS_CREDENTIAL_EXPIRATION"},
		"a wrong date":             {"EnvConfigCredentials", "x", "noon", "", `got "noon"`},
		"a session in a file":      {"SharedConfigCredentials: /c", "x", "", "", "do not say when they end"},
		"single sign-on":           {"SSOProvider", "x", "", "", ""},
		"a role":                   {"AssumeRoleProvider", "x", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_CREDENTIAL_EXPIRATION", c.env)
			until, err := opsaws.Until(t.Context(), aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b", SessionToken: c.token, Source: c.source}, nil
			})})
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			got := ""
			if !until.IsZero() {
				got = until.Format(time.RFC3339)
			}
			assert.Equal(t, c.want, got)
		})
	}
}
