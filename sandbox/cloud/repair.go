package cloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// Seed puts a resource into the account that no program made, such as the
// hosted zone of a delegated domain. What AWS fills in is filled in. One that
// exists already stays as it is.
func (c *Cloud) Seed(token, region string, inputs map[string]any) (*Resource, error) {
	rule, typ, err := lookup(token)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	inputs = (&Resource{Inputs: inputs}).normal().Inputs // as JSON has them.
	same := func(r *Resource) bool {
		return r.Type == token && r.Region == rule.home(region) && len(typ.Diff(r.Inputs, inputs)) == 0
	}
	if r, ok := c.store.Find(same); ok {
		return r, nil
	}
	made := &call{cloud: c, typ: token, region: region, rule: rule, in: inputs, out: merge(inputs)}
	r, err := made.create()
	if err != nil {
		return nil, describe("seeding", token, region, err)
	}
	return r, nil
}

// Drift changes a property of a resource behind the engine's back, as somebody
// with console access would. The type may be short (ec2/vpc); the resource is
// named by its id, its name, or its Pulumi name. The value is JSON where it
// parses, else text.
func (c *Cloud) Drift(typ, nameOrID, key, value string) error {
	if err := c.drift(typ, nameOrID, key, value); err != nil {
		return fmt.Errorf("making drift: %w", err)
	}
	return c.changed(typ)
}

func (c *Cloud) drift(typ, nameOrID, key, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.pick(typ, nameOrID)
	if err != nil {
		return err
	}
	described, _ := schema.Lookup(r.Type)
	property, ok := described.Properties[key]
	if !ok {
		return fmt.Errorf("%s has no property %q", shortType(r.Type), key)
	}
	changed := parseJSON(value)
	if property.Kind == schema.String {
		changed = value
	}
	r.Outputs[key] = changed
	if _, asked := r.Inputs[key]; asked || (property.Input() && !property.Computed) {
		r.Inputs[key] = changed
	}
	return c.store.Put(r)
}

// pick finds the one resource that a person means.
func (c *Cloud) pick(typ, nameOrID string) (*Resource, error) {
	ofType := c.store.List(func(r *Resource) bool {
		return (r.Type == typ || shortType(r.Type) == typ) && (r.URN != "" || r.ID == nameOrID)
	})
	var found []*Resource
	for _, r := range ofType {
		names := []string{r.ID, r.Key, text(r.Outputs["name"])}
		if r.URN != "" {
			names = append(names, nameOf(r.URN))
		}
		if slices.Contains(names, nameOrID) {
			found = append(found, r)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("several %s are called %q: %s", typ, nameOrID, candidates(found))
	case len(ofType) == 0:
		return nil, fmt.Errorf("there is no %s", typ)
	}
	return nil, fmt.Errorf("no %s is called %q: there are %s", typ, nameOrID, candidates(ofType))
}

func candidates(resources []*Resource) string {
	var names []string
	for _, r := range resources {
		name := r.ID
		if r.URN != "" {
			name += " (" + nameOf(r.URN) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// Orphans lists the resources that a program made but that the caller does not
// know: those of which a killed engine never heard. The caller knows a
// resource when its stack has the id under the URN.
func (c *Cloud) Orphans(known func(urn, id string) bool) []*Resource {
	return c.store.List(func(r *Resource) bool { return r.URN != "" && !known(r.URN, r.ID) })
}

// Forget removes resources from the account without asking whether they are in
// use.
func (c *Cloud) Forget(resources ...*Resource) error {
	for _, r := range resources {
		if err := errors.Join(c.store.Delete(r.Type, r.Region, r.Key), c.changed(r.Type)); err != nil {
			return err
		}
	}
	return nil
}

// Repository reports whether a region has an ECR repository of the name, and
// whether its tags are immutable; the registry asks at each push.
func (c *Cloud) Repository(name string) (exists, immutable bool) {
	r, ok := c.store.Find(func(r *Resource) bool {
		return shortType(r.Type) == "ecr/repository" && r.Outputs["name"] == name
	})
	return ok, ok && r.Outputs["imageTagMutability"] == "IMMUTABLE"
}
