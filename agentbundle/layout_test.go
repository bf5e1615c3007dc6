package agentbundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

func TestWriteLayout(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "layout")
	for _, img := range []*agentbundle.Image{build(t, fixtureConfig()), build(t, editedConfig(t))} {
		require.NoError(t, img.WriteLayout(dir), "a layout takes the place of another")

		index, err := layout.ImageIndexFromPath(dir)
		require.NoError(t, err)
		m, err := index.IndexManifest()
		require.NoError(t, err)
		require.Len(t, m.Manifests, 2)
		assert.Equal(t, img.Digest, m.Manifests[0].Digest)
		assert.Equal(t, map[string]string{"org.opencontainers.image.ref.name": img.Tag}, m.Manifests[0].Annotations)
		child, err := index.ImageIndex(img.Digest)
		require.NoError(t, err)
		require.NoError(t, validate.Index(child))

		assert.Equal(t, string(spdxType), m.Manifests[1].ArtifactType)
		attached, err := index.Image(m.Manifests[1].Digest)
		require.NoError(t, err)
		assert.Equal(t, sbom(t, img), sbom(t, &agentbundle.Image{SBOM: attached}))

		blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
		require.NoError(t, err)
		assert.Len(t, blobs, 8, "nothing of the layout before") // as in TestPush, without the tag
		for _, blob := range blobs {
			info, err := blob.Info()
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o644), info.Mode(), "other users' tools read it")
		}
		siblings, err := os.ReadDir(filepath.Dir(dir))
		require.NoError(t, err)
		assert.Len(t, siblings, 1, "nothing temporary is left")
	}
}

func TestWriteLayoutRefusals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(t *testing.T, dir string) string
		want    string
	}{
		"a folder with other files": {
			func(t *testing.T, dir string) string {
				write(t, dir, "oci-layout", "{}")
				write(t, dir, "thesis.txt", "")
				return dir
			},
			`must be empty or an OCI layout, holds "thesis.txt"`,
		},
		"a file": {
			func(t *testing.T, dir string) string {
				write(t, dir, "file", "")
				return filepath.Join(dir, "file")
			},
			"must be a directory, got mode -rw-",
		},
		"a link to a folder": {
			func(t *testing.T, dir string) string {
				link := filepath.Join(dir, "link")
				require.NoError(t, os.Symlink(t.TempDir(), link))
				return link
			},
			"must be a directory, got mode L",
		},
		"below a file": {
			func(t *testing.T, dir string) string {
				write(t, dir, "file", "")
				return filepath.Join(dir, "file", "layout")
			},
			"writing OCI layout",
		},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := tt.prepare(t, dir)
			before := tree(t, dir)
			assert.ErrorContains(t, build(t, fixtureConfig()).WriteLayout(target), tt.want)
			assert.Equal(t, before, tree(t, dir), "nothing may change")
		})
	}
}

// A layer that cannot be read must not cost the layout that is there.
func TestWriteLayoutFailsAsAWhole(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "layout")
	require.NoError(t, build(t, fixtureConfig()).WriteLayout(dir))
	before := tree(t, dir)

	cfg := fixtureConfig()
	index := baseIndex(t, "amd64")
	cfg.Base = writeLayout(t, index)
	img := build(t, cfg)
	layers, err := platformImage(t, index, "amd64").Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(cfg.Base, "blobs", digest.Algorithm, digest.Hex)))
	assert.ErrorContains(t, img.WriteLayout(dir), "writing OCI layout")
	assert.Equal(t, before, tree(t, dir))
}

// tree returns the names under a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return names
}
