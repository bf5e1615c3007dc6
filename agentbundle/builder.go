package agentbundle

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// platforms are those that the image is for: the one that its task runs on.
// With a second, the digest stays that of an index.
var platforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}}

// builder puts the parts of an image together.
type builder struct {
	bundle *Bundle
	base   base
	agents v1.Layer
	server func(context.Context, v1.Platform) (*program, error)
}

// part is the image of one platform and what it was made from.
type part struct {
	platform v1.Platform
	image    v1.Image
	base     string // digest; empty for scratch
	modules  []module
}

// parts builds the images of all platforms.
func (b builder) parts(ctx context.Context) (parts []part, err error) {
	for _, platform := range platforms {
		p, err := b.part(ctx, platform)
		if err != nil {
			return nil, fmt.Errorf("building the image for %s: %w", platform, err)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// part builds the image of one platform from nothing: only layers and
// environment are taken from the base, so that its history, labels and
// creation time do not leak in.
func (b builder) part(ctx context.Context, platform v1.Platform) (part, error) {
	below, err := b.base.platform(platform)
	if err != nil {
		return part{}, err
	}
	server, err := b.server(ctx, platform)
	if err != nil {
		return part{}, err
	}
	var layers []mutate.Addendum
	for _, l := range below.layers {
		layers = append(layers, made("base "+below.digest, l))
	}
	layers = append(layers, made("/"+serverPath, server.layer), made("/"+bundleDir, b.agents))
	img, err := mutate.Append(empty.Image, layers...)
	if err != nil {
		return part{}, fmt.Errorf("stacking layers: %w", err)
	}

	labels := b.bundle.labels(server.modules)
	if below.digest != "" {
		labels["org.opencontainers.image.base.digest"] = below.digest
	}
	file, err := img.ConfigFile()
	if err != nil {
		return part{}, fmt.Errorf("describing the image: %w", err)
	}
	file.OS, file.Architecture, file.Created = platform.OS, platform.Architecture, v1.Time{Time: epoch}
	file.Config = b.bundle.config(below.env, labels)
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return part{}, fmt.Errorf("describing the image: %w", err)
	}
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	return part{
		platform: platform,
		image:    mutate.Annotations(img, labels).(v1.Image),
		base:     below.digest,
		modules:  server.modules,
	}, nil
}

// made is a layer with what the image's history tells of it.
func made(by string, l v1.Layer) mutate.Addendum {
	return mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "agentbundle: " + by}}
}

// index makes one image of the platforms'.
func (b builder) index(parts []part) v1.ImageIndex {
	index := v1.ImageIndex(empty.Index)
	var modules []module
	for _, p := range parts {
		modules = append(modules, p.modules...)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.image, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	return mutate.Annotations(index, b.bundle.labels(modules)).(v1.ImageIndex)
}
