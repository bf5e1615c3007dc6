package preview_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
)

const (
	secret  = `{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "TOPSECRET"}`
	unknown = `"04da6b54-80e4-46f7-96ec-b56ff0331ba9"`
	urn     = "urn:pulumi:prod::codeflow::codeflow:rds:Database$aws:rds/instance:Instance::database"
)

func decode(t *testing.T, text string) *preview.Preview {
	t.Helper()
	return preview.Decode("prod", strings.NewReader(text))
}

// one is the preview of one step of an operation, with more of its fields.
func one(op, more string) string {
	return `{"steps": [{"op": "` + op + `", "urn": "` + urn + `"` + more + `}]}`
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../comment/testdata/database/prod.json")
	require.NoError(t, err)
	defer file.Close()
	p := preview.Decode("prod", file)
	assert.Empty(t, p.Errors)
	assert.Equal(t, map[preview.Kind]int{preview.Update: 2, preview.Replace: 3, preview.Same: 205}, p.Counts)
	require.Len(t, p.Steps, 5)
	first := p.Steps[0]
	assert.Equal(t, preview.Replace, first.Kind)
	assert.Equal(t, "aws:rds/instance:Instance", first.Type)
	assert.Equal(t, "database", first.Name)
	assert.Equal(t, []string{"engine"}, first.Reasons)
	assert.Equal(t, []preview.Change{{Path: "engine", Old: `"postgres"`, New: `"mysql"`}}, first.Changes)
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for op, want := range map[string]preview.Kind{
		"create": preview.Create, "import": preview.Create, "update": preview.Update,
		"replace": preview.Replace, "create-replacement": preview.Replace, "delete-replaced": preview.Replace,
		"delete": preview.Delete, "discard": preview.Delete, "same": "", "read": "", "refresh": "", // which found no difference
	} {
		p := decode(t, one(op, ""))
		assert.Empty(t, p.Errors, op)
		if want == "" {
			assert.Empty(t, p.Steps, op)
			continue
		}
		require.Len(t, p.Steps, 1, op)
		assert.Equal(t, want, p.Steps[0].Kind, op)
		assert.Equal(t, map[preview.Kind]int{want: 1}, p.Counts, "without a summary the steps are counted")
	}
	assert.Contains(t, decode(t, one("explode", "")).Errors[0], `the operation "explode" of "`+urn+`" is unknown`)
}

// The halves of a replacement are one resource.
func TestHalves(t *testing.T) {
	t.Parallel()
	p := decode(t, `{"steps": [
		{"op": "create-replacement", "urn": "`+urn+`", "newState": {"inputs": {"a": 2}}},
		{"op": "replace", "urn": "`+urn+`", "oldState": {"inputs": {"a": 1}}, "newState": {"inputs": {"a": 2}}, "replaceReasons": ["a"]},
		{"op": "delete-replaced", "urn": "`+urn+`", "oldState": {"inputs": {"a": 1}}, "replaceReasons": ["a"]}
	]}`)
	require.Len(t, p.Steps, 1)
	assert.Equal(t, preview.Step{
		Kind: preview.Replace, URN: urn, Type: "aws:rds/instance:Instance", Name: "database", Reasons: []string{"a"},
		Changes: []preview.Change{{Path: "a", Old: "1", New: "2"}},
		Old:     map[string]any{"a": 1.0}, New: map[string]any{"a": 2.0},
	}, p.Steps[0])
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, new, more string
		want           []preview.Change
	}{
		"a property": {`{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `, "detailedDiff": {"a": {"kind": "update", "inputDiff": true}}`, []preview.Change{{"a", "1", "2"}}},
		"deep":       {`{"a": [{"b": {"c.d": 1}}]}`, `{"a": [{"b": {"c.d": 2}}]}`, `, "detailedDiff": {"a[0].b[\"c.d\"]": {"inputDiff": true}}`, []preview.Change{{`a[0].b["c.d"]`, "1", "2"}}},
		"added and removed": {
			`{"a": 1, "l": [1, 2]}`, `{"b": 1, "l": [1]}`, "",
			[]preview.Change{{"a", "1", "(none)"}, {"b", "(none)", "1"}, {"l[1]", "2", "(none)"}},
		},
		"JSON in a text": {
			`{"p": "{\"Statement\": [{\"Effect\": \"Allow\", \"Sid\": \"x\"}]}"}`, `{"p": "{\"Statement\": [{\"Sid\": \"x\", \"Effect\": \"Deny\"}]}"}`, "",
			[]preview.Change{{"p.Statement[0].Effect", `"Allow"`, `"Deny"`}},
		},
		"not known": {`{"a": "x"}`, `{"a": ` + unknown + `}`, "", []preview.Change{{"a", `"x"`, "(known after the update)"}}},
		"a secret": {
			`{"a": ` + secret + `}`, `{"a": ` + strings.ReplaceAll(secret, "TOP", "NEWTOP") + `}`, `, "detailedDiff": {"a": {"inputDiff": true}}`,
			[]preview.Change{{"a", "[secret]", "[secret]"}},
		},
		"below a secret": {
			`{"a": ` + secret + `}`, `{"a": ` + secret + `}`, `, "detailedDiff": {"a.b[0]": {"inputDiff": true}}`,
			[]preview.Change{{"a.b[0]", "[secret]", "[secret]"}},
		},
		"a masked secret":  {`{"a": "[secret]"}`, `{"a": "[secret]"}`, `, "diffReasons": ["a"]`, []preview.Change{{"a", "[secret]", "[secret]"}}},
		"no such path":     {`{"a": 1}`, `{"a": 1}`, `, "detailedDiff": {"b[0].c": {"inputDiff": true}, "a[x": {"inputDiff": true}}`, []preview.Change{{"a[x", "(none)", "(none)"}, {"b[0].c", "(none)", "(none)"}}},
		"a < b is no HTML": {`{"a": "<"}`, `{"a": "&"}`, "", []preview.Change{{"a", `"<"`, `"&"`}}},
	} {
		p := decode(t, one("update", `, "oldState": {"inputs": `+c.old+`}, "newState": {"inputs": `+c.new+`}`+c.more))
		require.Len(t, p.Steps, 1, name)
		assert.Equal(t, c.want, p.Steps[0].Changes, name)
		for _, side := range []map[string]any{p.Steps[0].Old, p.Steps[0].New} {
			assert.NotContains(t, strings.Join(texts(side), " "), "TOPSECRET", name)
		}
	}
}

// texts are all texts in a value.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			all = append(append(all, key), texts(value)...)
		}
	case []any:
		for _, value := range v {
			all = append(all, texts(value)...)
		}
	case string:
		all = append(all, v)
	}
	return all
}

// What the account has otherwise than the state is compared with the outputs.
func TestDrift(t *testing.T) {
	t.Parallel()
	p := decode(t, one("update", `, "oldState": {"inputs": {"a": 1}, "outputs": {"a": 3}}, "newState": {"inputs": {"a": 1}},
		"detailedDiff": {"a": {"kind": "update", "inputDiff": false}}`))
	assert.Equal(t, []preview.Change{{"a", "3", "1"}}, p.Steps[0].Changes)
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "printed no complete JSON",
		"error: TOPSECRET":         "printed no complete JSON",
		`{"steps": [{"op": "same"`: "printed no complete JSON",
		"{}":                       "printed JSON without steps",
		`{"diagnostics": [{"severity": "error", "message": "<{%fg 1%}>error: <{%reset%}>no\n"}]}`: "no",
	} {
		p := decode(t, text)
		require.Len(t, p.Errors, 1, text)
		assert.Contains(t, p.Errors[0], want)
		assert.NotContains(t, p.Errors[0], "TOPSECRET", "nobody took the secrets out of it")
		assert.NotContains(t, p.Errors[0], "<{%")
	}
	p := decode(t, `{"steps": [], "diagnostics": [{"severity": "warning", "message": "warning: w"}, {"severity": "info", "message": "i"}]}`)
	assert.Empty(t, p.Errors)
	assert.Equal(t, []string{"w"}, p.Warnings)
}

func FuzzDecode(f *testing.F) {
	f.Add(one("update", `, "oldState": {"inputs": {"a": `+secret+`}}, "newState": {"inputs": {"a": [`+unknown+`]}}, "detailedDiff": {"a[0]": {}}`))
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range preview.Decode("prod", strings.NewReader(text)).Steps {
			assert.NotEmpty(t, s.Kind)
		}
	})
}
