package cloud

import (
	"slices"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

const (
	// global is the region of resources that belong to none.
	global = "global"
	// anywhere stands for all regions, where a name tells by itself which one is meant: in an ARN, or of a bucket.
	anywhere = "*"
)

// call is one create, update or delete, as the rules see it. The cloud is
// locked while it lasts.
type call struct {
	cloud  *Cloud
	typ    string
	region string // of the provider, even for a global type.
	urn    string
	caller string
	rule   Rule
	// in are the new inputs; on a delete, the state that the engine has.
	in props
	// out are the outputs being made.
	out props
	// old is the resource as it is, nil on a create.
	old *Resource
	// reported replaces in the provider's answer what the store keeps, for a
	// service that was rolled back while the provider reports success.
	reported props
	// events are those of the resource; initErrors say that it was created but
	// did not come up.
	events, initErrors []string
}

// find returns the first resource of a type in the call's region, or of a
// global type, whose property has the value. The property "id" is the id.
func (c *call) find(short, property, value string) *Resource {
	return c.first(c.region, short, func(r *Resource) bool {
		return value != "" && (Ref{By: property}).holds(value, r)
	})
}

// each returns the other resources of a type in the call's region for which
// the filter is true.
func (c *call) each(short string, filter func(r *Resource) bool) []*Resource {
	region := rules[short].home(c.region)
	return c.cloud.store.List(func(r *Resource) bool {
		return shortType(r.Type) == short && r.Region == region && !c.self(r) && filter(r)
	})
}

func (c *call) first(region, short string, filter func(r *Resource) bool) *Resource {
	region = rules[short].home(region)
	r, _ := c.cloud.store.Find(func(r *Resource) bool {
		return shortType(r.Type) == short && (region == anywhere || r.Region == region) && filter(r)
	})
	return r
}

func (c *call) self(r *Resource) bool {
	return c.old != nil && r.Type == c.old.Type && r.Region == c.old.Region && r.Key == c.old.Key
}

// changed reports whether a property is new or differs from the old inputs.
func (c *call) changed(path string) bool {
	return c.old == nil || !slices.Equal(c.in.strs(path), props(c.old.Inputs).strs(path))
}

// check runs what all types have in common before a create or an update.
func (c *call) check() error {
	typ, _ := schema.Lookup(c.typ)
	for _, ref := range c.rule.Refs {
		values := c.in.strs(ref.Path)
		if property := typ.Properties[ref.Path]; property != nil && property.Required && len(values) == 0 {
			values = []string{""} // required, and set to nothing.
		}
		for _, value := range values {
			if err := c.resolve(ref, value); err != nil {
				return err
			}
		}
	}
	for _, unique := range c.rule.Unique {
		if err := c.unique(unique); err != nil {
			return err
		}
	}
	return nil
}

// resolve looks for the resource that a reference names.
func (c *call) resolve(ref Ref, value string) error {
	region := c.region
	if ref.In != "" {
		region = ref.In
	}
	for _, short := range ref.targets() {
		if ownedByAWS(short, value) {
			return nil
		}
		if c.first(region, short, func(r *Resource) bool { return ref.holds(value, r) }) != nil {
			return nil
		}
	}
	target := ref.targets()[0]
	missing := rules[target].Missing
	if missing == "" {
		missing = "ResourceNotFoundException: " + target + " '{value}' does not exist"
	}
	return refuseAs(missing, c.region, props{"value": value})
}

func (c *call) unique(unique Unique) error {
	want, ok := expand(unique.Key, c.region, c.out)
	if !ok {
		return nil
	}
	home := c.rule.home(c.region)
	_, taken := c.cloud.store.Find(func(r *Resource) bool {
		if r.Type != c.typ || c.self(r) || (!unique.Everywhere && r.Region != home) {
			return false
		}
		have, ok := expand(unique.Key, c.region, r.Outputs)
		return ok && have == want
	})
	if taken {
		return refuseAs(unique.Error, c.region, c.out)
	}
	return nil
}

// unused refuses the call while another resource refers to the old one.
func (c *call) unused() error {
	short := shortType(c.typ)
	user, used := c.cloud.store.Find(func(r *Resource) bool {
		if c.self(r) {
			return false
		}
		for _, ref := range rules[shortType(r.Type)].Refs {
			if ref.Loose || !slices.Contains(ref.targets(), short) || !c.sameRegion(ref, r) {
				continue
			}
			for _, value := range props(r.Outputs).strs(ref.Path) {
				if ref.holds(value, c.old) {
					return true
				}
			}
		}
		return false
	})
	if !used {
		return nil
	}
	inUse := c.rule.InUse
	if inUse == "" {
		inUse = "ResourceInUseException: " + short + " '{id}' is in use by '{user}'"
	}
	values := props{"id": c.old.ID, "user": user.ID}
	for k, v := range c.old.Outputs {
		values[k] = v
	}
	return refuseAs(inUse, c.region, values)
}

// sameRegion reports whether a resource's reference can mean the old one.
func (c *call) sameRegion(ref Ref, r *Resource) bool {
	if c.old.Region == global || r.Region == c.old.Region {
		return true
	}
	return ref.In == c.old.Region || ref.In == anywhere
}
