package agentbundle_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// baseIndex returns a base for the architectures, with what must not reach
// the image: a Docker manifest, labels, a command, a creation time.
func baseIndex(t *testing.T, archs ...string) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range archs {
		img, err := random.Image(256, 2)
		require.NoError(t, err)
		file, err := img.ConfigFile()
		require.NoError(t, err)
		file.OS, file.Architecture = "linux", arch
		file.Created = v1.Time{Time: time.Unix(1e9, 0)}
		file.Config = v1.Config{
			Env:    []string{"PATH=/bin", "PORT=1"},
			Cmd:    []string{"sh"},
			Labels: map[string]string{"base": "label"},
		}
		img, err = mutate.ConfigFile(img, file)
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index
}

// pushBase serves the base from a registry and returns its reference.
func pushBase(t *testing.T, index v1.ImageIndex) name.Digest {
	t.Helper()
	srv := httptest.NewServer(registry.New(registry.Logger(discard)))
	t.Cleanup(srv.Close)
	digest, err := index.Digest()
	require.NoError(t, err)
	ref, err := name.NewDigest(strings.TrimPrefix(srv.URL, "http://") + "/base@" + digest.String())
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(ref, index))
	return ref
}

func writeLayout(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	dir := t.TempDir()
	_, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}))
	require.NoError(t, err)
	return dir
}

func TestBase(t *testing.T) {
	t.Parallel()
	index := baseIndex(t, "s390x", "arm64", "amd64")
	fromRegistry, fromLayout := fixtureConfig(), fixtureConfig()
	fromRegistry.Base = pushBase(t, index).String()
	fromLayout.Base = writeLayout(t, index)
	img := build(t, fromRegistry)
	assert.Equal(t, img.Digest, build(t, fromLayout).Digest, "the same base gives the same image wherever it is read from")
	require.NoError(t, validate.Index(img.Index))

	below, top := platformImage(t, index, "amd64"), platformImage(t, img.Index, "amd64")
	baseDigest, err := below.Digest()
	require.NoError(t, err)
	file, err := top.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, []string{"PATH=/bin", "PORT=3000", "CODEFLOW_ADDRESS=0.0.0.0"}, file.Config.Env)
	assert.Empty(t, file.Config.Cmd)
	assert.Equal(t, labels(img, baseDigest.String()), file.Config.Labels)
	assert.Equal(t, epoch, file.Created.Time)

	want, err := below.Manifest()
	require.NoError(t, err)
	got, err := top.Manifest()
	require.NoError(t, err)
	require.Len(t, got.Layers, 4)
	for i := range want.Layers {
		assert.Equal(t, want.Layers[i].Digest, got.Layers[i].Digest)
		assert.Equal(t, types.OCILayer, got.Layers[i].MediaType)
	}
}

func TestBaseScratchIsTheDefault(t *testing.T) {
	t.Parallel()
	cfg := fixtureConfig()
	cfg.Base = "scratch"
	assert.Equal(t, goldenImage, build(t, cfg).Digest.String())
}

func TestBaseRefusals(t *testing.T) {
	t.Parallel()
	complete := baseIndex(t, "amd64", "arm64")
	badLayout, looped := t.TempDir(), filepath.Join(t.TempDir(), "loop")
	write(t, badLayout, "oci-layout", "{}")
	require.NoError(t, os.Symlink(looped, looped))
	damaged := writeLayout(t, complete)
	require.NoError(t, os.RemoveAll(filepath.Join(damaged, "blobs")))

	noConfig := writeLayout(t, complete)
	digest, err := platformImage(t, complete, "amd64").ConfigName()
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(noConfig, "blobs", "sha256", digest.Hex)))

	ref := pushBase(t, complete)
	single, err := platformImage(t, complete, "amd64").Digest()
	require.NoError(t, err)

	tests := map[string]struct{ base, want string }{
		"tag":              {"debian:12", `must be "scratch", the directory of an OCI layout, or an image reference with a digest`},
		"missing platform": {writeLayout(t, baseIndex(t, "arm64")), "it has no image for linux/amd64: choose a base that has"},
		"single image":     {ref.Context().Digest(single.String()).String(), "as an index of platforms"},
		"layout, no index": {badLayout, "as an OCI layout"},
		"layout, no blobs": {damaged, "reading base"},
		"layout, no image": {noConfig, "building the image for linux/amd64: reading base"},
		"unreadable path":  {looped, "opening base"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			cfg := fixtureConfig()
			cfg.Base = tt.base
			_, err := load(t, cfg).Image(t.Context(), &agentbundle.ImageOptions{Server: fakeServer})
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
