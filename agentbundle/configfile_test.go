package agentbundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bundle.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }

	write("package: cli\noverlays: [own, /srv/own]\nexclude: {command/a.md: broken}\n")
	cfg, err := agentbundle.ReadConfig(file)
	require.NoError(t, err)
	assert.Equal(t, agentbundle.Config{
		Package:  agentbundle.Source{Path: filepath.Join(filepath.Dir(file), "cli"), Exclude: map[string]string{"command/a.md": "broken"}},
		Overlays: []agentbundle.Source{{Path: filepath.Join(filepath.Dir(file), "own")}, {Path: "/srv/own"}},
	}, cfg)

	write("packages: cli\n")
	_, err = agentbundle.ReadConfig(file)
	require.ErrorContains(t, err, "field packages not found")
	require.ErrorContains(t, err, "keys: package, overlays, exclude")

	_, err = agentbundle.ReadConfig(file + ".gone")
	require.ErrorIs(t, err, os.ErrNotExist)
}
