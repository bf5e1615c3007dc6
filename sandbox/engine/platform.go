package engine

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// platform is what the sandbox needs of the project's codeflow:platform.
type platform struct {
	Project     string   `yaml:"project"`
	Environment string   `yaml:"environment"`
	Region      string   `yaml:"region"`
	Colors      []string `yaml:"colors"`
	Domain      struct {
		Name     string `yaml:"name"`
		ZoneName string `yaml:"zoneName"`
		Zone     string `yaml:"zone"`
	} `yaml:"domain"`
}

func readPlatform(root string) (platform, error) {
	path := filepath.Join(root, "Pulumi.prod.yaml")
	var stack struct {
		Config struct {
			Platform platform `yaml:"codeflow:platform"`
		} `yaml:"config"`
	}
	stack.Config.Platform = platform{Project: project, Environment: "prod", Colors: []string{"blue", "green"}}
	data, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(data, &stack)
	}
	if err != nil {
		return platform{}, fmt.Errorf("reading stack config %q: %w", path, err)
	}
	return stack.Config.Platform, nil
}

// seed puts into the account what the program expects there: the delegated zone
// of the platform's domain.
func (s *Sandbox) seed() error {
	domain := s.platform.Domain
	name := cmp.Or(domain.ZoneName, domain.Name)
	if name == "" || domain.Zone == "create" {
		return nil
	}
	_, err := s.Cloud.Seed("aws:route53/zone:Zone", s.platform.Region, map[string]any{"name": name})
	return err
}
