package agentbundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// layoutFiles are what the root of an OCI layout may hold:
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
var layoutFiles = []string{"blobs", "index.json", "oci-layout"}

// WriteLayout writes the image and its SBOM to a directory as an OCI layout,
// under the image's tag. It takes the place of an earlier layout as a whole;
// a directory that holds anything else is left alone.
func (i *Image) WriteLayout(dir string) error {
	exists, err := replaceable(dir)
	if err != nil {
		return fmt.Errorf("writing OCI layout %q: %w", dir, err)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("writing OCI layout: %w", err)
	}
	temp, err := os.MkdirTemp(parent, ".oci-layout-")
	if err != nil {
		return fmt.Errorf("writing OCI layout: %w", err)
	}
	defer os.RemoveAll(temp)

	index := mutate.AppendManifests(
		empty.Index,
		mutate.IndexAddendum{Add: i.Index, Descriptor: v1.Descriptor{
			Annotations: map[string]string{"org.opencontainers.image.ref.name": i.Tag},
		}},
		mutate.IndexAddendum{Add: i.SBOM, Descriptor: v1.Descriptor{ArtifactType: string(spdxType)}},
	)
	written, old := filepath.Join(temp, "new"), filepath.Join(temp, "old")
	if _, err := layout.Write(written, index); err != nil {
		return fmt.Errorf("writing OCI layout %q: %w", dir, err)
	}
	if err := readable(written); err != nil {
		return fmt.Errorf("writing OCI layout %q: %w", dir, err)
	}
	if exists {
		if err := os.Rename(dir, old); err != nil {
			return fmt.Errorf("replacing OCI layout: %w", err)
		}
	}
	if err := os.Rename(written, dir); err != nil {
		if exists {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return fmt.Errorf("writing OCI layout: %w", err)
	}
	return nil
}

// readable lets everybody read the files of a layout: its writer leaves blobs
// to the user alone, and other tools may run as another.
func readable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o644) //nolint:gosec // nothing in an image is secret
	})
}

// replaceable reports whether dir exists; it must then be empty or an OCI
// layout and nothing else.
func replaceable(dir string) (exists bool, err error) {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, fmt.Errorf("must be a directory, got mode %s: choose another", info.Mode())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !slices.Contains(layoutFiles, e.Name()) {
			return false, fmt.Errorf("must be empty or an OCI layout, holds %q: choose another directory", e.Name())
		}
	}
	return true, nil
}
