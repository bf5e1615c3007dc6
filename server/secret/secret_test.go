// These tests read from a fake AWS: they do not prove what IAM allows.
package secret_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/secretsmanagertest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/secret"
)

// secrets are what the tests' AWS has.
var secrets *secretsmanagertest.Fake

func TestMain(m *testing.M) {
	secretsmanagertest.Main(m, func(fake *secretsmanagertest.Fake) { secrets = fake })
}

func TestRead(t *testing.T) {
	t.Parallel()
	arn := secrets.ARN("eu-south-1")
	s, err := secret.New(arn)
	require.NoError(t, err)
	_, err = s.Read(t.Context())
	require.ErrorContains(t, err, `reading secret "`+arn+`": `)
	require.ErrorContains(t, err, "ResourceNotFoundException")
	for _, text := range []string{"first", "second"} {
		secrets.Put(arn, text)
		got, err := s.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, text, got)
	}
	assert.Equal(t, []string{"eu-south-1", "eu-south-1", "eu-south-1"}, secrets.Reads(arn), "the ARN's region counts")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, arn := range []string{"", "tokens", "arn:aws:s3:::bucket", "arn:aws:secretsmanager::123456789012:secret:name-AbCdEf"} {
		_, err := secret.New(arn)
		assert.ErrorContains(t, err, `secret "`+arn+`": must be the ARN of a secret`)
	}
}
