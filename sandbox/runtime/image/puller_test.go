// These tests pull from a real registry handler on loopback. They do not prove
// anything about ECR's authentication.
package image_test

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/image"
)

type layer []tar.Header // a file's content is its name.

func (entries layer) pack(t *testing.T) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range entries {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, h.Name)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	packed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	})
	require.NoError(t, err)
	return packed
}

func file(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}
}

func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hardlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}
}

// store is a registry that counts the layers it is asked for.
type store struct {
	*httptest.Server
	blobs atomic.Int32
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			s.blobs.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func build(t *testing.T, architecture string, layers ...layer) v1.Image {
	t.Helper()
	built := empty.Image
	for _, entries := range layers {
		var err error
		built, err = mutate.AppendLayers(built, entries.pack(t))
		require.NoError(t, err)
	}
	config, err := built.ConfigFile()
	require.NoError(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Entrypoint = "linux", architecture, []string{"/" + architecture}
	built, err = mutate.ConfigFile(built, config)
	require.NoError(t, err)
	return built
}

// push pushes an image and returns how a task definition would name it.
func (s *store) push(t *testing.T, pushed remote.Taggable, digest v1.Hash) string {
	t.Helper()
	ref, err := name.NewDigest(strings.TrimPrefix(s.URL, "http://") + "/team/codeflow@" + digest.String())
	require.NoError(t, err)
	if index, ok := pushed.(v1.ImageIndex); ok {
		require.NoError(t, remote.WriteIndex(ref, index))
	} else {
		require.NoError(t, remote.Write(ref, pushed.(v1.Image)))
	}
	return "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/codeflow@" + digest.String()
}

func pull(t *testing.T, limits image.Limits, layers ...layer) (*image.Image, error) {
	t.Helper()
	s := newStore(t)
	built := build(t, runtime.GOARCH, layers...)
	digest, err := built.Digest()
	require.NoError(t, err)
	dir := t.TempDir()
	p := image.NewPuller(s.URL, dir, limits)
	defer p.Close()
	pulled, err := p.Pull(t.Context(), s.push(t, built, digest))
	if err != nil {
		left, errRead := os.ReadDir(dir)
		require.NoError(t, errRead)
		assert.Empty(t, left, "a refused image leaves nothing behind")
	}
	return pulled, err
}

// tree lists the files of an image with their modes and contents.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		found[name] = info.Mode().String() + " " + string(content)
		return nil
	}))
	return found
}

func forPlatform(built v1.Image, architecture string) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: built, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "linux", Architecture: architecture},
	}}
}

func TestPullPicksThePlatformAndKeepsTheLayers(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	index := mutate.AppendManifests(empty.Index, forPlatform(build(t, "mips", layer{file("mips")}), "mips"),
		forPlatform(build(t, runtime.GOARCH, layer{file("ours"), {Typeflag: tar.TypeReg, Name: "run", Mode: 0o755}}), runtime.GOARCH))
	digest, err := index.Digest()
	require.NoError(t, err)
	reference := s.push(t, index, digest)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "1.tmp", "root"), 0o755))
	p := image.NewPuller(s.URL, dir, image.Limits{})
	defer p.Close()
	assert.NoDirExists(t, filepath.Join(dir, "1.tmp"), "what a killed pull left")

	first, err := p.Pull(t.Context(), reference)
	require.NoError(t, err)
	assert.Equal(t, digest.String(), first.Digest)
	assert.Equal(t, []string{"/" + runtime.GOARCH}, first.Config.Entrypoint)
	assert.Equal(t, map[string]string{"ours": "-r--r--r-- ours", "run": "-r-xr-xr-x run"}, tree(t, first.Root))

	blobs := s.blobs.Load()
	second, err := p.Pull(t.Context(), reference)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, blobs, s.blobs.Load(), "nothing is downloaded twice")

	s.Close()
	_, err = p.Pull(t.Context(), reference)
	require.ErrorContains(t, err, "pulling "+reference, "the registry must be there at each pull")
}

func TestPullErrors(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	p := image.NewPuller(s.URL, t.TempDir(), image.Limits{})
	defer p.Close()
	_, err := p.Pull(t.Context(), "codeflow:latest")
	require.ErrorContains(t, err, `image "codeflow:latest" must be named by digest`)
	_, err = p.Pull(t.Context(), "codeflow@sha256:"+strings.Repeat("0", 64))
	require.ErrorContains(t, err, "NAME_UNKNOWN")
	other := build(t, "mips", layer{file("a")})
	digest, err := other.Digest()
	require.NoError(t, err)
	_, err = p.Pull(t.Context(), s.push(t, other, digest))
	require.ErrorContains(t, err, "it must be for linux/"+runtime.GOARCH+", got linux/mips")
}

func TestLayers(t *testing.T) {
	t.Parallel()
	pulled, err := pull(t, image.Limits{},
		layer{
			file("kept"), file("removed"), file("replaced/below"), dir("opaque"), file("opaque/old"), dir("opaque/both"),
			file("opaque/both/old"), file("through/file"),
		},
		layer{
			file(".wh.removed"), file("replaced"), file("opaque/new"), file("opaque/both/new"), symlink("opaque/link", "../through"),
			file("opaque/.wh..wh..opq"), file("absent/.wh..wh..opq"), file(".wh.absent"),
			hardlink("hard", "kept"), symlink("absolute", "/through/file"), symlink("above-root", "/../kept"),
			symlink("dangling", "nowhere"), dir("./"),
			{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}},
		})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(pulled.Root, "dangling")))
	require.NoError(t, os.Remove(filepath.Join(pulled.Root, "opaque/link")))
	assert.Equal(t, map[string]string{
		"kept": "-r--r--r-- kept", "hard": "-r--r--r-- kept", "replaced": "-r--r--r-- replaced",
		"opaque/new": "-r--r--r-- opaque/new", "opaque/both/new": "-r--r--r-- opaque/both/new",
		"through/file": "-r--r--r-- through/file",
		"absolute":     "Lrwxrwxrwx through/file", "above-root": "Lrwxrwxrwx kept",
	}, tree(t, pulled.Root))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		entries layer
		want    string
	}{
		"dot dot":               {layer{file("../a")}, `entry "../a" (type 0, mode 0644, link "") must not have ".." in its path`},
		"dot dot inside":        {layer{file("a/../../b")}, `must not have ".."`},
		"absolute":              {layer{file("/etc/passwd")}, "must have a relative path"},
		"empty":                 {layer{file("")}, "must have a relative path"},
		"hard link out":         {layer{hardlink("a", "../../etc/passwd")}, `must not have ".."`},
		"hard link absolute":    {layer{hardlink("a", "/etc/passwd")}, "must have a relative path"},
		"hard link to nothing":  {layer{hardlink("a", "b")}, "must be a hard link to a file of the image"},
		"hard link to a folder": {layer{dir("b"), hardlink("a", "b")}, "must be a hard link to a file of the image"},
		"symlink out":           {layer{dir("d"), symlink("d/a", "../../etc/passwd")}, "must not lead out of the image"},
		"symlink out by links":  {layer{dir("x/y"), symlink("x/y/up", "../.."), symlink("x/y/up/out", "../../etc")}, "must not lead out of the image"},
		"symlinks in a circle":  {layer{symlink("a", "b"), symlink("b", "a")}, "must not lead out of the image"},
		"through a symlink out": {layer{symlink("x/y", "/"), symlink("z", "x/y/..")}, "must not lead out of the image"},
		"setuid":                {layer{{Typeflag: tar.TypeReg, Name: "su", Mode: 0o4755}}, "must not be setuid or setgid"},
		"setgid":                {layer{{Typeflag: tar.TypeReg, Name: "su", Mode: 0o2755}}, "must not be setuid or setgid"},
		"setuid hard link":      {layer{file("a"), {Typeflag: tar.TypeLink, Name: "su", Linkname: "a", Mode: 0o4755}}, "must not be setuid or setgid"},
		"character device":      {layer{{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}}, "must be a file, a folder or a link"},
		"block device":          {layer{{Typeflag: tar.TypeBlock, Name: "sda", Devmajor: 8}}, "must be a file, a folder or a link"},
		"fifo":                  {layer{{Typeflag: tar.TypeFifo, Name: "pipe"}}, "must be a file, a folder or a link"},
		"whiteout of above":     {layer{file("d/.wh...")}, "must name what it removes"},
		"whiteout of nothing":   {layer{file(".wh.")}, "must name what it removes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pull(t, image.Limits{}, layer{file("below")}, tc.entries)
			require.ErrorContains(t, err, tc.want)
			assert.ErrorContains(t, err, ": build the image without it")
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	_, err := pull(t, image.Limits{Bytes: 10}, layer{file("1234567"), file("1234")})
	require.ErrorContains(t, err, "has 4 bytes where the image may have 3 more")
	_, err = pull(t, image.Limits{Entries: 2}, layer{file("a"), file("b")}, layer{file("c")})
	require.ErrorContains(t, err, "the image has too many entries")
	_, err = pull(t, image.Limits{Bytes: 100, Entries: 1}, layer{{
		Typeflag: tar.TypeReg, Name: "a", PAXRecords: map[string]string{"comment": strings.Repeat("x", 1<<16)},
	}})
	require.ErrorContains(t, err, "the image must have at most 100 bytes unpacked")
}
