package agentbundle

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// ReadConfig reads the sources of a bundle from a YAML file with the keys
// package, overlays and exclude. Paths in it are relative to the file.
func ReadConfig(file string) (Config, error) {
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return Config{}, fmt.Errorf("reading bundle config: %w", err)
	}
	var sources struct {
		Package  string            `yaml:"package"`
		Overlays []string          `yaml:"overlays"`
		Exclude  map[string]string `yaml:"exclude"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&sources); err != nil {
		return Config{}, fmt.Errorf("reading bundle config %q (keys: package, overlays, exclude): %w", file, err)
	}
	resolve := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(file), path)
	}
	cfg := Config{Package: resolve(sources.Package), Exclude: sources.Exclude}
	for _, overlay := range sources.Overlays {
		cfg.Overlays = append(cfg.Overlays, resolve(overlay))
	}
	return cfg, nil
}
