package pulumi

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Platform is what of codeflow:platform is needed outside of the program, with its
// defaults. The program checks it.
type Platform struct {
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

// ReadPlatform reads it in a platform's stack file.
func ReadPlatform(file string) (*Platform, error) {
	text, err := readStackFile(file)
	if err != nil {
		return nil, err
	}
	var stack struct {
		Config struct {
			Platform Platform `yaml:"codeflow:platform"`
		} `yaml:"config"`
	}
	stack.Config.Platform = Platform{Project: "codeflow", Environment: "prod", Colors: []string{"blue", "green"}}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		return nil, fmt.Errorf("reading stack config %q: %w", file, err)
	}
	p := &stack.Config.Platform
	if p.Domain.ZoneName == "" {
		p.Domain.ZoneName = p.Domain.Name
	}
	return p, nil
}
