package agentbundle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

// ReadConfig reads the sources of a bundle from a YAML file with the keys
// package, overlays and exclude. A source is a path, relative to the file, or a
// mapping with the keys path, format, require (uats) and exclude.
func ReadConfig(file string) (Config, error) {
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return Config{}, fmt.Errorf("reading bundle config: %w", err)
	}
	var sources struct {
		Package  source            `yaml:"package"`
		Overlays []source          `yaml:"overlays"`
		Exclude  map[string]string `yaml:"exclude"`
	}
	if err := decodeStrict(data, &sources); err != nil {
		return Config{}, fmt.Errorf("reading bundle config %q (keys: package, overlays, exclude): %w", file, err)
	}
	resolve := func(s source) Source {
		out := Source{Path: s.Path, Format: s.Format, RequireUATS: s.Require == convert.UATS, Exclude: s.Exclude}
		if out.Path != "" && !filepath.IsAbs(out.Path) {
			out.Path = filepath.Join(filepath.Dir(file), out.Path)
		}
		return out
	}
	cfg := Config{Package: resolve(sources.Package)}
	if cfg.Package.Exclude == nil {
		cfg.Package.Exclude = sources.Exclude
	} else if sources.Exclude != nil {
		return Config{}, fmt.Errorf("reading bundle config %q: the package has exclude twice: keep one", file)
	}
	for _, overlay := range sources.Overlays {
		cfg.Overlays = append(cfg.Overlays, resolve(overlay))
	}
	return cfg, nil
}

// source is a source in the file.
type source struct {
	Path    string            `yaml:"path"`
	Format  string            `yaml:"format"`
	Require string            `yaml:"require"`
	Exclude map[string]string `yaml:"exclude"`
}

// UnmarshalYAML takes a path alone, too.
func (s *source) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&s.Path)
	}
	data, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	type plain source
	if err := decodeStrict(data, (*plain)(s)); err != nil {
		return fmt.Errorf("line %d: a source has the keys path, format, require, exclude: %w", n.Line, err)
	}
	if s.Require != "" && s.Require != convert.UATS {
		return fmt.Errorf("line %d: require must be %q, got %q", n.Line, convert.UATS, s.Require)
	}
	if s.Path == "" {
		return errors.New("a source must have a path")
	}
	return nil
}

// decodeStrict decodes YAML in which every key is known.
func decodeStrict(data []byte, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	return decoder.Decode(v)
}
