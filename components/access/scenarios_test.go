package access_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScenarios asks the committed policies what a role may do. It knows the
// conditions that they have, and nothing of the policies of keys and buckets.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func TestScenarios(t *testing.T) {
	t.Parallel()
	var scenarios []struct {
		Role, Action, Resource string
		May                    bool
		With                   map[string]any // the request's context; the region is eu-central-1
	}
	data, err := os.ReadFile("testdata/scenarios.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &scenarios))
	boundary := committed(t, "boundary")
	for _, s := range scenarios {
		request := map[string]any{"aws:RequestedRegion": "eu-central-1"}
		for key, value := range s.With {
			request[key] = value
		}
		may := true
		for _, policies := range []document{committed(t, s.Role+"*"), boundary} {
			allowed, denied := policies.judge(s.Action, s.Resource, request)
			may = may && allowed && !denied
		}
		assert.Equal(t, s.May, may, "%s: %s on %s with %v", s.Role, s.Action, s.Resource, s.With)
	}
}

// committed are the statements of the policies in testdata that the pattern names.
func committed(t *testing.T, pattern string) (all document) {
	t.Helper()
	files, err := filepath.Glob("testdata/policies/codeflow-" + pattern + ".json")
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var d document
		require.NoError(t, json.Unmarshal(data, &d))
		all.Statement = append(all.Statement, d.Statement...)
	}
	return all
}

func (d document) judge(action, resource string, request map[string]any) (allowed, denied bool) {
	for _, s := range d.Statement {
		if !anyLike(s.Action, action) || !anyLike(s.Resource, resource) {
			continue
		}
		holds := true
		for operator, keys := range s.Condition {
			for key, values := range keys {
				holds = holds && condition(operator, texts(values), request[key])
			}
		}
		allowed = allowed || holds && s.Effect == "Allow"
		denied = denied || holds && s.Effect == "Deny"
	}
	return allowed, denied
}

func condition(operator string, values []string, got any) bool {
	switch operator {
	case "Null":
		return (got == nil) == (values[0] == "true")
	case "StringNotEquals":
		return got == nil || !slices.Contains(values, got.(string))
	case "StringEquals", "Bool":
		return got != nil && slices.Contains(values, got.(string))
	case "StringLike", "ArnEquals":
		return got != nil && anyLike(values, got.(string))
	case "ForAnyValue:StringEquals":
		return slices.ContainsFunc(texts(got), func(text string) bool { return slices.Contains(values, text) })
	case "ForAllValues:StringLike":
		return !slices.ContainsFunc(texts(got), func(text string) bool { return !anyLike(values, text) })
	}
	panic("unknown operator " + operator)
}

func texts(value any) (list []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			list = append(list, item.(string))
		}
	}
	return list
}

func anyLike(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		return regexp.MustCompile("^" + expression + "$").MatchString(text)
	})
}
