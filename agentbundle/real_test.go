// The published package itself: skipped, with the reason, where it is not
// installed.
package agentbundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

var installed = filepath.Join("..", "agents", "node_modules", "@agentic-codeflow", "cli")

func skipUnlessInstalled(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(installed); err != nil {
		t.Skip("the real package is not installed: run `npm ci --ignore-scripts --prefix agents`")
	}
}

func TestRealPackage(t *testing.T) {
	t.Parallel()
	skipUnlessInstalled(t)
	m := load(t, agentbundle.Config{Package: installed, Exclude: map[string]string{
		"codeflow-agents/development/api-builder-enhanced.md": "duplicate of api-builder",
		"command/commit.md":            "unknown cache strategy",
		"command/research-enhanced.md": "name is not the file name",
		"command/research.md":          "invalid YAML",
	}}).Manifest
	assert.Len(t, m.Agents, 33)
	assert.Len(t, m.Commands, 6)
	assert.Len(t, m.Excluded, 4)
	assert.Equal(t, "0.11.0", m.Source.Version)
}

func TestRealPackageProblems(t *testing.T) {
	t.Parallel()
	skipUnlessInstalled(t)
	_, err := agentbundle.Load(agentbundle.Config{Package: installed})
	assert.Equal(t, []string{
		`codeflow-agents/development/api-builder.md: duplicate-name: agent name "api-builder" is taken by codeflow-agents/development/api-builder-enhanced.md`,
		`command/commit.md:23: cache-strategy: cache_strategy.type must be one of content_based, time_based, none, got "agent_specific"`,
		`command/research-enhanced.md:2: file-name: name must be the file name "research-enhanced", got "research"`,
		`command/research.md:14: yaml: did not find expected key`,
	}, problems(t, installed, err))
}
