package task

import (
	"errors"
	"fmt"
)

// ContainerDefinition is what the runtime takes of a container definition. Its
// JSON is that of containerDefinitions; times are in seconds.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
type ContainerDefinition struct {
	Name             string           `json:"name"`
	Image            string           `json:"image"` // by digest.
	EntryPoint       []string         `json:"entryPoint,omitempty"`
	Command          []string         `json:"command,omitempty"`
	WorkingDirectory string           `json:"workingDirectory,omitempty"`
	User             string           `json:"user,omitempty"`
	Environment      []Variable       `json:"environment,omitempty"`
	Secrets          []Secret         `json:"secrets,omitempty"`
	PortMappings     []PortMapping    `json:"portMappings,omitempty"`
	HealthCheck      *HealthCheck     `json:"healthCheck,omitempty"`
	Essential        *bool            `json:"essential,omitempty"` // default true.
	DependsOn        []Dependency     `json:"dependsOn,omitempty"`
	StartTimeout     int              `json:"startTimeout,omitempty"` // default none.
	StopTimeout      int              `json:"stopTimeout,omitempty"`  // default 30.
	LogConfiguration LogConfiguration `json:"logConfiguration,omitzero"`
}

// Variable is an environment variable.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Secret is an environment variable whose value is in Secrets Manager or SSM.
type Secret struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

// PortMapping is a port that the container serves.
type PortMapping struct {
	ContainerPort int `json:"containerPort"`
}

// HealthCheck is a command that succeeds in a healthy container. The first
// element of Command is CMD, CMD-SHELL or NONE. Defaults: 30, 5, 3, 0.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
type HealthCheck struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval,omitempty"`
	Timeout     int      `json:"timeout,omitempty"`
	Retries     int      `json:"retries,omitempty"`
	StartPeriod int      `json:"startPeriod,omitempty"`
}

// LogConfiguration says where the output goes: awslogs-group and
// awslogs-stream-prefix of Options.
type LogConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options,omitempty"`
}

// LogStream is the group and the stream of a task's output.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
func (c *ContainerDefinition) LogStream(taskID string) (group, stream string) {
	options := c.LogConfiguration.Options
	return options["awslogs-group"], options["awslogs-stream-prefix"] + "/" + c.Name + "/" + taskID
}

// IsEssential reports whether the task ends with the container.
func (c *ContainerDefinition) IsEssential() bool { return c.Essential == nil || *c.Essential }

// validate returns what keeps the container from being run here.
func (c *ContainerDefinition) validate() error {
	var errs []error
	refuse := func(field, rule string, got any) {
		errs = append(errs, fmt.Errorf("container %q: %s %s, got %v", c.Name, field, rule, got))
	}
	if c.Name == "" || c.Image == "" {
		refuse("name and image", "are required", []string{c.Name, c.Image})
	}
	if len(c.PortMappings) > 1 {
		refuse("portMappings", "must have at most one port, the one that the program finds in PORT", c.PortMappings)
	}
	for _, p := range c.PortMappings {
		if p.ContainerPort < 1 || p.ContainerPort > 65535 {
			refuse("portMappings.containerPort", "must be 1 to 65535", p.ContainerPort)
		}
	}
	if h := c.HealthCheck; h != nil && (len(h.Command) == 0 || len(h.arguments()) == 0 && h.Command[0] != "NONE") {
		refuse("healthCheck.command", "must begin with CMD, CMD-SHELL or NONE", h.Command)
	}
	return errors.Join(errs...)
}

// arguments are the program that checks health and its arguments, if any.
func (h *HealthCheck) arguments() []string {
	if h == nil || len(h.Command) < 2 {
		return nil
	}
	switch h.Command[0] {
	case "CMD":
		return h.Command[1:]
	case "CMD-SHELL":
		return []string{"/bin/sh", "-c", h.Command[1]}
	}
	return nil
}
