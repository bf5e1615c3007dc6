package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Whiteouts: entries that remove what lower layers have.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// unpacker writes layers into a folder. Everything goes through an [os.Root],
// which refuses paths that leave it even when links in it say otherwise.
type unpacker struct {
	root *os.Root
	left Limits
	own  map[string]bool // paths that the current layer has written.
}

// unpack writes all layers of an image into a folder, the lowest first.
func unpack(image v1.Image, dir string, limits Limits) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{root: root, left: limits}
	for i, layer := range layers {
		content, err := layer.Uncompressed()
		if err == nil {
			err = errors.Join(u.layer(content), content.Close())
		}
		if err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return u.links()
}

func (u *unpacker) layer(content io.Reader) error {
	u.own = map[string]bool{}
	// What tar itself adds is bounded with the content: a header may repeat.
	limited := &io.LimitedReader{R: content, N: u.left.Bytes + int64(u.left.Entries)*4*512}
	for archive := tar.NewReader(limited); ; {
		h, err := archive.Next()
		switch {
		case limited.N == 0:
			return fmt.Errorf("the image must have at most %d bytes unpacked: leave something out", u.left.Bytes)
		case errors.Is(err, io.EOF):
			// The digest is judged when all is read.
			_, err := io.Copy(io.Discard, limited)
			return err
		case err != nil:
			return err
		}
		if u.left.Entries--; u.left.Entries < 0 {
			return errors.New("the image has too many entries: leave something out")
		}
		if err := u.entry(h, archive); err != nil {
			return err
		}
	}
}

// refuse says which rule an entry breaks.
func refuse(h *tar.Header, rule string) error {
	return fmt.Errorf("entry %q (type %c, mode %04o, link %q) %s: build the image without it",
		h.Name, h.Typeflag, h.Mode, h.Linkname, rule)
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader { // a comment.
		return nil
	}
	name, err := local(h, h.Name)
	if err != nil || name == "." {
		return err
	}
	dir, base := path.Split(name)
	if strings.HasPrefix(base, whiteout) {
		return u.whiteout(h, path.Clean(dir), base)
	}
	if h.Typeflag != tar.TypeDir && h.Mode&0o6000 != 0 {
		return refuse(h, "must not be setuid or setgid")
	}
	if err := u.makeWay(h, name); err != nil {
		return err
	}
	for own := name; own != "."; own = path.Dir(own) {
		u.own[own] = true
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return u.file(h, name, content)
	case tar.TypeLink:
		return u.link(h, name)
	case tar.TypeSymlink:
		return u.symlink(h, name)
	}
	return refuse(h, "must be a file, a folder or a link")
}

// local returns a path of the archive as one below the root.
func local(h *tar.Header, name string) (string, error) {
	for _, part := range strings.Split(name, "/") {
		if part == ".." {
			return "", refuse(h, `must not have ".." in its path`)
		}
	}
	if !filepath.IsLocal(name) {
		return "", refuse(h, "must have a relative path")
	}
	return path.Clean(name), nil
}

// makeWay makes the folders above an entry and removes what it replaces.
func (u *unpacker) makeWay(h *tar.Header, name string) error {
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	there, err := u.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case there.IsDir() && h.Typeflag == tar.TypeDir:
		return nil
	}
	return u.root.RemoveAll(name)
}

func (u *unpacker) file(h *tar.Header, name string, content io.Reader) error {
	if h.Size > u.left.Bytes { // of a sparse file, the size of what would be written.
		return refuse(h, fmt.Sprintf("has %d bytes where the image may have %d more", h.Size, u.left.Bytes))
	}
	u.left.Bytes -= h.Size
	mode := fs.FileMode(0o444)
	if h.Mode&0o111 != 0 {
		mode = 0o555
	}
	file, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close())
}

func (u *unpacker) link(h *tar.Header, name string) error {
	target, err := local(h, h.Linkname)
	if err != nil {
		return err
	}
	if there, err := u.root.Lstat(target); err != nil || !there.Mode().IsRegular() {
		return refuse(h, "must be a hard link to a file of the image")
	}
	return u.root.Link(target, name)
}

// symlink makes absolute links relative: in an image they start at its root,
// also for a process that is not locked into it.
func (u *unpacker) symlink(h *tar.Header, name string) error {
	target := h.Linkname
	if path.IsAbs(target) {
		relative, err := filepath.Rel("/"+path.Dir(name), path.Clean(target))
		if err != nil {
			return err
		}
		target = relative
	}
	if !filepath.IsLocal(path.Join(path.Dir(name), target)) { //nolint:gosec // that is what is judged.
		return refuse(h, "must not lead out of the image")
	}
	return u.root.Symlink(target, name)
}

// links judges the links once more when all are there: where one really leads
// can depend on others.
func (u *unpacker) links() error {
	return fs.WalkDir(u.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() != fs.ModeSymlink {
			return err
		}
		if _, err := u.root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("link %q must not lead out of the image: build the image without it: %w", name, err)
		}
		return nil
	})
}

// whiteout removes what lower layers have: one entry of a folder or, when it is
// opaque, all of them.
func (u *unpacker) whiteout(h *tar.Header, dir, base string) error {
	if base != opaque {
		hidden := strings.TrimPrefix(base, whiteout)
		if hidden == "" || hidden == "." || hidden == ".." {
			return refuse(h, "must name what it removes")
		}
		return u.root.RemoveAll(path.Join(dir, hidden))
	}
	return u.clear(dir)
}

// clear removes what is in a folder but for what the current layer wrote.
func (u *unpacker) clear(dir string) error {
	entries, err := fs.ReadDir(u.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case !u.own[name]:
			err = u.root.RemoveAll(name)
		case entry.IsDir():
			err = u.clear(name)
		}
		if err != nil {
			return err
		}
	}
	return err
}
