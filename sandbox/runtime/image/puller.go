package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image is an unpacked image.
type Image struct {
	// Digest is the one it was asked for by, and Root the folder of its files.
	Digest, Root string
	// Config says how the image wants to be run.
	Config v1.Config
}

// Limits bound an image.
type Limits struct {
	// Bytes of all layers, unpacked, and their Entries. Default 1 GiB and 100,000.
	Bytes   int64
	Entries int
}

// Puller fetches images from one registry, which stands in for every registry
// that a name may begin with.
type Puller struct {
	dir       string
	registry  string
	limits    Limits
	transport *http.Transport
	turn      chan struct{} // held by the one pull that goes on.
}

// NewPuller returns a puller from the registry at an URL that keeps images in a
// folder, which no other puller uses.
func NewPuller(endpoint, dir string, limits Limits) *Puller {
	if limits.Bytes == 0 {
		limits.Bytes = 1 << 30
	}
	if limits.Entries == 0 {
		limits.Entries = 100_000
	}
	stale, _ := filepath.Glob(filepath.Join(dir, "*.tmp")) // of a pull that was killed.
	for _, path := range stale {
		_ = os.RemoveAll(path) // it only takes space.
	}
	_, registry, _ := strings.Cut(endpoint, "://")
	return &Puller{
		dir: dir, registry: registry, limits: limits,
		transport: http.DefaultTransport.(*http.Transport).Clone(), turn: make(chan struct{}, 1),
	}
}

// Close closes the connections to the registry.
func (p *Puller) Close() { p.transport.CloseIdleConnections() }

// Pull returns the image that a reference like HOST/REPOSITORY@sha256:HEX names,
// for this machine's architecture. As on Fargate, which keeps no images, the
// registry must have it at each pull; what is not downloaded twice are the
// layers.
func (p *Puller) Pull(ctx context.Context, reference string) (*Image, error) {
	ref, err := p.parse(reference)
	if err != nil {
		return nil, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("pulling %s: %w", reference, ctx.Err())
	}
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithPlatform(platform), remote.WithTransport(p.transport))
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", reference, err)
	}
	dir := filepath.Join(p.dir, found.Digest.Hex)
	if image, err := open(dir, found.Digest.String()); !errors.Is(err, fs.ErrNotExist) {
		return image, err
	}
	pulled, err := found.Image()
	if err != nil {
		return nil, fmt.Errorf("pulling %s for %s: %w", reference, platform, err)
	}
	if err := p.store(pulled, platform, dir); err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", reference, err)
	}
	return open(dir, found.Digest.String())
}

// parse replaces the registry of a reference.
func (p *Puller) parse(reference string) (name.Digest, error) {
	host, repository, found := strings.Cut(reference, "/")
	if !found || !strings.ContainsAny(host, ".:") {
		repository = reference
	}
	ref, err := name.NewDigest(p.registry+"/"+repository, name.Insecure)
	if err != nil {
		return ref, fmt.Errorf("image %q must be named by digest (REPOSITORY@sha256:HEX), since tags may move: %w", reference, err)
	}
	return ref, nil
}

const (
	configFile = "config.json"
	rootDir    = "root"
)

// open reads an image that was stored.
func open(dir, digest string) (*Image, error) {
	raw, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	image := &Image{Digest: digest, Root: filepath.Join(dir, rootDir)}
	if err := json.Unmarshal(raw, &image.Config); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, configFile), err)
	}
	return image, nil
}

// store unpacks an image beside its folder and then renames it, so that a folder
// is whole or not there.
func (p *Puller) store(pulled v1.Image, platform v1.Platform, dir string) (err error) {
	config, err := pulled.ConfigFile()
	if err != nil {
		return err
	}
	if config.OS != platform.OS || config.Architecture != platform.Architecture {
		return fmt.Errorf("it must be for %s, got %s/%s: build it for that platform too", platform, config.OS, config.Architecture)
	}
	if err := os.MkdirAll(p.dir, 0o750); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(p.dir, "*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(temporary) // the error says enough.
		}
	}()
	if err := os.Mkdir(filepath.Join(temporary, rootDir), 0o755); err != nil {
		return err
	}
	if err := unpack(pulled, filepath.Join(temporary, rootDir), p.limits); err != nil {
		return err
	}
	raw, err := json.Marshal(config.Config)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temporary, configFile), raw, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, dir)
}
