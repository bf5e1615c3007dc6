package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// What Pulumi writes in place of values.
// https://github.com/pulumi/pulumi/blob/v3.274.1/sdk/go/common/resource/properties.go
const (
	unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
	secretText   = "[secret]"
	signatureKey = "4dabf18193072939515e22adb298388d"
	secretValue  = "1b47061264138c4ac30d75fd1eb44270"
)

// document is a preview, an export, or a file of a state backend.
type document struct {
	Steps []struct {
		Op                 string
		OldState, NewState *state
	}
	ChangeSummary map[string]int
	Diagnostics   []struct {
		Severity, Message string
	}
	Deployment *deployment
	Checkpoint *struct {
		Latest *deployment
	}
}

type deployment struct {
	Resources []*state
}

type state struct {
	URN, Type, ID, Parent, Provider           string
	Inputs                                    map[string]any
	PropertyDependencies                      map[string][]string
	Delete, External, Protect, RetainOnDelete bool
}

// Decode reads the resources of one stack, as `pulumi preview --json
// --show-sames`, `pulumi stack export` or a state backend writes them. It keeps no
// secret. A preview that lacks resources, since it failed or leaves out what stays
// the same, is an error, as is a document without any.
func Decode(r io.Reader) ([]Resource, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading resources: %w", err)
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading resources: not JSON of pulumi preview --json or pulumi stack export: %w", err)
	}
	if err := doc.whole(); err != nil {
		return nil, fmt.Errorf("reading resources: %w", err)
	}
	var resources []Resource
	position := map[string]int{}
	for i, s := range doc.states() {
		if s == nil || s.Delete || s.External {
			continue
		}
		resource, err := s.resource()
		if err != nil {
			return nil, fmt.Errorf("reading resources: resource %d: %w", i, err)
		}
		// A replacement is two steps of one resource.
		if at, ok := position[s.URN]; ok {
			resources[at] = resource
			continue
		}
		position[s.URN] = len(resources)
		resources = append(resources, resource)
	}
	if len(resources) == 0 {
		return nil, errors.New("reading resources: there are none in steps (pulumi preview --json --show-sames), " +
			"deployment.resources (pulumi stack export) or checkpoint.latest.resources (a state file)")
	}
	return resources, nil
}

// whole refuses a preview that does not have every resource.
func (d *document) whole() error {
	for _, diagnostic := range d.Diagnostics {
		if diagnostic.Severity == "error" {
			return fmt.Errorf("the preview failed, so its resources are not complete: %s", strings.TrimSpace(diagnostic.Message))
		}
	}
	sames := 0
	for _, step := range d.Steps {
		if step.Op == "same" {
			sames++
		}
	}
	if left := d.ChangeSummary["same"] - sames; left > 0 {
		return fmt.Errorf("the preview leaves out %d resources that stay the same: run pulumi preview --json --show-sames", left)
	}
	return nil
}

func (d *document) states() (states []*state) {
	for _, step := range d.Steps {
		// A resource that stays keeps its ID, which a preview has in the old state only.
		if step.NewState != nil && step.OldState != nil && step.NewState.ID == "" && (step.Op == "same" || step.Op == "update") {
			step.NewState.ID = step.OldState.ID
		}
		states = append(states, step.NewState)
	}
	if d.Deployment != nil {
		states = append(states, d.Deployment.Resources...)
	}
	if d.Checkpoint != nil && d.Checkpoint.Latest != nil {
		states = append(states, d.Checkpoint.Latest.Resources...)
	}
	return states
}

func (s *state) resource() (Resource, error) {
	// urn:pulumi:<stack>::<project>::<types>::<name>
	parts := strings.SplitN(s.URN, "::", 4)
	if len(parts) != 4 || !strings.HasPrefix(s.URN, "urn:pulumi:") || s.Type == "" {
		return Resource{}, fmt.Errorf("URN %q and type %q are not a resource's", s.URN, s.Type)
	}
	inputs, _ := marked(s.Inputs).(map[string]any)
	id := s.ID
	if id == unknownValue {
		id = ""
	}
	return Resource{
		URN: s.URN, Type: s.Type, Name: parts[3], ID: id, Parent: s.Parent, Provider: s.Provider, Inputs: inputs,
		Dependencies: s.PropertyDependencies, Protect: s.Protect, RetainOnDelete: s.RetainOnDelete,
	}, nil
}

// marked puts markers in place of what is unknown or secret.
func marked(value any) any {
	switch value := value.(type) {
	case string:
		switch value {
		case unknownValue:
			return Unknown
		case secretText:
			return Secret
		}
	case []any:
		for i := range value {
			value[i] = marked(value[i])
		}
	case map[string]any:
		if value[signatureKey] == secretValue {
			return Secret
		}
		for key := range value {
			value[key] = marked(value[key])
		}
	}
	return value
}
