// Package bundletest makes bundles for tests.
package bundletest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// FS packs the texts of agents and commands, by name, as agentbundle does.
func FS(t testing.TB, agents, commands map[string]string) fstest.MapFS {
	t.Helper()
	files := map[string][]byte{}
	m := &manifest.Manifest{
		SchemaVersion: manifest.SchemaVersion,
		Counts:        manifest.Counts{Agents: len(agents), Commands: len(commands)},
	}
	for _, kind := range []struct {
		folder  string
		texts   map[string]string
		entries *[]manifest.Entry
	}{{"agents", agents, &m.Agents}, {"commands", commands, &m.Commands}} {
		for name, text := range kind.texts {
			path := fmt.Sprintf("%s/%s.md", kind.folder, name)
			files[path] = []byte(text)
			*kind.entries = append(*kind.entries, manifest.Entry{Name: name, Path: path, SHA256: manifest.Sum([]byte(text))})
		}
	}
	m.BundleDigest = m.Digest()
	return pack(t, m, files)
}

func pack(t testing.TB, m *manifest.Manifest, files map[string][]byte) fstest.MapFS {
	t.Helper()
	data, err := m.Encode()
	require.NoError(t, err)
	packed := fstest.MapFS{manifest.FileName: {Data: data}}
	for path, data := range files {
		packed[path] = &fstest.MapFile{Data: data}
	}
	return packed
}

// Real is the bundle that the project deploys. config is the path of
// agents/bundle.yaml. The test fails where the package is not installed.
func Real(t testing.TB, config string) fstest.MapFS {
	t.Helper()
	cfg, err := agentbundle.ReadConfig(config)
	require.NoError(t, err)
	require.DirExists(t, cfg.Package.Path, "install the package: npm ci --ignore-scripts --prefix agents")
	bundle, err := agentbundle.Load(cfg)
	require.NoError(t, err)
	return pack(t, &bundle.Manifest, bundle.Files())
}

// Files is the bundle of a source with the given files, each taken for what it
// is made for.
func Files(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	bundle, err := agentbundle.Load(agentbundle.Config{Package: agentbundle.Source{Path: dir, Format: agentbundle.FormatAuto}})
	require.NoError(t, err)
	return pack(t, &bundle.Manifest, bundle.Files())
}

// Small is a bundle of three agents and two commands.
func Small(t testing.TB) fstest.MapFS {
	t.Helper()
	return FS(t, map[string]string{
		"database-expert": Agent("database-expert", "Optimizes SQL queries.", "postgresql, database", "# Databases\n\nIndexes and sql."),
		"seo-master":      Agent("seo-master", "Search engines.", "seo", "Rankings; mentions sql once."),
		"api-builder":     Agent("api-builder", "Builds APIs.", "api", "Databases are somebody else's."),
	}, map[string]string{
		"plan": "---\nname: plan\ndescription: Plans a change.\ninputs:\n" +
			"  - {name: ticket, type: string, required: true, description: What for.}\n" +
			"  - {name: files, type: array, required: false, description: Where.}\n" +
			"---\n\n# Plan {{ticket}}\n\nRead the files first.\n",
		"project-docs": "---\nname: project-docs\ndescription: Writes documentation.\n---\n\n# Documentation\n",
	})
}

// Agent is the text of an agent. Tags are separated by commas.
func Agent(name, description, tags, body string) string {
	return fmt.Sprintf("---\nname: %s\ndescription: %s\ncategory: development\nmode: subagent\ntags: [%s]\n"+
		"allowed_directories: [/bundle, docs]\ntools: {read: true, edit: false}\n---\n\n%s\n", name, description, tags, body)
}
