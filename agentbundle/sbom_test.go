// These tests check what the SBOM says and that it is found. They do not prove
// that every tool reads it.
package agentbundle_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

const spdxType types.MediaType = "application/spdx+json"

func TestSBOMGolden(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(filepath.Join("testdata", "sbom.json"))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(sbom(t, build(t, fixtureConfig()))))
}

func TestSBOMIsAReferrer(t *testing.T) {
	t.Parallel()
	img := build(t, fixtureConfig())
	subject, err := partial.Descriptor(img.Index)
	require.NoError(t, err)
	m, err := img.SBOM.Manifest()
	require.NoError(t, err)
	assert.Equal(t, types.OCIManifestSchema1, m.MediaType)
	assert.Equal(t, string(spdxType), m.ArtifactType)
	assert.Equal(t, v1.Descriptor{
		MediaType: "application/vnd.oci.empty.v1+json", Size: 2, Data: []byte("{}"),
		Digest: v1.Hash{Algorithm: "sha256", Hex: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
	}, m.Config, "as the image specification has it")
	require.NoError(t, validate.Image(img.SBOM, validate.Fast))
	assert.Equal(t, &v1.Descriptor{MediaType: types.OCIImageIndex, Size: subject.Size, Digest: img.Digest}, m.Subject)
}

// An edited agent changes the image, not what it consists of: the push of a
// small change stays small.
func TestSBOMOfAnEditedAgentIsTheSame(t *testing.T) {
	t.Parallel()
	before, after := build(t, fixtureConfig()), build(t, editedConfig(t))
	require.NotEqual(t, before.Digest, after.Digest)
	assert.Equal(t, sbom(t, before), sbom(t, after))

	cfg := fixtureConfig()
	cfg.Overlays = []agentbundle.Source{{Path: filepath.Join("testdata", "own")}}
	assert.NotEqual(t, sbom(t, before), sbom(t, build(t, cfg)), "a further command changes it")
}

// sbom returns the document.
func sbom(t *testing.T, img *agentbundle.Image) []byte {
	t.Helper()
	layers, err := img.SBOM.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	mediaType, err := layers[0].MediaType()
	require.NoError(t, err)
	assert.Equal(t, spdxType, mediaType)
	rc, err := layers[0].Compressed()
	require.NoError(t, err)
	defer rc.Close()
	data, err := io.ReadAll(rc)
	require.NoError(t, err)
	return data
}
