package protect_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const other = "aws:sns/topic:Topic"
	assert.Nil(t, protect.Find(other))
	seen := map[string]bool{}
	for _, protected := range protect.Types {
		assert.Regexp(t, `^aws:\w+/\w+:\w+$`, protected.Token)
		assert.False(t, seen[protected.Token], protected.Token)
		seen[protected.Token] = true
		assert.NotEmpty(t, protected.Noun)
		assert.NotEmpty(t, protected.Reason)
		for _, kind := range preview.Kinds {
			hits := protect.Check([]*preview.Preview{
				{Stack: "blue"},
				{Stack: "prod", Steps: []preview.Step{{Kind: kind, Type: other, Name: "o"}, {Kind: kind, Type: protected.Token, Name: "p"}}},
			})
			if kind != preview.Replace && kind != preview.Delete {
				assert.Empty(t, hits)
				continue
			}
			if assert.Len(t, hits, 1) {
				assert.Equal(t, "prod", hits[0].Stack)
				assert.Equal(t, "p", hits[0].Step.Name)
				assert.Equal(t, protected, *hits[0].Type)
			}
		}
	}
	assert.Contains(t, seen, "aws:route53/zone:Zone", "the recorded platform looks its zone up")
}

// The tokens are those that the program registers: a wrong one would protect nothing.
func TestTokens(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../comment/testdata/first/prod.json")
	require.NoError(t, err)
	defer file.Close()
	registered := map[string]bool{}
	for _, step := range preview.Decode("prod", file).Steps {
		registered[step.Type] = true
	}
	for _, token := range []string{
		"aws:rds/instance:Instance", "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
		"aws:s3/bucketV2:BucketV2", "aws:kms/key:Key", "aws:backup/vault:Vault", "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
		"aws:secretsmanager/secret:Secret", "aws:ecr/repository:Repository", "aws:cloudtrail/trail:Trail",
		"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:cloudfront/distribution:Distribution",
	} {
		assert.True(t, registered[token], token)
		assert.NotNil(t, protect.Find(token), token)
	}
}
