package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Resource is one resource of the simulated AWS.
type Resource struct {
	// Type is the Pulumi type token.
	Type string `json:"type"`
	// ID is the resource's Pulumi id.
	ID string `json:"id"`
	// Key tells resources of one type and region apart. It is the ID, except
	// for the few types whose Pulumi id is not unique.
	Key string `json:"key"`
	// Region is the region's name, or "global".
	Region string `json:"region"`
	// URN is the Pulumi resource that made it; empty when none did or when it
	// was left behind on purpose.
	URN string `json:"urn,omitempty"`
	// Inputs and Outputs are as the provider protocol has them, without
	// secrets.
	Inputs  map[string]any `json:"inputs"`
	Outputs map[string]any `json:"outputs"`
	// Events is what the service reports about the resource, newest first, in
	// the words of ECS.
	Events []string `json:"events,omitempty"`
}

// Short is the type in the form that rules and messages use: ec2/vpc.
func (r *Resource) Short() string { return shortType(r.Type) }

// Steady reports whether the last deployment of a service settled.
func (r *Resource) Steady() bool {
	return len(r.Events) > 0 && strings.HasSuffix(r.Events[0], "has reached a steady state.")
}

// normal is the resource as its file has it: of plain JSON kinds.
func (r *Resource) normal() *Resource {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("cloud: encoding a resource: %v", err)) // plain JSON kinds only.
	}
	var read Resource
	if err := json.Unmarshal(raw, &read); err != nil {
		panic(fmt.Sprintf("cloud: decoding a resource: %v", err))
	}
	return &read
}

// clone copies a normal resource.
func (r *Resource) clone() *Resource {
	copied := *r
	copied.Inputs, _ = deepCopy(r.Inputs).(map[string]any)
	copied.Outputs, _ = deepCopy(r.Outputs).(map[string]any)
	copied.Events = slices.Clone(r.Events)
	return &copied
}

func deepCopy(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := maps.Clone(value)
		for key, field := range copied {
			copied[key] = deepCopy(field)
		}
		return copied
	case []any:
		copied := slices.Clone(value)
		for i, element := range copied {
			copied[i] = deepCopy(element)
		}
		return copied
	}
	return value
}

// Store keeps resources, one JSON file each, under
// <dir>/<region>/<type>/<key>.json. A file is written beside its place and
// renamed, so that a process killed at any instant leaves every file whole. It
// is safe for concurrent use within one process; resources are copied in and
// out.
type Store struct {
	dir   string
	wrote func() // called after each change on disk.

	mu        sync.RWMutex
	resources map[string]*Resource // by path.
}

// OpenStore opens the store in a folder, which it creates.
func OpenStore(dir string) (*Store, error) {
	s := &Store{dir: dir, wrote: func() {}, resources: map[string]*Resource{}}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if filepath.Ext(path) != ".json" {
			return os.Remove(path) // a write that was cut short.
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var r Resource
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		s.resources[path] = &r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	return s, nil
}

// Put writes a resource, replacing the one of the same type, region and key.
func (s *Store) Put(r *Resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Key == "" {
		r.Key = r.ID
	}
	path := s.path(r.Type, r.Region, r.Key)
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("storing %s %q: %w", r.Type, r.ID, err)
	}
	if err := writeAtomically(path, raw); err != nil {
		return fmt.Errorf("storing %s %q: %w", r.Type, r.ID, err)
	}
	s.resources[path] = r.normal()
	s.wrote()
	return nil
}

// Get returns a resource by its key.
func (s *Store) Get(typ, region, key string) (*Resource, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.resources[s.path(typ, region, key)]
	if !ok {
		return nil, false
	}
	return r.clone(), true
}

// Delete removes a resource; a missing one is no error.
func (s *Store) Delete(typ, region, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.path(typ, region, key)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting %s %q: %w", typ, key, err)
	}
	delete(s.resources, path)
	s.wrote()
	return nil
}

// List returns the resources for which the filter is true, in the order of
// their files. The filter must not change what it is shown.
func (s *Store) List(filter func(*Resource) bool) (found []*Resource) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, path := range s.paths(filter) {
		found = append(found, s.resources[path].clone())
	}
	return found
}

// Find returns the first resource for which the filter is true.
func (s *Store) Find(filter func(*Resource) bool) (*Resource, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if paths := s.paths(filter); len(paths) > 0 {
		return s.resources[paths[0]].clone(), true
	}
	return nil, false
}

// paths are those of the resources for which the filter is true, sorted: only them,
// since alarms and services are looked for all the time.
func (s *Store) paths(filter func(*Resource) bool) (paths []string) {
	for path, r := range s.resources {
		if filter(r) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func (s *Store) path(typ, region, key string) string {
	return filepath.Join(s.dir, escape(region), escape(shortType(typ)), escape(key)+".json")
}

// maxName keeps a file's name, with its ending, below what file systems take.
const maxName = 200

// escape turns any text into one file name; equal names mean equal texts.
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(text))
		name = name[:maxName-33] + "+" + hex.EncodeToString(sum[:16])
	}
	return name
}

func writeAtomically(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "*.tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}

// shortType shortens a type token to the form that rules and messages use:
// aws:ec2/vpc:Vpc is ec2/vpc.
func shortType(token string) string {
	_, rest, _ := strings.Cut(token, ":")
	if short, name, ok := strings.Cut(rest, ":"); ok && !strings.Contains(name, ":") {
		return short
	}
	return token
}
