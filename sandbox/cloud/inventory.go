package cloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

// Inventory is what of the account's resources AWS's calls depend on.
func (s *Store) Inventory() []access.Resource {
	all := s.List(func(*Resource) bool { return true })
	ids := map[string]bool{}
	for _, r := range all {
		ids[r.ID] = true
	}
	list := make([]access.Resource, len(all))
	for i, r := range all {
		list[i] = described(r, func(text string) bool { return ids[text] })
	}
	return list
}

// described is a resource as its calls depend on it. Known is whether a text is the id
// of another.
func described(r *Resource, known func(string) bool) access.Resource {
	d := access.Resource{
		Type: r.Type, Stack: StackOf(r.URN), Region: r.Region, ID: r.ID,
		Tags: map[string]string{}, Values: map[string]string{},
	}
	if r.URN != "" {
		d.Name = nameOf(r.URN)
	}
	if arn, ok := r.Outputs["arn"].(string); ok && r.Inputs["arn"] == nil {
		d.ARN = arn
	}
	tags, _ := r.Outputs["tagsAll"].(map[string]any)
	for key, value := range tags {
		d.Tags[key] = text(value)
	}
	for _, name := range access.ValueNames {
		if value := text(r.Outputs[name]); value != "" {
			d.Values[name] = value
		}
	}
	refs := map[string]bool{}
	for name, value := range merge(r.Outputs, r.Inputs) {
		// The group that traffic comes from is no resource of the call.
		if name != "arn" && name != "referencedSecurityGroupId" && !strings.HasPrefix(name, "tags") {
			gather(value, func(text string) {
				text, _, _ = strings.Cut(text, ".s3.") // a bucket's domain
				if text != r.ID && (strings.HasPrefix(text, "arn:") || known(text)) {
					refs[text] = true
				}
			})
		}
	}
	d.Refs = slices.Sorted(maps.Keys(refs))
	return d
}

// gather tells each text in a value.
func gather(value any, tell func(string)) {
	switch value := value.(type) {
	case string:
		tell(value)
	case []any:
		for _, item := range value {
			gather(item, tell)
		}
	case map[string]any:
		for _, item := range value {
			gather(item, tell)
		}
	}
}
