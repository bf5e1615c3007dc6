// Package boundary keeps the packages apart: what may import what.
package boundary

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/ferg-cod3s/codeflow-infrastructure"

func TestDependencies(t *testing.T) {
	t.Parallel()
	for packages, never := range map[string][]string{
		"":                    {"aws/wafv2", "aws-sdk-go-v2/"}, // wafv2 takes 276 s and 4.3 GB to compile
		"agentbundle/...":     {"pulumi"},
		"server/...":          {"pulumi", "go-containerregistry"},
		"cmd/codeflow-server": {"pulumi", "go-containerregistry"},
		"delivery/...":        {"pulumi"},
		"policies/...":        {"pulumi"},
		"npmrelease/...":      {"pulumi"},
		"cmd/prcomment":       {"pulumi"},
		"ops/...":             {"pulumi-aws", module + "/stacks"},
		"cmd/ops":             {"pulumi-aws", module + "/stacks"},
		"components/...":      {module + "/stacks", module + "/agentbundle"},
	} {
		for _, dependency := range list(t, "{{.ImportPath}}", "-deps", packages) {
			for _, part := range never {
				assert.NotContains(t, dependency, part, "a dependency of %q", packages)
			}
		}
	}
}

// A stack composes components; of pulumi-aws it needs the provider, the
// registry's token and what the traffic controller noted.
func TestStacksHaveNoRawResources(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	for _, line := range list(t, `{{join .Imports "\n"}}`, "stacks") {
		if strings.HasPrefix(line, sdk) {
			assert.Contains(t, []string{sdk, sdk + "/ecr", sdk + "/ssm"}, line)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../main.go")
	require.NoError(t, err)
	assert.LessOrEqual(t, bytes.Count(text, []byte("\n")), 40)
}

func list(t *testing.T, format string, args ...string) []string {
	t.Helper()
	packages := &args[len(args)-1]
	*packages = strings.TrimSuffix(module+"/"+*packages, "/")
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", format}, args...)...).Output()
	require.NoError(t, err)
	lines := strings.Fields(string(out))
	require.NotEmpty(t, lines)
	return lines
}
