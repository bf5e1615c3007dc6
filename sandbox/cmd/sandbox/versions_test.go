package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsx"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/compile"
)

// The versions of SDK, CLI and providers are one set; that both go.mod files agree
// is internal/pins' to test.
func TestVersionsGoTogether(t *testing.T) {
	t.Parallel()
	project, sandbox := versions(t, filepath.Join(root, "go.mod")), versions(t, filepath.Join(root, "sandbox", "go.mod"))
	assert.Equal(t, "v"+compile.Version, project["github.com/pulumi/pulumi/sdk/v3"])
	assert.Equal(t, "v"+compile.Version, sandbox["github.com/pulumi/pulumi/pkg/v3"])
	setup, err := os.ReadFile(filepath.Join(root, ".github", "actions", "setup", "action.yml"))
	require.NoError(t, err)
	assert.Contains(t, string(setup), "pulumi-version: "+compile.Version+"\n")
	assert.Equal(t, "v"+cloud.Version, project["github.com/pulumi/pulumi-aws/sdk/v6"])
	assert.Equal(t, "v"+awsx.Version, project["github.com/pulumi/pulumi-awsx/sdk/v2"])
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
