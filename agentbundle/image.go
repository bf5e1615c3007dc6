package agentbundle

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// DigestLabel is the image label and annotation that holds the digest of the
// bundle in the image.
const DigestLabel = "dev.codeflow.bundle.digest"

// Where things are in the image. The server finds its bundle there by
// default.
const (
	serverPath = "codeflow-server"
	bundleDir  = "bundle/"
)

// user is that of the running server: the "nonroot" of the distroless images,
// known to no base image by another name.
const user = "65532:65532"

const (
	modeDir  = 0o755
	modeExec = 0o555
	modeFile = 0o444
)

const sourceURL = "https://github.com/ferg-cod3s/codeflow-infrastructure"

// Image is a bundle packed for every platform, ready to be pushed.
type Image struct {
	Index v1.ImageIndex
	// SBOM is the bill of materials in SPDX 2.3, an OCI referrer of Index.
	SBOM v1.Image
	// Digest is the digest of Index: what a task definition names.
	Digest v1.Hash
	// BundleDigest is the digest of the agents and commands alone.
	BundleDigest string
	// Tag names this content and no other:
	// bundle-<12 hex of BundleDigest>-<12 hex of Digest>.
	Tag string
}

// ImageOptions are the optional settings of [Bundle.Image].
type ImageOptions struct {
	// Server returns the static server binary for a platform.
	// Default: compile cmd/codeflow-server of [Config.Module].
	Server func(context.Context, v1.Platform) ([]byte, error)
}

// Image packs the bundle and its server over the base, for linux/amd64. The same
// input always gives the same digest.
func (b *Bundle) Image(ctx context.Context, opts *ImageOptions) (*Image, error) {
	bld := builder{bundle: b}
	var err error
	if bld.server, err = b.server(ctx, opts); err != nil {
		return nil, err
	}
	if bld.base, err = openBase(ctx, b.cfg.Base); err != nil {
		return nil, err
	}
	if bld.agents, err = b.layer(); err != nil {
		return nil, err
	}
	parts, err := bld.parts(ctx)
	if err != nil {
		return nil, err
	}
	index := bld.index(parts)
	digest, err := index.Digest()
	if err != nil {
		return nil, fmt.Errorf("computing the image digest: %w", err)
	}
	sbom, err := bld.sbom(index, parts)
	if err != nil {
		return nil, err
	}
	_, hex, _ := strings.Cut(b.Manifest.BundleDigest, ":")
	return &Image{
		Index:        index,
		SBOM:         sbom,
		Digest:       digest,
		BundleDigest: b.Manifest.BundleDigest,
		Tag:          fmt.Sprintf("bundle-%.12s-%.12s", hex, digest.Hex),
	}, nil
}

// server returns what makes the server of a platform.
func (b *Bundle) server(ctx context.Context, opts *ImageOptions) (func(context.Context, v1.Platform) (*program, error), error) {
	if opts != nil && opts.Server != nil {
		return func(ctx context.Context, platform v1.Platform) (*program, error) {
			binary, err := opts.Server(ctx, platform)
			if err != nil {
				return nil, err
			}
			return newProgram(binary)
		}, nil
	}
	c, err := newCompiler(ctx, b.cfg.Module)
	if err != nil {
		return nil, err
	}
	return programs{compiler: c, dir: cacheDir()}.get, nil
}

// layer packs the bundle, with its manifest, under /bundle.
func (b *Bundle) layer() (*layer, error) {
	data, err := b.Manifest.Encode()
	if err != nil {
		return nil, err
	}
	entries := []entry{
		{name: bundleDir, mode: modeDir},
		{name: bundleDir + manifest.FileName, mode: modeFile, data: data},
	}
	dirs := map[string]bool{}
	for name, data := range b.files {
		dirs[path.Dir(name)] = true
		entries = append(entries, entry{name: bundleDir + name, mode: modeFile, data: data})
	}
	for dir := range dirs {
		entries = append(entries, entry{name: bundleDir + dir + "/", mode: modeDir})
	}
	return newLayer(entries)
}

func (b *Bundle) config(env []string, labels map[string]string) v1.Config {
	port := strconv.Itoa(b.cfg.Port)
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, "PORT=") })
	return v1.Config{
		User:         user,
		Entrypoint:   []string{"/" + serverPath},
		Env:          append(env, "PORT="+port, "CODEFLOW_ADDRESS=0.0.0.0"),
		ExposedPorts: map[string]struct{}{port + "/tcp": {}},
		WorkingDir:   "/",
		Labels:       maps.Clone(labels),
	}
}

// labels returns what describes and identifies the content:
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
//
// The version is that of the agents; a revision or a time would change the
// digest of the same content.
func (b *Bundle) labels(modules []module) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":         "CodeFlow",
		"org.opencontainers.image.description":   "Agents and commands for developers, served over MCP and HTTP",
		"org.opencontainers.image.licenses":      expression(b.Manifest, modules),
		"org.opencontainers.image.vendor":        vendor,
		"org.opencontainers.image.url":           sourceURL,
		"org.opencontainers.image.documentation": sourceURL + "/blob/HEAD/docs/server.md",
		"org.opencontainers.image.source":        sourceURL,
		DigestLabel:                              b.Manifest.BundleDigest,
	}
	if version := b.Manifest.Source.Version; version != "" { // a plain directory has none
		labels["org.opencontainers.image.version"] = version
	}
	return labels
}
