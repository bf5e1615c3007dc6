// The published package itself, as package-lock.json pins it. The tests fail
// where it is not installed, because nothing else proves as much.
package agentbundle_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// realConfig is the project's own.
func realConfig(t *testing.T) agentbundle.Config {
	t.Helper()
	cfg, err := agentbundle.ReadConfig(filepath.Join("..", "agents", "bundle.yaml"))
	require.NoError(t, err)
	_, err = os.Stat(cfg.Package.Path)
	require.NoError(t, err, "install the package: npm ci --ignore-scripts --prefix agents")
	return cfg
}

// TestRealReport pins what is wrong in version 0.11.0. Upstream's validator
// counts 20 problems of UATS in api-builder-enhanced, these are 17: it counts
// a missing output_format, requires_structured_output and validation_rules
// twice.
func TestRealReport(t *testing.T) {
	t.Parallel()
	pkg := realConfig(t).Package.Path
	report, err := agentbundle.Check(agentbundle.Config{Package: agentbundle.Source{Path: pkg}})
	require.NoError(t, err)
	assert.Equal(t, 34, report.Agents)
	assert.Equal(t, 9, report.Commands)

	var got bytes.Buffer
	require.NoError(t, report.WriteText(&got))
	want, err := os.ReadFile(filepath.Join("testdata", "real-0.11.0.txt"))
	require.NoError(t, err)
	assert.Equal(t, string(want), strings.NewReplacer(pkg+string(filepath.Separator), "", pkg, "package").Replace(got.String()))
}

func TestRealBundle(t *testing.T) {
	t.Parallel()
	b := load(t, realConfig(t))
	assert.Len(t, b.Manifest.Agents, 33)
	assert.Len(t, b.Manifest.Commands, 8, "six of the package and two of the team's own")
	assert.Len(t, b.Manifest.Excluded, 4)
	assert.Equal(t, "0.11.0", b.Manifest.Source.Version)
}

// TestRealBytes compares every packed file with its source: allowed_directories
// is the only difference, and no personal path is left.
func TestRealBytes(t *testing.T) {
	t.Parallel()
	cfg := realConfig(t)
	files := load(t, cfg).Files()
	personal := regexp.MustCompile(`/Users/johnferguson/Github(/codeflow)?\n`)
	rewritten := 0
	for _, pattern := range []string{"codeflow-agents/*/*.md", "command/*.md"} {
		sources, err := filepath.Glob(filepath.Join(cfg.Package.Path, pattern))
		require.NoError(t, err)
		for _, source := range sources {
			packed, ok := files[bundlePath(source)]
			if relative, _ := filepath.Rel(cfg.Package.Path, source); cfg.Package.Exclude[relative] != "" {
				continue
			}
			require.True(t, ok, source)
			original, err := os.ReadFile(source)
			require.NoError(t, err)
			rewritten += len(personal.FindAll(original, -1))
			assert.Equal(t, string(personal.ReplaceAll(original, []byte("/bundle\n"))), string(packed), source)
		}
	}
	assert.Equal(t, 33, rewritten)
}

func bundlePath(source string) string {
	if strings.Contains(source, "codeflow-agents") {
		return "agents/" + filepath.Base(source)
	}
	return "commands/" + filepath.Base(source)
}
