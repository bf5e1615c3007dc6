package mcpserver_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

// difficult has commands with the most and the least that may be declared.
func difficult(t testing.TB) map[string]string {
	t.Helper()
	long := strings.Repeat("x", 64)
	return map[string]string{
		"plan": "---\nname: plan\ndescription: Plans.\ninputs:\n" +
			"  - {name: " + long + ", type: string, required: true, description: x}\n" +
			"  - {name: __proto__, type: number, required: false}\n" +
			"  - {name: constructor, type: boolean, required: false, description: \"\\\"<&>\"}\n" +
			"  - {name: type, type: array, required: true, description: \"\"}\n" +
			"  - {name: properties, type: string, required: false, description: x}\n" +
			"---\n\n{{" + long + "}}\n",
		"commit": "---\nname: commit\ndescription: Commits.\n---\n\nText\n",
		"review": "---\nname: review\ndescription: Reviews.\ninputs: []\n---\n\nText\n",
		long:     "---\nname: " + long + "\ndescription: Long.\n---\n\nText\n",
	}
}

// TestSchemasAreSimple holds every name and schema that clients see against what
// the strictest of them take, and calls each tool with what it lists.
func TestSchemasAreSimple(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/subset.json")
	require.NoError(t, err)
	var described jsonschema.Schema
	require.NoError(t, json.Unmarshal(text, &described))
	subset, err := described.Resolve(nil)
	require.NoError(t, err)
	for _, wrong := range []string{
		`true`, `{"type": "object"}`, `{"type": ["object", "null"], "properties": {}}`,
		`{"type": "object", "properties": {}, "additionalProperties": false}`,
		`{"type": "object", "properties": {"a b": {"type": "string"}}}`,
		`{"type": "object", "properties": {"a": true}}`,
		`{"type": "object", "properties": {"a": {"$ref": "#"}}}`,
		`{"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}}`,
		`{"type": "object", "properties": {"a": {"type": "array"}}}`,
	} {
		var value any
		require.NoError(t, json.Unmarshal([]byte(wrong), &value))
		require.Error(t, subset.Validate(value), wrong)
	}

	name := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	for what, bundle := range map[string]map[string]string{"real": nil, "difficult": difficult(t)} {
		files := bundletest.FS(t, map[string]string{}, bundle)
		if what == "real" {
			files = bundletest.Real(t, "../../agents/bundle.yaml")
		}
		c, err := catalog.Load(files)
		require.NoError(t, err)
		session := connectTo(t, mcpserver.New(c, nil))
		for tool, err := range session.Tools(t.Context(), nil) {
			require.NoError(t, err)
			assert.Regexp(t, name, tool.Name)
			require.NoError(t, subset.Validate(tool.InputSchema), "%s: input of %s", what, tool.Name)
			if tool.OutputSchema != nil {
				require.NoError(t, subset.Validate(tool.OutputSchema), "%s: output of %s", what, tool.Name)
			}
		}
		for prompt, err := range session.Prompts(t.Context(), nil) {
			require.NoError(t, err)
			assert.Regexp(t, name, prompt.Name)
			for _, argument := range prompt.Arguments {
				assert.Regexp(t, name, argument.Name)
			}
		}
		report, failed := call(t, session, "codeflow_registry_qa", object{"includeDetails": true})
		assert.False(t, failed, report)
		_, failed = call(t, session, "plan", object{"type": []string{"a"}, "constructor": "true", "__proto__": "-1.5e3"})
		assert.False(t, failed)
	}
}

// TestArgumentsAsModelsSendThem: what is meant is taken, what is wrong is told.
func TestArgumentsAsModelsSendThem(t *testing.T) {
	t.Parallel()
	server := newServer(t, mcpserver.Options{})
	for name, tc := range map[string]struct {
		tool, arguments string
		want            string // in the answer's text
		fails           bool
	}{
		"null for what is optional":    {"list_agents", `{"category": null, "tag": null}`, `"total":3`, false},
		"null for all":                 {"list_agents", `null`, `"total":3`, false},
		"a key of the client's":        {"list_agents", `{"random_string": "x"}`, `"total":3`, false},
		"large keys of the client's":   {"list_agents", `{"a": {"b": [[], {}, null]}, "": 1}`, `"total":3`, false},
		"key in another case":          {"list_agents", `{"Tag": "seo"}`, `"total":3`, false},
		"a key beside one":             {"search_agents", `{"query": "api", "toolCallId": "c1"}`, `"api-builder"`, false},
		"number in quotes":             {"search_agents", `{"query": "sql", "limit": "1"}`, `"total":1`, false},
		"number in quotes, a fraction": {"search_agents", `{"query": "sql", "limit": "1.0"}`, `"total":1`, false},
		"boolean in quotes":            {"codeflow_registry_qa", `{"includeDetails": "true"}`, `"details":[`, false},
		"boolean in quotes, false":     {"codeflow_registry_qa", `{"includeDetails": "false"}`, `"ok":true`, false},
		"text that is a number":        {"search_agents", `{"query": "5"}`, `"agents":[]`, false},
		"text that is null":            {"list_agents", `{"tag": "null"}`, `"total":0`, false},
		"escapes":                      {"search_agents", `{"query": "\u0061pi", "limi\u0074": "\u0031"}`, `"total":1`, false},

		"null for what is required": {"get_agent", `{"name": null}`, `has type "null", want "string"`, true},
		"nothing required":          {"get_agent", `{"nam": "seo-master"}`, `missing properties: ["name"]`, true},
		"a number for a text":       {"get_agent", `{"name": 5}`, `has type "integer", want "string"`, true},
		"too large in quotes":       {"search_agents", `{"query": "sql", "limit": "51"}`, "maximum", true},
		"a fraction in quotes":      {"search_agents", `{"query": "sql", "limit": "1.5"}`, `has type "string", want "integer"`, true},
		"number with a space":       {"search_agents", `{"query": "sql", "limit": "1 "}`, `has type "string", want "integer"`, true},
		"hexadecimal":               {"search_agents", `{"query": "sql", "limit": "0x1"}`, `has type "string", want "integer"`, true},
		"no number":                 {"search_agents", `{"query": "sql", "limit": "NaN"}`, `has type "string", want "integer"`, true},
		"number without end":        {"search_agents", `{"query": "sql", "limit": "1e999"}`, `has type "string", want "integer"`, true},
		"nothing in quotes":         {"search_agents", `{"query": "sql", "limit": ""}`, `has type "string", want "integer"`, true},
		"yes":                       {"codeflow_registry_qa", `{"includeDetails": "yes"}`, `has type "string", want "boolean"`, true},
		"True":                      {"codeflow_registry_qa", `{"includeDetails": "True"}`, `has type "string", want "boolean"`, true},
		"boolean as a number":       {"codeflow_registry_qa", `{"includeDetails": 1}`, `want "boolean"`, true},
		"a text":                    {"list_agents", `"x"`, "unmarshal", true},
		"a list":                    {"list_agents", `[]`, "unmarshal", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := post(server, `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "`+tc.tool+`", "arguments": `+tc.arguments+`}}`)
			var answer struct {
				Result struct {
					IsError bool
					Content []struct{ Text string }
				}
			}
			require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
			require.Len(t, answer.Result.Content, 1, rec.Body)
			assert.Equal(t, tc.fails, answer.Result.IsError, answer.Result.Content)
			assert.Contains(t, answer.Result.Content[0].Text, tc.want)
		})
	}
}

// TestPromptArguments: null is what was not filled in.
func TestPromptArguments(t *testing.T) {
	t.Parallel()
	rec := post(newServer(t, mcpserver.Options{}), `{"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "plan", "arguments": {"ticket": "T-1", "files": null}}}`)
	assert.Contains(t, rec.Body.String(), `Read the files first."`)
}
