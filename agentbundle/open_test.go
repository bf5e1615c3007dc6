package agentbundle_test

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func TestUnpack(t *testing.T) {
	t.Parallel()
	bundle := load(t, fixtureConfig())
	m, files, err := agentbundle.Unpack(build(t, fixtureConfig()).Index)
	require.NoError(t, err)
	assert.Equal(t, &bundle.Manifest, m)
	assert.Equal(t, []string{"agents/code-reviewer.md", "agents/release-manager.md", "commands/plan.md"}, slices.Sorted(maps.Keys(files)))
	assert.Equal(t, m.Agents[0].SHA256, manifest.Sum(files[m.Agents[0].Path]))
}

// foreign is an image as anybody may push it.
func foreign(t *testing.T, layers ...v1.Layer) v1.ImageIndex {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	require.NoError(t, err)
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
	})
}

// packed is a layer of the headers, each with its content.
func packed(t *testing.T, files map[*tar.Header]string) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for header, content := range files {
		header.Size = int64(len(content))
		require.NoError(t, tw.WriteHeader(header))
		_, err := tw.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	require.NoError(t, err)
	return l
}

func file(name string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}
}

// listing is a manifest that promises one agent, "x", at the path.
func listing(t *testing.T, path string) string {
	t.Helper()
	m := manifest.Manifest{SchemaVersion: manifest.SchemaVersion, Agents: []manifest.Entry{{Name: "a", Path: path, SHA256: manifest.Sum([]byte("x"))}}}
	m.BundleDigest = m.Digest()
	data, err := m.Encode()
	require.NoError(t, err)
	return string(data)
}

// nested is an index in that many others.
func nested(t *testing.T, depth int) v1.ImageIndex {
	t.Helper()
	index := foreign(t)
	for range depth {
		index = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})
	}
	return index
}

func TestUnpackRefusals(t *testing.T) {
	t.Parallel()
	rc, err := packed(t, map[*tar.Header]string{file("bundle/x"): "x"}).Compressed()
	require.NoError(t, err)
	zipped, err := io.ReadAll(rc)
	require.NoError(t, err)
	tests := map[string]struct {
		index v1.ImageIndex
		want  string
	}{
		"no platform":     {empty.Index, "no image for linux/amd64"},
		"no layers":       {foreign(t), "no layers"},
		"not compressed":  {foreign(t, static.NewLayer([]byte("x"), types.OCILayer)), "unpacking the agents layer"},
		"cut":             {foreign(t, static.NewLayer(zipped[:len(zipped)/2], types.OCILayer)), "unexpected EOF"},
		"no bundle":       {foreign(t, packed(t, map[*tar.Header]string{file("etc/passwd"): "x"})), "manifest.json: file does not exist"},
		"outside":         {foreign(t, packed(t, map[*tar.Header]string{file("bundle/manifest.json"): listing(t, "../x"), file("x"): "x", file("bundle/../x"): "x"})), "../x: file does not exist"},
		"link":            {foreign(t, packed(t, map[*tar.Header]string{file("bundle/manifest.json"): listing(t, "x"), {Name: "bundle/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}: ""})), "x: file does not exist"},
		"smuggled":        {foreign(t, packed(t, map[*tar.Header]string{file("bundle/manifest.json"): listing(t, "x"), file("bundle/x"): "x", file("bundle/y"): "y"})), "y is not listed"},
		"nested":          {nested(t, 5), "more than 4 indexes deep"},
		"another content": {foreign(t, packed(t, map[*tar.Header]string{file("bundle/manifest.json"): listing(t, "x"), file("bundle/x"): "y"})), "the manifest says"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, _, err := agentbundle.Unpack(tt.index)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
