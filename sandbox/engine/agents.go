package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// bundleFile is the project's bundle of agents.
const bundleFile = "agents/bundle.yaml"

// Pack builds the image of the project's bundle into the caches, from which a colour's
// update takes it. With empty ones the server is compiled first, for a minute or two.
func (s *Sandbox) Pack(ctx context.Context) error {
	sources, err := agentbundle.ReadConfig(filepath.Join(s.root, bundleFile))
	if err != nil {
		return err
	}
	sources.Module = s.root
	bundle, err := agentbundle.Load(sources)
	if err != nil {
		return err
	}
	_, err = bundle.Image(ctx, nil)
	return err
}

// ChangeAgent gives a colour a bundle of its own: the project's, with one file
// of the package edited, as a release that changes an agent would.
func (s *Sandbox) ChangeAgent(stack, file string, edit func(text []byte) []byte) error {
	bundle, err := readDocument(filepath.Join(s.root, bundleFile))
	if err != nil {
		return err
	}
	source, _ := bundle["package"].(string)
	source = filepath.Join(s.root, filepath.Dir(bundleFile), source)
	text, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(file)))
	if err != nil {
		return fmt.Errorf("reading agent (fetch it with npm ci --ignore-scripts --prefix agents): %w", err)
	}
	own := s.path("bundles", stack)
	edited := filepath.Join(own, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(edited), 0o755); err != nil {
		return fmt.Errorf("changing agent %q: %w", file, err)
	}
	if bundle["package"], err = filepath.Rel(own, source); err != nil {
		return fmt.Errorf("changing agent %q: %w", file, err)
	}
	overlays, _ := bundle["overlays"].([]any)
	for i, overlay := range overlays {
		folder, _ := overlay.(string)
		if overlays[i], err = filepath.Rel(own, filepath.Join(s.root, filepath.Dir(bundleFile), folder)); err != nil {
			return fmt.Errorf("changing agent %q: %w", file, err)
		}
	}
	bundle["overlays"] = append(overlays, ".")
	config, err := yaml.Marshal(bundle)
	if err != nil {
		return fmt.Errorf("changing agent %q: %w", file, err)
	}
	config = append([]byte("# The project's bundle with one agent changed.\n"), config...)
	path := filepath.Join(own, "bundle.yaml")
	if err := errors.Join(os.WriteFile(edited, edit(text), 0o600), os.WriteFile(path, config, 0o600)); err != nil {
		return fmt.Errorf("changing agent %q: %w", file, err)
	}
	relative, err := filepath.Rel(s.root, path)
	if err != nil {
		return fmt.Errorf("changing agent %q: %w", file, err)
	}
	return s.SetConfig(stack, filepath.ToSlash(relative), "codeflow:color", "agents")
}
