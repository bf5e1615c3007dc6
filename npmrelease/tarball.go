package npmrelease

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// integrity is the hash of a tarball as npm has it.
// https://developer.mozilla.org/en-US/docs/Web/Security/Subresource_Integrity
func integrity(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// openTarball reads the manifest of the package in a tarball, whose hash must be that of
// the one that was checked.
func openTarball(file, want string) (path string, m manifest, err error) {
	if want == "" {
		return "", m, errors.New("--integrity must be the hash that check told")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", m, fmt.Errorf("reading what was checked: %w", err)
	}
	if got := integrity(data); got != want {
		return "", m, fmt.Errorf("%s: its hash must be that of the tarball that was checked, %s, got %s", file, want, got)
	}
	var found []byte
	if err := eachEntry(data, func(name string, content []byte) {
		if name == "package/package.json" {
			found = content
		}
	}); err != nil {
		return "", m, fmt.Errorf("%s: %w", file, err)
	}
	if m, err = parseManifest(file+": package.json", found); err != nil {
		return "", m, err
	}
	path, err = filepath.Abs(file) // npm runs in another folder
	return path, m, err
}

// eachEntry calls use with each file in a tarball.
func eachEntry(data []byte, use func(name string, content []byte)) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		use(header.Name, content)
	}
}

// keep writes the tarball and its hash to where the next job finds them.
func (r *release) keep(context.Context) (string, error) {
	data, err := os.ReadFile(r.tarball)
	if err == nil {
		err = os.MkdirAll(r.Out, 0o755)
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(r.Out, TarballName), errors.Join(
		os.WriteFile(filepath.Join(r.Out, TarballName), data, 0o600),
		os.WriteFile(filepath.Join(r.Out, IntegrityName), []byte(r.integrity), 0o600),
	)
}
