package agentbundle

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/fstest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// maxLayer bounds the agents layer of a foreign image, packed and unpacked: a
// bundle of the largest size with what tar adds to it.
const maxLayer = 2 * maxBundle

// Unpack returns the manifest of the bundle in an image and the bundle's files
// by their path in it. Nothing is written: names in the image are only names.
// It fails when the bundle is not what its manifest promises, and on a layer
// over 128 MiB.
func Unpack(index v1.ImageIndex) (*manifest.Manifest, map[string][]byte, error) {
	img, err := find(index, platforms[0], maxNesting) // the others have the same layer
	if err == nil && img == nil {
		err = fmt.Errorf("it has no image for %s", platforms[0])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking image: %w", err)
	}
	layers, err := img.Layers()
	if err == nil && len(layers) == 0 {
		err = errors.New("it has no layers")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking image: %w", err)
	}
	unpacked, err := unpackLayer(layers[len(layers)-1], maxLayer)
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking the agents layer: %w", err)
	}
	return manifest.Open(unpacked)
}

// unpackLayer returns the regular files under /bundle. It reads at most limit
// bytes of the layer, packed and unpacked.
func unpackLayer(l v1.Layer, limit int64) (fstest.MapFS, error) {
	packed, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	zr, err := gzip.NewReader(io.LimitReader(packed, limit))
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: zr, N: limit}
	files := fstest.MapFS{}
	for tr := tar.NewReader(limited); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err == nil && h.Typeflag == tar.TypeReg && strings.HasPrefix(h.Name, bundleDir) {
			f := new(fstest.MapFile)
			f.Data, err = io.ReadAll(tr)
			files[strings.TrimPrefix(h.Name, bundleDir)] = f
		}
		switch {
		case limited.N == 0:
			return nil, fmt.Errorf("it must have at most %d bytes", limit)
		case err != nil:
			return nil, err
		}
	}
}
