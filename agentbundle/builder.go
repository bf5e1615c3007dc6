package agentbundle

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// builder puts the parts of an image together.
type builder struct {
	bundle *Bundle
	base   base
	agents v1.Layer
	server func(context.Context, v1.Platform) ([]byte, error)
}

// index builds the images of all platforms, at the same time because most of
// the work is compiling and compressing the server.
func (b builder) index(ctx context.Context) (v1.ImageIndex, error) {
	platforms := []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
	addenda := make([]mutate.IndexAddendum, len(platforms))
	errs := make([]error, len(platforms))
	var wg sync.WaitGroup
	for i, platform := range platforms {
		wg.Go(func() {
			img, err := b.image(ctx, platform)
			if err != nil {
				errs[i] = fmt.Errorf("building the image for %s: %w", platform, err)
			}
			addenda[i] = mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &platform}}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	index := mutate.AppendManifests(empty.Index, addenda...)
	return mutate.Annotations(index, b.bundle.labels()).(v1.ImageIndex), nil
}

// image builds the image of one platform from nothing: only layers and
// environment are taken from the base, so that its history, labels and
// creation time do not leak in.
func (b builder) image(ctx context.Context, platform v1.Platform) (v1.Image, error) {
	below, err := b.base.platform(platform)
	if err != nil {
		return nil, err
	}
	binary, err := b.server(ctx, platform)
	if err != nil {
		return nil, err
	}
	program, err := newLayer([]entry{{name: serverPath, mode: modeExec, data: binary}})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, append(below.layers, program, b.agents)...)
	if err != nil {
		return nil, fmt.Errorf("stacking layers: %w", err)
	}

	labels := b.bundle.labels()
	if below.digest != "" {
		labels["org.opencontainers.image.base.digest"] = below.digest
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("describing the image: %w", err)
	}
	file.OS, file.Architecture = platform.OS, platform.Architecture
	file.Config = b.bundle.config(below.env, labels)
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, fmt.Errorf("describing the image: %w", err)
	}
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	return mutate.Annotations(img, labels).(v1.Image), nil
}
