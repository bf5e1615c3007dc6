//go:build linux

package main_test

import (
	"archive/tar"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

// BenchmarkImage compares what has to be pulled, without a base: our image, with
// its bundle, and bun with the TypeScript SDK and what that needs.
func BenchmarkImage(b *testing.B) {
	bun, err := process.Bun(b.Context(), peers)
	if err != nil {
		b.Skip(err)
	}
	cfg, err := agentbundle.ReadConfig("../../agents/bundle.yaml")
	require.NoError(b, err)
	cfg.Module = "../.."
	for b.Loop() {
		bundle, err := agentbundle.Load(cfg)
		require.NoError(b, err)
		image, err := bundle.Image(b.Context(), nil)
		require.NoError(b, err)
		index, err := image.Index.IndexManifest()
		require.NoError(b, err)
		amd64, err := image.Index.Image(index.Manifests[0].Digest)
		require.NoError(b, err)
		m, err := amd64.Manifest()
		require.NoError(b, err)
		ours := m.Config.Size
		for _, layer := range m.Layers {
			ours += layer.Size
		}
		theirs := packed(b, append(packages(b, "@modelcontextprotocol/sdk"), bun)...)
		b.ReportMetric(float64(ours)/(1<<20), "MB_image")
		b.ReportMetric(float64(theirs)/(1<<20), "MB_bun")
		b.ReportMetric(float64(theirs)/float64(ours), "x_smaller")
		b.ReportMetric(0, "ns/op")
	}
}

// packages returns the directories of an npm package and of all that it needs.
func packages(b *testing.B, name string) []string {
	b.Helper()
	found := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		dir := filepath.Join(peers, "node_modules", filepath.FromSlash(name))
		data, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil || found[dir] {
			return // in the directory of a package that needs it, or optional
		}
		found[dir] = true
		var p struct{ Dependencies, PeerDependencies map[string]string }
		require.NoError(b, json.Unmarshal(data, &p))
		for _, names := range []map[string]string{p.Dependencies, p.PeerDependencies} {
			for name := range names {
				add(name)
			}
		}
	}
	add(name)
	return slices.Collect(maps.Keys(found))
}

// packed returns the size of a gzipped tar, compressed as our layers are.
func packed(b *testing.B, paths ...string) int64 {
	b.Helper()
	var size counter
	zw := gzip.NewWriter(&size)
	tw := tar.NewWriter(zw)
	for _, path := range paths {
		require.NoError(b, filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if err := tw.WriteHeader(&tar.Header{Name: path, Size: info.Size()}); err != nil {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(tw, f)
			return err
		}))
	}
	require.NoError(b, tw.Close())
	require.NoError(b, zw.Close())
	return int64(size)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
