package policies_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
)

// entry is a resource of testdata. Refs are the names behind its properties.
type entry struct {
	Type, Name     string
	Inputs         map[string]any
	Refs           map[string][]string
	Protect        bool
	RetainOnDelete bool
}

// mutation makes the good graph bad, for one rule.
type mutation struct {
	Rule     string
	Resource string // its name
	Path     string // of a property; none removes the resource
	To       any    // none removes the property
	Option   string // to turn off
	Add      *entry
}

func (m mutation) String() string {
	name := m.Rule + " " + m.Resource + " " + m.Path + m.Option
	if m.Add != nil {
		name += m.Add.Name
	}
	return name
}

// readTestdata reads a list of testdata anew, so that it can be changed.
func readTestdata[T any](t *testing.T, name string) (list []T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &list), name)
	return list
}

func good(t *testing.T) []entry {
	t.Helper()
	return readTestdata[entry](t, "good.json")
}

// apply changes entries, and fails when the mutation finds nothing to change.
func (m mutation) apply(t *testing.T, entries []entry) []entry {
	t.Helper()
	if m.Add != nil {
		return append(entries, *m.Add)
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.Name == m.Resource })
	require.GreaterOrEqual(t, i, 0, "no resource %q", m.Resource)
	switch {
	case m.Option != "":
		require.True(t, entries[i].Protect || entries[i].RetainOnDelete)
		entries[i].Protect, entries[i].RetainOnDelete = false, false
	case m.Path == "":
		return slices.Delete(entries, i, i+1)
	default:
		change(t, entries[i].Inputs, strings.Split(m.Path, "."), m.To)
	}
	return entries
}

// change sets what a path leads to, or removes it for nil.
func change(t *testing.T, inside any, path []string, to any) {
	t.Helper()
	switch inside := inside.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			change(t, inside[path[0]], path[1:], to)
		case to == nil:
			require.Contains(t, inside, path[0])
			delete(inside, path[0])
		default:
			inside[path[0]] = to
		}
	case []any:
		i, err := strconv.Atoi(path[0])
		require.NoError(t, err)
		require.Less(t, i, len(inside))
		if len(path) > 1 {
			change(t, inside[i], path[1:], to)
			return
		}
		inside[i] = to
	default:
		require.Fail(t, "nothing is there", "%v in %v", path, inside)
	}
}

// export writes entries as pulumi stack export does, and decodes them.
func export(t *testing.T, entries []entry) []policies.Resource {
	t.Helper()
	urns := map[string]string{}
	for _, e := range entries {
		urns[e.Name] = "urn:pulumi:good::codeflow::" + e.Type + "::" + e.Name
	}
	states := make([]any, len(entries))
	for i, e := range entries {
		dependencies := map[string][]string{}
		for property, names := range e.Refs {
			for _, name := range names {
				dependencies[property] = append(dependencies[property], urns[name])
			}
		}
		written(t, e.Inputs)
		states[i] = map[string]any{
			"urn": urns[e.Name], "type": e.Type, "custom": true, "inputs": e.Inputs,
			"propertyDependencies": dependencies, "protect": e.Protect, "retainOnDelete": e.RetainOnDelete,
		}
	}
	data, err := json.Marshal(map[string]any{"version": 3, "deployment": map[string]any{"resources": states}})
	require.NoError(t, err)
	resources, err := policies.Decode(strings.NewReader(string(data)))
	require.NoError(t, err)
	return resources
}

// documents are properties whose value is a JSON text.
var documents = []string{"policy", "assumeRolePolicy", "containerDefinitions"}

// written makes JSON texts of documents, which testdata has as objects.
func written(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			written(t, element)
		}
	case map[string]any:
		for key, element := range value {
			_, text := element.(string)
			if !text && slices.Contains(documents, key) {
				data, err := json.Marshal(element)
				require.NoError(t, err)
				value[key] = string(data)
				continue
			}
			written(t, element)
		}
	}
}
