package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

const (
	// SchemaVersion is the version of the manifest's JSON that this package
	// writes and the only one that it reads.
	SchemaVersion = 1

	// FileName is the name of the manifest in the root of a bundle.
	FileName = "manifest.json"
)

// Manifest lists what a bundle holds. Its lists are sorted: entries by name,
// exclusions by path.
type Manifest struct {
	SchemaVersion int `json:"schemaVersion"`
	// Source is the published package that the bundle was made from, Overlays
	// are the team's own sources, as far as they are packages with a version.
	Source   Source      `json:"source"`
	Overlays []Source    `json:"overlays,omitempty"`
	Counts   Counts      `json:"counts"`
	Agents   []Entry     `json:"agents"`
	Commands []Entry     `json:"commands"`
	Excluded []Exclusion `json:"excluded"`
	// BundleDigest is the [Manifest.Digest] of the entries.
	BundleDigest string `json:"bundleDigest"`
}

// Source is a published package.
type Source struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// License is the SPDX expression that the package declares; optional.
	License string `json:"license,omitempty"`
}

// Counts are the lengths of the manifest's lists, for readers that skip them.
type Counts struct {
	Agents   int `json:"agents"`
	Commands int `json:"commands"`
	Excluded int `json:"excluded"`
}

// Entry is one agent or command.
type Entry struct {
	Name string `json:"name"`
	// Path is relative to the bundle's root and slash-separated.
	Path string `json:"path"`
	// SHA256 is the hexadecimal digest of the file's bytes.
	SHA256 string `json:"sha256"`
}

// Exclusion is a file of the source that was left out, and why.
type Exclusion struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Digest returns "sha256:" and the digest over all entries. It depends on
// what the bundle serves and on nothing else: neither on the order of the
// entries nor on the source's version or the exclusions.
func (m *Manifest) Digest() string {
	h := sha256.New()
	for _, list := range []struct {
		kind    string
		entries []Entry
	}{{"agent", m.Agents}, {"command", m.Commands}} {
		for _, e := range sorted(list.entries) {
			fmt.Fprintf(h, "%s %q %q %s\n", list.kind, e.Name, e.Path, e.SHA256)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Encode returns the manifest as indented JSON with a final newline. The same
// manifest always gives the same bytes.
func (m *Manifest) Encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encoding %s: %w", FileName, err)
	}
	return buf.Bytes(), nil
}

// Read reads the manifest of a bundle and verifies that the bundle holds
// exactly the files and bytes that the manifest promises.
func Read(bundle fs.FS) (*Manifest, error) {
	m, _, err := Open(bundle)
	return m, err
}

// Open is [Read] that returns the files, too, by path: they are read only once.
func Open(bundle fs.FS) (*Manifest, map[string][]byte, error) {
	data, err := fs.ReadFile(bundle, FileName)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the bundle's manifest: %w", err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, nil, fmt.Errorf("decoding %s: %w", FileName, err)
	}
	if m.SchemaVersion != SchemaVersion {
		return nil, nil, fmt.Errorf("reading %s: schemaVersion must be %d, got %d", FileName, SchemaVersion, m.SchemaVersion)
	}
	files := map[string][]byte{}
	for _, e := range slices.Concat(m.Agents, m.Commands) {
		if files[e.Path], err = e.read(bundle); err != nil {
			return nil, nil, fmt.Errorf("verifying %q: %w", e.Name, err)
		}
	}
	if got := m.Digest(); got != m.BundleDigest {
		return nil, nil, fmt.Errorf("verifying %s: bundleDigest is %q, its entries give %q", FileName, m.BundleDigest, got)
	}
	err = fs.WalkDir(bundle, ".", func(path string, entry fs.DirEntry, err error) error {
		if _, listed := files[path]; err == nil && !entry.IsDir() && !listed && path != FileName {
			err = fmt.Errorf("%s is not listed", path)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("verifying %s: %w", FileName, err)
	}
	return m, files, nil
}

func (e Entry) read(bundle fs.FS) ([]byte, error) {
	data, err := fs.ReadFile(bundle, e.Path)
	if err != nil {
		return nil, err
	}
	if got := Sum(data); got != e.SHA256 {
		return nil, fmt.Errorf("%s has sha256 %s, the manifest says %s", e.Path, got, e.SHA256)
	}
	return data, nil
}

// Sum returns the digest of data in the form of [Entry.SHA256].
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func sorted(entries []Entry) []Entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path))
	})
}
