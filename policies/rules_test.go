package policies_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
)

var today = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func check(resources []policies.Resource) policies.Report {
	return policies.Check(resources, nil, today)
}

func TestRules(t *testing.T) {
	t.Parallel()
	assert.GreaterOrEqual(t, len(policies.Rules), 60)
	kebab := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)
	seen := map[string]bool{}
	for _, rule := range policies.Rules {
		assert.Regexp(t, kebab, rule.Name)
		assert.False(t, seen[rule.Name], "%s stands twice", rule.Name)
		seen[rule.Name] = true
		assert.NotEmpty(t, rule.Title, rule.Name)
		assert.NotEmpty(t, rule.Fix, rule.Name)
		assert.NotEmpty(t, rule.Types, rule.Name)
	}
}

// The controls that exist are in a file, by the standard that they are of.
func TestControlsExist(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "controls.json"))
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, json.Unmarshal(data, &file))
	delete(file, "origin")
	var known, used []string
	for _, ids := range file {
		for _, id := range ids.([]any) {
			known = append(known, id.(string))
		}
	}
	for _, rule := range policies.Rules {
		if rule.ID != "" {
			used = append(used, rule.ID)
		}
	}
	assert.ElementsMatch(t, known, used, "each control has one rule")
}

func TestGoodGraphPassesEveryRule(t *testing.T) {
	t.Parallel()
	resources := export(t, good(t))
	report := check(resources)
	assert.Empty(t, report.Violations)
	assert.Zero(t, report.NotChecked, "what is not checked proves nothing")
	types := map[string]bool{}
	for _, r := range resources {
		types[r.Type] = true
	}
	forbidden := []string{"iam-no-user-policy", "iam-no-users"} // their types must not be there
	for _, rule := range policies.Rules {
		applies := slices.ContainsFunc(rule.Types, func(token string) bool { return types[token] })
		assert.Equal(t, !slices.Contains(forbidden, rule.Name), applies, "%s has a resource that passes", rule.Name)
	}
}

func TestEachMutationBreaksItsRule(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, m := range readTestdata[mutation](t, "bad.json") {
		broken[m.Rule] = true
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			report := check(export(t, m.apply(t, good(t))))
			require.Len(t, report.Violations, 1, report)
			violation := report.Violations[0]
			assert.Equal(t, m.Rule, violation.Rule)
			assert.NotContains(t, violation.What, "\x00")
			assert.NotContains(t, violation.What, "hunter2", "a secret in a report")
		})
	}
	for _, rule := range policies.Rules {
		assert.True(t, broken[rule.Name], "%s has no failing case in testdata/bad.json", rule.Name)
	}
}

// A value that is not known yet, or secret, breaks no rule, but for where a
// secret must not be.
func TestWhatIsNotKnownPasses(t *testing.T) {
	t.Parallel()
	for _, marker := range []string{"04da6b54-80e4-46f7-96ec-b56ff0331ba9", "[secret]"} {
		for _, m := range readTestdata[mutation](t, "bad.json") {
			if m.Path == "" || strings.HasPrefix(m.Path, "password") {
				continue
			}
			for _, path := range prefixes(m.Path) {
				t.Run(m.Rule+" "+m.Resource+" "+path, func(t *testing.T) {
					t.Parallel()
					m := mutation{Resource: m.Resource, Path: path, To: marker}
					assert.Empty(t, check(export(t, m.apply(t, good(t)))).Violations)
				})
			}
		}
	}
}

// prefixes are the paths to a property and to what it is in. A document is known
// as a whole, or not at all.
func prefixes(path string) (list []string) {
	whole := ""
	for step := range strings.SplitSeq(path, ".") {
		whole = strings.TrimPrefix(whole+"."+step, ".")
		list = append(list, whole)
		if slices.Contains(documents, step) {
			break
		}
	}
	return list
}

func TestNotCheckedIsCounted(t *testing.T) {
	t.Parallel()
	m := mutation{Resource: "assets-policy", Path: "policy", To: "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
	report := check(export(t, m.apply(t, good(t))))
	assert.Empty(t, report.Violations)
	assert.Equal(t, 3, report.NotChecked, "s3-tls-only, s3-policy-not-public, s3-policy-services-scoped")
	assert.Contains(t, report.String(), "3 not checked")
}

// Components in other processes hide their children: the dependency is on the
// component, or on it and all of them, and the ID tells once it is known.
func TestChildrenOfOtherProcesses(t *testing.T) {
	t.Parallel()
	const urn = "urn:pulumi:good::codeflow::"
	graph := func(vpcID any, id string) []policies.Resource {
		parent := urn + "awsx:ec2:Vpc::network"
		return []policies.Resource{
			{URN: parent, Type: "awsx:ec2:Vpc", Name: "network"},
			{URN: urn + "aws:ec2/vpc:Vpc::vpc", Type: "aws:ec2/vpc:Vpc", Name: "vpc", ID: id, Parent: parent},
			{
				URN: urn + "aws:ec2/flowLog:FlowLog::flow", Type: "aws:ec2/flowLog:FlowLog", Name: "flow",
				Inputs:       map[string]any{"vpcId": vpcID, "trafficType": "ALL"},
				Dependencies: map[string][]string{"vpcId": {parent}},
			},
		}
	}
	broken := func(resources []policies.Resource) bool {
		return slices.ContainsFunc(check(resources).Violations, func(v policies.Violation) bool { return v.Rule == "vpc-flow-log" })
	}
	assert.False(t, broken(graph("vpc-1", "vpc-1")), "the ID is the VPC's")
	assert.True(t, broken(graph("vpc-2", "vpc-1")), "the ID is another's")
	expanded := graph("vpc-2", "vpc-1")
	expanded[2].Dependencies["vpcId"] = []string{expanded[0].URN, expanded[1].URN}
	assert.True(t, broken(expanded), "the ID is another's")
	unsure := graph(policies.Unknown, "")
	assert.False(t, broken(unsure))
	assert.Positive(t, check(unsure).NotChecked, "it may be another's")
}

// A value may come by way of what refers to the resource, as the name of a bucket
// that is known only when its policy is there.
func TestReferencesByWayOfAnother(t *testing.T) {
	t.Parallel()
	entries := good(t)
	trail := entries[slices.IndexFunc(entries, func(e entry) bool { return e.Name == "trail" })]
	trail.Refs["s3BucketName"] = []string{"audit-Policy"}
	assert.Equal(t, 1, check(export(t, entries)).NotChecked, "the name is of a bucket elsewhere")
	trail.Inputs["s3BucketName"] = unknown
	report := check(export(t, entries))
	assert.Empty(t, report.Violations)
	assert.Equal(t, 1, report.NotChecked)
}

// A policy that nothing here attaches may be attached, or a boundary, elsewhere.
func TestUnattachedPoliciesAreNotChecked(t *testing.T) {
	t.Parallel()
	entries := slices.DeleteFunc(good(t), func(e entry) bool { return e.Refs["permissionsBoundary"] != nil })
	report := check(export(t, entries))
	assert.Empty(t, report.Violations)
	assert.Equal(t, 1, report.NotChecked, "iam-no-admin on the boundary")
}

// schemaFile has the properties of pulumi-aws's types.
var schemaFile = filepath.Join("..", "sandbox", "cloud", "schema", "aws.json")

func TestPropertiesExist(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	var schema struct {
		Types, Shared map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal(data, &schema))
	var inspect func(path string, value any, properties any)
	inspect = func(path string, value, properties any) {
		known, ok := properties.(map[string]any)
		if !ok {
			return // a code: what is inside has no names of its own
		}
		if shared, ok := known["@"].(string); ok {
			known = maps.Clone(known)
			maps.Copy(known, schema.Shared[shared])
		}
		switch value := value.(type) {
		case []any:
			for _, element := range value {
				inspect(path, element, known)
			}
		case map[string]any:
			for name, inside := range value {
				if assert.Contains(t, known, name, path) {
					inspect(path+"."+name, inside, known[name])
				}
			}
		}
	}
	inspected := 0
	entries := good(t)
	for _, m := range readTestdata[mutation](t, "bad.json") {
		if m.Add != nil {
			entries = append(entries, *m.Add)
		} else if m.Path != "" {
			entries = append(entries, named(m.apply(t, good(t)), m.Resource))
		}
	}
	for _, e := range entries {
		if properties, ok := schema.Types[e.Type]; ok {
			inspected++
			inspect(e.Type, e.Inputs, properties)
		}
	}
	assert.Greater(t, inspected, 60)
}

func named(entries []entry, name string) entry {
	return entries[slices.IndexFunc(entries, func(e entry) bool { return e.Name == name })]
}
