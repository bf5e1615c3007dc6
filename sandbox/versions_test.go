package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsx"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// The versions of SDK, CLI, providers and Go are one set.
func TestVersionsGoTogether(t *testing.T) {
	t.Parallel()
	root, sandbox := versions(t, "../go.mod"), versions(t, "go.mod")
	for _, module := range []string{
		"github.com/pulumi/pulumi/sdk/v3", "github.com/pulumi/pulumi-aws/sdk/v6", "github.com/pulumi/pulumi-awsx/sdk/v2",
		"github.com/google/go-containerregistry", "google.golang.org/grpc", "google.golang.org/protobuf", "toolchain",
		"github.com/modelcontextprotocol/go-sdk", "github.com/jackc/pgx/v5", "github.com/aws/aws-sdk-go-v2/service/secretsmanager",
	} {
		require.NotEmpty(t, root[module], module)
		assert.Equal(t, root[module], sandbox[module], "%s would be compiled twice", module)
	}
	assert.Equal(t, "v"+engine.Version, root["github.com/pulumi/pulumi/sdk/v3"])
	assert.Equal(t, "v"+engine.Version, sandbox["github.com/pulumi/pulumi/pkg/v3"])
	setup, err := os.ReadFile("../.github/actions/setup/action.yml")
	require.NoError(t, err)
	assert.Contains(t, string(setup), "pulumi-version: "+engine.Version+"\n")
	assert.Equal(t, "v"+cloud.Version, root["github.com/pulumi/pulumi-aws/sdk/v6"])
	assert.Equal(t, "v"+awsx.Version, root["github.com/pulumi/pulumi-awsx/sdk/v2"])
}

func versions(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	found := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^\s*(?:require )?(\S+) ((?:v|go)\S+)`).FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}
	return found
}
