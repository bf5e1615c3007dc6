package agentbundle_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// fixtureConfig names the package in testdata. Its one broken file is
// excluded.
func fixtureConfig() agentbundle.Config {
	return agentbundle.Config{
		Package: filepath.Join("testdata", "package"),
		Exclude: map[string]string{"command/broken.md": "invalid YAML"},
	}
}

// fakeServer stands for the compiled server, so that digests do not depend
// on the Go toolchain.
func fakeServer(_ context.Context, p v1.Platform) ([]byte, error) {
	return []byte("server for " + p.String()), nil
}

func load(t *testing.T, cfg agentbundle.Config) *agentbundle.Bundle {
	t.Helper()
	bundle, err := agentbundle.Load(cfg)
	require.NoError(t, err)
	return bundle
}

func build(t *testing.T, cfg agentbundle.Config) *agentbundle.Image {
	t.Helper()
	img, err := load(t, cfg).Image(t.Context(), &agentbundle.ImageOptions{Server: fakeServer})
	require.NoError(t, err)
	return img
}

// writePackage writes a package of the given files, by slash-separated path,
// and returns its directory.
func writePackage(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "package.json", `{"name": "p", "version": "1.0.0"}`)
	for path, content := range files {
		write(t, dir, path, content)
	}
	return dir
}

func write(t *testing.T, dir, path, content string) {
	t.Helper()
	path = filepath.Join(dir, filepath.FromSlash(path))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// doc is a valid agent or command of that name.
func doc(name string) string {
	return "---\nname: " + name + "\ndescription: does " + name + "\n---\nbody\n"
}
