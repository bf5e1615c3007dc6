package task

import (
	"errors"
	"fmt"
	"slices"
)

// Containers are the container definitions of a task definition.
type Containers []ContainerDefinition

// Main is the container that the load balancer talks to: the first with a port, or
// else the first that is essential. Nil without any.
func (all Containers) Main() *ContainerDefinition {
	i := slices.IndexFunc(all, func(c ContainerDefinition) bool { return len(c.PortMappings) > 0 })
	if i < 0 {
		i = slices.IndexFunc(all, func(c ContainerDefinition) bool { return c.IsEssential() })
	}
	if i < 0 {
		return nil
	}
	return &all[i]
}

// Checked reports whether the task has a health: an essential container has a
// check.
func (all Containers) Checked() bool {
	return slices.ContainsFunc(all, func(c ContainerDefinition) bool {
		return c.IsEssential() && c.HealthCheck.arguments() != nil
	})
}

func (all Containers) find(name string) *ContainerDefinition {
	if i := slices.IndexFunc(all, func(c ContainerDefinition) bool { return c.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Validate returns what keeps the containers from being run here, in ECS's words
// where they are known.
func (all Containers) Validate() error {
	var errs []error
	for i := range all {
		c := &all[i]
		errs = append(errs, c.validate())
		if all.find(c.Name) != c {
			errs = append(errs, fmt.Errorf("container %q: name must be of one container", c.Name))
		}
		for _, d := range c.DependsOn {
			if err := all.resolve(d); err != nil {
				errs = append(errs, fmt.Errorf("container %q: dependsOn: %w", c.Name, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(c ContainerDefinition) bool { return c.IsEssential() }) {
		return errors.New("at least one container must be essential")
	}
	return all.order()
}

// order returns an error unless the containers can be started in some order.
func (all Containers) order() error {
	started := map[string]bool{}
	for range all {
		for _, c := range all {
			if !slices.ContainsFunc(c.DependsOn, func(d Dependency) bool { return !started[d.ContainerName] }) {
				started[c.Name] = true
			}
		}
	}
	for _, c := range all {
		if !started[c.Name] {
			return fmt.Errorf("container %q: dependsOn: container dependencies must not have a cycle", c.Name)
		}
	}
	return nil
}
