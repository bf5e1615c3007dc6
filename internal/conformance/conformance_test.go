// These tests are of the harness alone: `make conformance` runs it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := &report{out: &out}
	r.check("a", "2 bytes", nil)
	r.check("b", "", errors.New("two\nlines"))
	r.skip("c", "there is none")
	assert.Equal(t, "ok   a: 2 bytes\nFAIL b: two lines\nskip c: there is none\n", out.String())
	assert.Equal(t, report{&out, 1, 1, 1}, *r)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"status":"SUCCESS"},{"status":"INFO"}]`:                            "",
		`[{"status":"SUCCESS"},{"status":"FAILURE","errorMessage":"broken"}]`: "broken",
		`[{"status":"WARNING","details":{"message":"no session"}}]`:           "nothing was checked: no session",
		`[{"status":"INFO","details":{"other":[1]}},{"status":"SUCCESS"}]`:    "",
		`[]`: "nothing was checked",
	} {
		var found findings
		require.NoError(t, json.Unmarshal([]byte(text), &found))
		_, failures := found.verdict()
		err := errors.Join(failures...)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	said := &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "said"}}}
	failed := &mcp.CallToolResult{Content: said.Content, IsError: true}
	for name, tc := range map[string]struct {
		step   step
		result any
		err    error
		want   string
	}{
		"text":                 {step: step{Text: "said"}, result: said},
		"any text":             {result: said},
		"another text":         {step: step{Text: "meant"}, result: said, want: "not what it should be"},
		"no text":              {result: &mcp.CallToolResult{}, want: "not what it should be"},
		"the tool's error":     {result: failed, want: "not what it should be"},
		"error":                {err: errors.New("gone"), want: "gone"},
		"refused by the tool":  {step: step{Refused: true}, result: failed},
		"refused":              {step: step{Refused: true}, err: &jsonrpc.Error{Message: "no"}},
		"not refused":          {step: step{Refused: true}, result: said, want: "it was not refused"},
		"not refused but gone": {step: step{Refused: true}, err: errors.New("gone"), want: "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.step.judge(tc.result, tc.err)
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	var schema any
	require.NoError(t, json.Unmarshal([]byte(`{"type":"object","properties":{
		"name":{"type":"string"}, "other":{"type":"string"}, "format":{"type":"string","enum":["base"]},
		"limit":{"type":"integer","minimum":5}, "list":{"type":"array","items":{"type":"boolean"}}
	}}`), &schema))
	assert.Equal(t, map[string]any{
		"name": "known", "other": "review", "format": "base", "limit": 5.0, "list": []any{true},
	}, sample(schema, map[string]any{"name": "known", "format": "never"}))
}

func TestSubstitute(t *testing.T) {
	t.Parallel()
	s := &substitute{"tools/call", "fixture", map[string]any{"name": "ours"}}
	for body, want := range map[string]string{
		`{"id":1,"method":"tools/call","params":{"name":"fixture","arguments":{"a":1},"_meta":{}}}`: `{"id":1,"method":"tools/call","params":{"_meta":{},"name":"ours"}}`,
		`{"id":1,"method":"tools/call","params":{"name":"fixture"}}`:                                `{"id":1,"method":"tools/call","params":{"name":"ours"}}`,
		`{"id":1,"method":"tools/call","params":{"name":"another"}}`:                                `{"id":1,"method":"tools/call","params":{"name":"another"}}`,
		`{"id":1,"method":"prompts/get","params":{"name":"fixture"}}`:                               `{"id":1,"method":"prompts/get","params":{"name":"fixture"}}`,
		`[]`: `[]`,
	} {
		assert.Equal(t, want, string(s.replace([]byte(body))))
	}
}
