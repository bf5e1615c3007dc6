package agentbundle

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// epoch is the time of everything in an image: a real one would change the
// digest of the same content.
var epoch = time.Unix(0, 0).UTC()

// entry is one file of a layer, or a directory when its name ends in "/".
type entry struct {
	name string
	mode int64
	data []byte
}

// layer is a gzipped tar held in memory. It is not a tarball.Layer, because
// that one compresses differently under GGCR_EXPERIMENT_ESTARGZ, and not
// compressed by the standard library, which takes thrice the time and whose
// output may change with Go.
type layer struct {
	gzip           []byte
	diffID, digest v1.Hash
}

var _ v1.Layer = (*layer)(nil)

// newLayer packs entries, sorted by name so that directories precede what
// they hold. All of it is root's, so that the server, which is not, cannot
// change itself even where the file system can be written.
func newLayer(entries []entry) (*layer, error) {
	var zipped bytes.Buffer
	diffID, digest := sha256.New(), sha256.New()
	zw := gzip.NewWriter(io.MultiWriter(&zipped, digest))
	if err := writeTar(io.MultiWriter(zw, diffID), entries); err != nil {
		return nil, fmt.Errorf("packing layer: %w", err)
	}
	if err := zw.Close(); err != nil {
		return nil, fmt.Errorf("compressing layer: %w", err)
	}
	return &layer{gzip: zipped.Bytes(), diffID: sum(diffID), digest: sum(digest)}, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

func writeTar(w io.Writer, entries []entry) error {
	tw := tar.NewWriter(w)
	for _, e := range slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return cmp.Compare(a.name, b.name) }) {
		typeflag := byte(tar.TypeReg)
		if strings.HasSuffix(e.name, "/") {
			typeflag = tar.TypeDir
		}
		header := &tar.Header{
			Typeflag: typeflag,
			Name:     e.name,
			Size:     int64(len(e.data)),
			Mode:     e.mode,
			ModTime:  epoch,
			Format:   tar.FormatUSTAR,
		}
		if err := tw.WriteHeader(header); err != nil {
			return fmt.Errorf("adding %q: %w", e.name, err)
		}
		if _, err := tw.Write(e.data); err != nil {
			return fmt.Errorf("adding %q: %w", e.name, err)
		}
	}
	return tw.Close()
}

func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }
func (l *layer) Size() (int64, error)     { return int64(len(l.gzip)), nil }

func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.gzip)), nil
}

func (l *layer) Uncompressed() (io.ReadCloser, error) {
	return gzip.NewReader(bytes.NewReader(l.gzip))
}
