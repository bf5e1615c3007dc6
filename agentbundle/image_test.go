// These tests check the image without running it: no container runtime is
// involved, and the server is a placeholder.
package agentbundle_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// The digests of the fixture. The image's also depends on the compressor: after
// an upgrade of it this one may change while the bundle's stays.
const (
	goldenBundle = "sha256:c3db9971f2a620d9a227d4619247f45ffa45e73afd4c65ea226e8f6bcdd29d5c"
	goldenImage  = "sha256:7f71dad82c0149f76a916f844308db0240df3c0096161d7fe12291b0d9b8e0c4"
	goldenTag    = "bundle-c3db9971f2a6-7f71dad82c01"
)

var epoch = time.Unix(0, 0).UTC()

func TestImageGolden(t *testing.T) {
	t.Parallel()
	img := build(t, fixtureConfig())
	assert.Equal(t, goldenBundle, img.BundleDigest)
	assert.Equal(t, goldenImage, img.Digest.String())
	assert.Equal(t, goldenTag, img.Tag)
	require.NoError(t, validate.Index(img.Index))
}

// TestImageReproducible builds copies of the fixture that differ in
// everything that must not matter. Not parallel: it sets GOMAXPROCS.
func TestImageReproducible(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	files := map[string]string{}
	fixture := os.DirFS(fixtureConfig().Package.Path)
	require.NoError(t, fs.WalkDir(fixture, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fixture, path)
		files[path] = string(data)
		return err
	}))

	paths := slices.Sorted(maps.Keys(files))
	for i := range 20 {
		runtime.GOMAXPROCS(1 + i%2)
		dir := t.TempDir()
		slices.Reverse(paths)
		for _, path := range paths {
			write(t, dir, path, files[path])
			file := filepath.Join(dir, filepath.FromSlash(path))
			require.NoError(t, os.Chmod(file, fs.FileMode(0o600|i)))
			require.NoError(t, os.Chtimes(file, time.Time{}, time.Unix(int64(i)*1e6, 0)))
			if os.Geteuid() == 0 { // nobody else may give files away
				require.NoError(t, os.Chown(file, i, i))
			}
		}
		cfg := fixtureConfig()
		cfg.Package.Path = dir
		assert.Equal(t, goldenImage, build(t, cfg).Digest.String())
	}
}

// TestImageFromGit builds from an archive and from a checkout.
func TestImageFromGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("skips 2 checks: %v", err)
	}
	repo, clone, archive := t.TempDir(), t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(repo, os.DirFS(fixtureConfig().Package.Path)))
	output(t, "git", "-C", repo, "init", "--quiet")
	output(t, "git", "-C", repo, "add", ".")
	output(t, "git", "-C", repo, "-c", "user.name=a", "-c", "user.email=a", "commit", "--quiet", "--message=a")
	output(t, "git", "clone", "--quiet", repo, clone)
	output(t, "git", "-C", repo, "archive", "--output", filepath.Join(archive, "a.tar"), "HEAD")
	output(t, "tar", "-x", "-C", archive, "-f", filepath.Join(archive, "a.tar"))
	for _, dir := range []string{clone, archive} {
		cfg := fixtureConfig()
		cfg.Package.Path = dir
		assert.Equal(t, goldenImage, build(t, cfg).Digest.String())
	}
}

func TestImageConfig(t *testing.T) {
	t.Parallel()
	cfg := fixtureConfig()
	cfg.Port = 8080
	img := build(t, cfg)
	file, err := platformImage(t, img.Index, "amd64").ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "linux/amd64", file.Platform().String())
	assert.Equal(t, epoch, file.Created.Time, "a time would change the digest of the same content")
	assert.Equal(t, []v1.History{
		{Created: v1.Time{Time: epoch}, CreatedBy: "agentbundle: /codeflow-server"},
		{Created: v1.Time{Time: epoch}, CreatedBy: "agentbundle: /bundle/"},
	}, file.History)
	assert.Equal(t, v1.Config{
		User:         "65532:65532",
		Entrypoint:   []string{"/codeflow-server"},
		Env:          []string{"PORT=8080", "CODEFLOW_ADDRESS=0.0.0.0"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		WorkingDir:   "/",
		Labels:       labels(img, ""),
	}, file.Config)

	m, err := platformImage(t, img.Index, "amd64").Manifest()
	require.NoError(t, err)
	assert.Equal(t, types.OCIManifestSchema1, m.MediaType)
	assert.Equal(t, types.OCIConfigJSON, m.Config.MediaType)
	assert.Equal(t, labels(img, ""), m.Annotations)

	index, err := img.Index.IndexManifest()
	require.NoError(t, err)
	assert.Len(t, index.Manifests, 1, "what no task runs on costs a compile and a push")
	assert.Equal(t, types.OCIImageIndex, index.MediaType)
	assert.Equal(t, labels(img, ""), index.Annotations)
}

func labels(img *agentbundle.Image, base string) map[string]string {
	const repository = "https://github.com/ferg-cod3s/codeflow-infrastructure"
	l := map[string]string{
		"org.opencontainers.image.title":         "CodeFlow",
		"org.opencontainers.image.description":   "Agents and commands for developers, served over MCP and HTTP",
		"org.opencontainers.image.licenses":      "(MIT OR Apache-2.0) AND Apache-2.0",
		"org.opencontainers.image.vendor":        "ferg-cod3s",
		"org.opencontainers.image.url":           repository,
		"org.opencontainers.image.documentation": repository + "/blob/HEAD/docs/server.md",
		"org.opencontainers.image.source":        repository,
		"org.opencontainers.image.version":       "1.2.3",
		agentbundle.DigestLabel:                  img.BundleDigest,
	}
	if base != "" {
		l["org.opencontainers.image.base.digest"] = base
	}
	return l
}

func TestImageFiles(t *testing.T) {
	t.Parallel()
	img := build(t, fixtureConfig())
	layers, err := platformImage(t, img.Index, "amd64").Layers()
	require.NoError(t, err)
	require.Len(t, layers, 2)

	names, files := untar(t, layers[0])
	assert.Equal(t, []string{"-r-xr-xr-x codeflow-server"}, names)
	assert.Equal(t, "server for linux/amd64", string(files["codeflow-server"].Data))

	names, files = untar(t, layers[1])
	assert.Equal(t, []string{
		"drwxr-xr-x bundle/",
		"drwxr-xr-x bundle/agents/",
		"-r--r--r-- bundle/agents/code-reviewer.md",
		"-r--r--r-- bundle/agents/release-manager.md",
		"drwxr-xr-x bundle/commands/",
		"-r--r--r-- bundle/commands/plan.md",
		"-r--r--r-- bundle/manifest.json",
	}, names)
	bundle, err := fs.Sub(files, "bundle")
	require.NoError(t, err)
	m, err := manifest.Read(bundle)
	require.NoError(t, err, "the server must be able to verify what is in the image")
	assert.Equal(t, img.BundleDigest, m.BundleDigest)
}

// untar returns the names in a layer, in order and with their modes, and the
// files. It checks owner and time of each.
func untar(t *testing.T, layer v1.Layer) ([]string, fstest.MapFS) {
	t.Helper()
	rc, err := layer.Uncompressed()
	require.NoError(t, err)
	defer rc.Close()
	var names []string
	files := fstest.MapFS{}
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names, files
		}
		require.NoError(t, err)
		names = append(names, fmt.Sprintf("%s %s", h.FileInfo().Mode(), h.Name))
		assert.Equal(t, [2]int{0, 0}, [2]int{h.Uid, h.Gid}, "%s: the server's user could change it", h.Name)
		assert.Zero(t, h.FileInfo().Mode()&0o022, h.Name)
		assert.Zero(t, h.ModTime.Unix(), h.Name)
		data, err := io.ReadAll(tr)
		require.NoError(t, err)
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = &fstest.MapFile{Data: data}
		}
	}
}

func TestImageOneAgentChangesOneLayer(t *testing.T) {
	t.Parallel()
	before, after := build(t, fixtureConfig()), build(t, editedConfig(t))
	assert.NotEqual(t, before.Tag, after.Tag)
	old, err := platformImage(t, before.Index, "amd64").Manifest()
	require.NoError(t, err)
	changed, err := platformImage(t, after.Index, "amd64").Manifest()
	require.NoError(t, err)
	assert.Equal(t, old.Layers[0], changed.Layers[0])
	assert.NotEqual(t, old.Layers[1].Digest, changed.Layers[1].Digest)
}

// editedConfig is the fixture's after an edit of one agent.
func editedConfig(t *testing.T) agentbundle.Config {
	t.Helper()
	cfg := fixtureConfig()
	agent := filepath.Join("codeflow-agents", "development", "code-reviewer.md")
	data, err := os.ReadFile(filepath.Join(cfg.Package.Path, agent))
	require.NoError(t, err)
	dir := t.TempDir()
	write(t, dir, "agents/code-reviewer.md", string(data)+"edited\n")
	cfg.Overlays = []agentbundle.Source{{Path: dir}}
	return cfg
}

func TestImageServerFails(t *testing.T) {
	t.Parallel()
	_, err := load(t, fixtureConfig()).Image(t.Context(), &agentbundle.ImageOptions{
		Server: func(_ context.Context, p v1.Platform) ([]byte, error) { return nil, errors.New("no " + p.Architecture) },
	})
	assert.EqualError(t, err, "building the image for linux/amd64: no amd64")
}

func platformImage(t *testing.T, index v1.ImageIndex, arch string) v1.Image {
	t.Helper()
	m, err := index.IndexManifest()
	require.NoError(t, err)
	for _, desc := range m.Manifests {
		if desc.Platform.Architecture == arch {
			img, err := index.Image(desc.Digest)
			require.NoError(t, err)
			return img
		}
	}
	t.Fatalf("no image for %s in %v", arch, m.Manifests)
	return nil
}
