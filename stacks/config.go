package stacks

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// namespace is the project's name in Pulumi.yaml, the prefix of its config keys.
const namespace = "codeflow"

// Config is the configuration of one stack: which kind it is, and that kind's
// settings.
type Config struct {
	Kind       string // "platform", "color", "dr" or "bootstrap"
	Platform   *Platform
	Color      *Color
	DR         *DR
	Traffic    Traffic
	APIKeys    APIKeys
	Escalation Escalation
	Bootstrap  *Bootstrap
	// RoleBoundary is the ARN of the most that the stack's roles can do, the bootstrap
	// stack's output; "" for no bound.
	RoleBoundary string
	// Allow names guarded keys that this update may change, see guard.go.
	Allow []string
}

// topKeys are the keys that a stack of each kind may have.
var topKeys = map[string][]string{
	"platform":  {"kind", "platform", "traffic", "apiKeys", "escalation", "roleBoundary", "allow"},
	"color":     {"kind", "color", "roleBoundary", "allow"},
	"dr":        {"kind", "dr", "apiKeys", "escalation", "roleBoundary", "allow"},
	"bootstrap": {"kind", "bootstrap", "allow"},
}

// loadConfig reads the config of a stack through get (the value of a full key)
// and the keys of its stack file, and returns every problem at once.
//
// The SDK cannot list the keys, so a misspelt one is found in the file.
func loadConfig(get func(key string) (string, bool), file string) (*Config, error) {
	c := checker{path: namespace + ":", problems: new([]error)}
	cfg := &Config{}
	cfg.Kind, _ = get(namespace + ":kind")
	known, ok := topKeys[cfg.Kind]
	if !ok {
		c.at("kind").fail("must be platform, color, dr or bootstrap", cfg.Kind, "run pulumi config set kind platform, color, dr or bootstrap")
		return nil, c.err()
	}
	fileKeys, err := stackFileKeys(file)
	if err != nil {
		return nil, err
	}
	for _, key := range fileKeys {
		if !slices.Contains(known, key) {
			c.at(key).unknown(key, known)
		}
	}
	switch cfg.Kind {
	case "platform":
		cfg.Platform = defaultPlatform()
		c.object(get, "platform", cfg.Platform)
		c.object(get, "traffic", &cfg.Traffic)
		cfg.Platform.validate(c.at("platform"))
		checkLogRegion(c.at("platform.region"), cfg.Platform.Region) // dr has no CDN
		cfg.Traffic.validate(c.at("traffic"), cfg.Platform)
	case "color":
		cfg.Color = defaultColor()
		c.object(get, "color", cfg.Color)
		cfg.Color.validate(c.at("color"))
		c.at("color.platform").require(cfg.Color.Platform != "", "is required", nil, `name the platform's stack, for example "prod"`)
	case "dr":
		cfg.DR = defaultDR()
		c.object(get, "dr", cfg.DR)
		cfg.DR.validate(c.at("dr"))
	case "bootstrap":
		cfg.Bootstrap = defaultBootstrap()
		c.object(get, "bootstrap", cfg.Bootstrap)
		cfg.Bootstrap.validate(c.at("bootstrap"))
	}
	cfg.RoleBoundary, _ = get(namespace + ":roleBoundary")
	checkBoundary(c.at("roleBoundary"), cfg.RoleBoundary)
	c.object(get, "allow", &cfg.Allow)
	c.object(get, "apiKeys", &cfg.APIKeys)
	cfg.APIKeys.validate(c.at("apiKeys"))
	c.object(get, "escalation", &cfg.Escalation)
	cfg.Escalation.validate(c.at("escalation"))
	return cfg, c.err()
}

// stackFileKeys lists the project's keys in a Pulumi.<stack>.yaml, without the
// namespace. A stack without a file has none.
func stackFileKeys(path string) ([]string, error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading stack config: %w", err)
	}
	var stack struct {
		Config map[string]yaml.Node `yaml:"config"`
	}
	if err := yaml.Unmarshal(data, &stack); err != nil {
		return nil, fmt.Errorf("reading stack config %q: %w", path, err)
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(stack.Config)) {
		if k, ok := strings.CutPrefix(key, namespace+":"); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}
