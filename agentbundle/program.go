package agentbundle

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// maxAge is how long a compiled server is kept. Compiling it again takes
// seconds.
const maxAge = 30 * 24 * time.Hour

// program is the server in an image: its layer and the modules in it.
type program struct {
	layer   *layer
	modules []module
}

// module is a Go module, or the standard library, that a program links.
type module struct{ Path, Version string }

func newProgram(binary []byte) (*program, error) {
	packed, err := newLayer([]entry{{name: serverPath, mode: modeExec, data: binary}})
	if err != nil {
		return nil, err
	}
	p := &program{layer: packed}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil { // not made by Go: what it links is unknown
		return p, nil
	}
	p.modules = append(p.modules, module{"stdlib", strings.TrimPrefix(info.GoVersion, "go")})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		p.modules = append(p.modules, module{m.Path, m.Version})
	}
	return p, nil
}

// programs keeps the servers that were compiled and compressed, under the key
// of all that they are made from. Files are replaced as a whole, so that
// processes may share the directory.
type programs struct {
	compiler compiler
	dir      string // empty: nothing is kept
}

// cacheHeader is the second line of an entry, after its digest and before the
// gzipped layer.
type cacheHeader struct {
	DiffID, Digest v1.Hash
	Modules        []module
}

// get returns the server for a platform, compiled from the sources as they are.
func (c programs) get(ctx context.Context, platform v1.Platform) (*program, error) {
	index := "packages-" + manifest.Sum([]byte(c.compiler.module+platform.String()))
	if p := c.guess(index, platform); p != nil {
		return p, nil
	}
	packages, err := c.compiler.packages(ctx, platform)
	if err != nil {
		return nil, err
	}
	key, err := c.compiler.key(platform, packages)
	if err != nil {
		return nil, err
	}
	p := c.load(key)
	if p == nil {
		if p, err = c.compile(ctx, platform, packages, key); err != nil {
			return nil, err
		}
	}
	c.write(index, []byte(strings.Join(packages, "\n")))
	return p, nil
}

// guess returns the program of the packages that the last build had, or nil.
// If they are others now, then a file in them has changed, and there is no
// program under their key.
func (c programs) guess(index string, platform v1.Platform) *program {
	packages, err := os.ReadFile(filepath.Join(c.dir, index))
	if err != nil {
		return nil
	}
	key, err := c.compiler.key(platform, strings.Split(string(packages), "\n"))
	if err != nil {
		return nil
	}
	return c.load(key)
}

func (c programs) compile(ctx context.Context, platform v1.Platform, packages []string, key string) (*program, error) {
	binary, err := c.compiler.compile(ctx, platform)
	if err != nil {
		return nil, err
	}
	p, err := newProgram(binary)
	if err != nil {
		return nil, err
	}
	// Sources that were edited meanwhile may be in the binary or not.
	if after, err := c.compiler.key(platform, packages); err == nil && after == key {
		c.store(key, p)
	}
	return p, nil
}

// load returns the entry of a key, or nil when there is none that is whole.
func (c programs) load(key string) *program {
	data, err := os.ReadFile(filepath.Join(c.dir, key))
	if c.dir == "" || err != nil {
		return nil
	}
	check, data, _ := bytes.Cut(data, []byte("\n"))
	line, packed, _ := bytes.Cut(data, []byte("\n"))
	var header cacheHeader
	if manifest.Sum(line) != string(check) || json.Unmarshal(line, &header) != nil || manifest.Sum(packed) != header.Digest.Hex {
		return nil
	}
	return &program{
		layer:   &layer{gzip: packed, diffID: header.DiffID, digest: header.Digest},
		modules: header.Modules,
	}
}

// store keeps an entry and drops those that are too old.
func (c programs) store(key string, p *program) {
	line, err := json.Marshal(cacheHeader{DiffID: p.layer.diffID, Digest: p.layer.digest, Modules: p.modules})
	if err != nil {
		return
	}
	c.write(key, fmt.Appendf(nil, "%s\n%s\n%s", manifest.Sum(line), line, p.layer.gzip))
	entries, _ := os.ReadDir(c.dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > maxAge {
			_ = os.Remove(filepath.Join(c.dir, e.Name()))
		}
	}
}

// write writes a file as a whole. It reports nothing: without the file, the
// next build takes longer.
func (c programs) write(name string, data []byte) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(c.dir, "new-")
	if err != nil {
		return
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if _, err = f.Write(data); f.Close() == nil && err == nil {
		_ = os.Rename(f.Name(), filepath.Join(c.dir, name))
	}
}

// cacheDir returns where compiled servers are kept, or nothing when the user
// has no place for caches.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "codeflow", "server")
}
