package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// contents are what is in a bundle, wherever it is.
type contents struct {
	Image    string            `json:"image,omitempty"` // digest; none for a source
	Manifest manifest.Manifest `json:"manifest"`
	files    map[string][]byte
}

// sourceConfig returns the config of a source.
func sourceConfig(source string) (agentbundle.Config, error) {
	info, err := os.Stat(source)
	if err != nil {
		return agentbundle.Config{}, fmt.Errorf("reading source: %w: name a bundle's config file or a directory of agents", err)
	}
	if info.IsDir() {
		return agentbundle.Config{Package: agentbundle.Source{Path: source, Format: agentbundle.FormatAuto}}, nil
	}
	return agentbundle.ReadConfig(source)
}

// load reads and checks a source. Its report goes to standard error when
// there is something to say.
func load(cmd *cobra.Command, cfg agentbundle.Config) (*agentbundle.Bundle, error) {
	bundle, report, err := agentbundle.Inspect(cfg)
	if err != nil {
		return nil, err
	}
	if len(report.Problems) > 0 {
		if err := report.WriteText(cmd.ErrOrStderr()); err != nil {
			return nil, err
		}
	}
	if bundle == nil {
		return nil, errProblems
	}
	return bundle, nil
}

// open reads a bundle: a source, an OCI layout or an image in a registry.
func open(cmd *cobra.Command, ref string) (*contents, error) { return openAs(cmd, ref, "") }

// openAs is [open] with the format of a source, unless that is empty.
func openAs(cmd *cobra.Command, ref, format string) (*contents, error) {
	_, err := os.Stat(ref)
	if err == nil {
		if _, err := os.Stat(filepath.Join(ref, "oci-layout")); err == nil {
			index, err := openLayout(ref)
			if err != nil {
				return nil, fmt.Errorf("opening OCI layout %q: %w", ref, err)
			}
			return unpack(ref, index)
		}
		cfg, err := sourceConfig(ref)
		if err != nil {
			return nil, err
		}
		cfg.Package.Format = cmp.Or(format, cfg.Package.Format)
		bundle, err := load(cmd, cfg)
		if err != nil {
			return nil, err
		}
		return &contents{Manifest: bundle.Manifest, files: bundle.Files()}, nil
	}
	image, parseErr := name.ParseReference(ref, name.StrictValidation)
	if !errors.Is(err, fs.ErrNotExist) || parseErr != nil {
		return nil, fmt.Errorf("opening bundle %q: %w: name a source, an OCI layout, or an image with its tag or digest", ref, errors.Join(err, parseErr))
	}
	index, err := pull(cmd.Context(), image)
	if err != nil {
		return nil, fmt.Errorf("opening image %q: %w", ref, err)
	}
	return unpack(ref, index)
}

func pull(ctx context.Context, image name.Reference) (v1.ImageIndex, error) {
	return remote.Index(image, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain))
}

// openLayout returns the first index of a layout, as agentbundle writes them.
func openLayout(dir string) (v1.ImageIndex, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, desc := range m.Manifests {
		if desc.MediaType.IsIndex() {
			return index.ImageIndex(desc.Digest)
		}
	}
	return nil, errors.New("it has no index of images")
}

func unpack(ref string, index v1.ImageIndex) (*contents, error) {
	m, files, err := agentbundle.Unpack(index)
	if err != nil {
		return nil, fmt.Errorf("reading bundle %q: %w", ref, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading bundle %q: %w", ref, err)
	}
	return &contents{Image: digest.String(), Manifest: *m, files: files}, nil
}
