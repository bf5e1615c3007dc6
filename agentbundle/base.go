package agentbundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// scratch is the name of the empty base.
const scratch = "scratch"

// maxNesting bounds how deep an index may lie in others: a layout may say that
// it holds itself.
const maxNesting = 4

// base is what the image is built on; a nil index is scratch.
type base struct {
	ref   string
	index v1.ImageIndex
}

// below is what one platform's image takes from the base.
type below struct {
	layers []v1.Layer
	env    []string
	digest string // of the base's image; empty for scratch
}

// openBase opens a base without downloading its layers. A reference must be
// a digest: what a tag names changes with time.
func openBase(ctx context.Context, ref string) (base, error) {
	if ref == scratch {
		return base{ref: ref}, nil
	}
	_, err := os.Stat(filepath.Join(ref, "oci-layout"))
	switch {
	case err == nil:
		index, err := layout.ImageIndexFromPath(ref)
		if err != nil {
			return base{}, fmt.Errorf("opening base %q as an OCI layout: %w", ref, err)
		}
		return base{ref: ref, index: index}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return base{}, fmt.Errorf("opening base %q: %w", ref, err)
	}

	digest, err := name.NewDigest(ref)
	if err != nil {
		return base{}, fmt.Errorf("opening base %q: must be %q, the directory of an OCI layout, or an image reference with a digest such as name@sha256:…: %w", ref, scratch, err)
	}
	index, err := remote.Index(digest, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return base{}, fmt.Errorf("opening base %q as an index of platforms: %w", ref, err)
	}
	return base{ref: ref, index: index}, nil
}

// platform returns the part of the base for one platform.
func (b base) platform(platform v1.Platform) (below, error) {
	if b.index == nil {
		return below{}, nil
	}
	img, err := find(b.index, platform, maxNesting)
	if err != nil {
		return below{}, fmt.Errorf("reading base %q: %w", b.ref, err)
	}
	if img == nil {
		return below{}, fmt.Errorf("reading base %q: it has no image for %s: choose a base that has", b.ref, platform)
	}
	part, err := split(img)
	if err != nil {
		return below{}, fmt.Errorf("reading base %q: %w", b.ref, err)
	}
	return part, nil
}

// find returns the first image for the platform in an index and the indexes
// in it (an OCI layout wraps one in another), or nil.
func find(index v1.ImageIndex, platform v1.Platform, nesting int) (v1.Image, error) {
	if nesting < 0 {
		return nil, fmt.Errorf("it has images more than %d indexes deep", maxNesting)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, desc := range m.Manifests {
		switch {
		case desc.MediaType.IsIndex():
			child, err := index.ImageIndex(desc.Digest)
			if err != nil {
				return nil, err
			}
			if img, err := find(child, platform, nesting-1); img != nil || err != nil {
				return img, err
			}
		case desc.MediaType.IsImage() && desc.Platform != nil && desc.Platform.Satisfies(platform):
			return index.Image(desc.Digest)
		}
	}
	return nil, nil
}

func split(img v1.Image) (below, error) {
	digest, err := img.Digest()
	if err != nil {
		return below{}, err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return below{}, err
	}
	layers, err := img.Layers()
	if err != nil {
		return below{}, err
	}
	for i, l := range layers {
		layers[i] = ociLayer(l)
	}
	return below{layers: layers, env: cfg.Config.Env, digest: digest.String()}, nil
}

// ociLayer gives a Docker layer its OCI name; the bytes are the same.
func ociLayer(l v1.Layer) v1.Layer {
	if mt, err := l.MediaType(); err != nil || mt != types.DockerLayer {
		return l
	}
	return renamedLayer{l}
}

type renamedLayer struct{ v1.Layer }

func (renamedLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
