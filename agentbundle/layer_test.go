package agentbundle

import (
	"archive/tar"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A layer of a few bytes may unpack to many.
func TestUnpackLayerIsBounded(t *testing.T) {
	t.Parallel()
	bomb, err := newLayer([]entry{{bundleDir + "a", modeFile, make([]byte, 1<<20)}})
	require.NoError(t, err)
	require.Less(t, len(bomb.gzip), 1<<16)
	files, err := unpackLayer(bomb, 2<<20)
	require.NoError(t, err)
	assert.Len(t, files["a"].Data, 1<<20)
	_, err = unpackLayer(bomb, 1<<20)
	assert.EqualError(t, err, "it must have at most 1048576 bytes")
}

// FuzzLayer packs two files: whatever they are called and hold, the layer
// gives them back, in the order of their names, or is refused.
func FuzzLayer(f *testing.F) {
	f.Add("bundle/agents/a.md", "bundle/agents/b.md", []byte("text"), []byte{})
	f.Add("b", "a/", []byte{0}, []byte("a directory has none"))
	f.Add(strings.Repeat("a", 101), strings.Repeat("b/", 128), []byte("long"), []byte(nil))
	f.Add("ä\x00", "../\xff", []byte("\r\n"), make([]byte, 513))
	f.Add("0", "", []byte("no name"), []byte("0"))
	f.Fuzz(func(t *testing.T, name1, name2 string, data1, data2 []byte) {
		if name1 == name2 {
			t.Skip("a bundle is a map: its names differ")
		}
		files := map[string][]byte{name1: data1, name2: data2}
		l, err := newLayer([]entry{{name1, modeFile, data1}, {name2, modeFile, data2}})
		swapped, errSwapped := newLayer([]entry{{name2, modeFile, data2}, {name1, modeFile, data1}})
		require.Equal(t, err == nil, errSwapped == nil)
		if err != nil {
			return
		}
		require.Equal(t, l, swapped)

		rc, err := l.Uncompressed()
		require.NoError(t, err)
		defer rc.Close()
		tr := tar.NewReader(rc)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			h, err := tr.Next()
			require.NoError(t, err)
			assert.Equal(t, name, h.Name)
			assert.Equal(t, []int64{modeFile, 0, 0, 0}, []int64{h.Mode, int64(h.Uid), int64(h.Gid), h.ModTime.Unix()})
			got, err := io.ReadAll(tr)
			require.NoError(t, err)
			assert.Equal(t, string(files[name]), string(got))
		}
		_, err = tr.Next()
		require.ErrorIs(t, err, io.EOF)

		rc, err = l.Compressed()
		require.NoError(t, err)
		digest, size, err := v1.SHA256(rc)
		require.NoError(t, err)
		assert.Equal(t, l.digest, digest)
		assert.Len(t, l.gzip, int(size))
	})
}
