package diff_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/diff"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	result := diff.Compare(files(
		"agents/gone.md", "",
		"agents/kept.md", "same",
		"agents/b.md", "---\nname: b\nmodel: one\ntools:\n  bash: false\n---\nfirst\nsecond\n",
		"commands/a.md", "no front matter",
	), files(
		"agents/kept.md", "same",
		"agents/b.md", "---\nname: b\nmodel: two <2>\ntools:\n  bash: true\n  read: true\n---\nfirst\nthird\n",
		"commands/a.md", "still none",
		"commands/new.md", "",
		"agents/new.md", "",
	))

	var text strings.Builder
	require.NoError(t, result.WriteText(&text))
	assert.Equal(t, `2 added, 1 removed, 2 changed
+ agents/new.md
+ commands/new.md
- agents/gone.md
~ agents/b.md
    model: "one" -> "two <2>"
    tools.bash: false -> true
    tools.read: (none) -> true
~ commands/a.md

diff a/agents/b.md b/agents/b.md
--- a/agents/b.md
+++ b/agents/b.md
@@ -1,8 +1,9 @@
 ---
 name: b
-model: one
+model: two <2>
 tools:
-  bash: false
+  bash: true
+  read: true
 ---
 first
-second
+third

diff a/commands/a.md b/commands/a.md
--- a/commands/a.md
+++ b/commands/a.md
@@ -1,1 +1,1 @@
-no front matter
\ No newline at end of file
+still none
\ No newline at end of file
`, text.String())
	assert.False(t, result.Empty())
}

// Two lines that look alike differ for a reviewer, too.
func TestHiddenCharactersAreShown(t *testing.T) {
	t.Parallel()
	result := diff.Compare(files("agents/a.md", "---\nname: a\n---\nsafe\n"), files(
		"agents/a.md", "---\nname: a\nowner: \"\\u202eb\"\n---\nsafe\U000e0069\x1b[0m می\u200cخواهم\n", "agents/\x1b[2J.md", "",
	))
	var text strings.Builder
	require.NoError(t, result.WriteText(&text))
	assert.Contains(t, text.String(), "+safeU+E0069U+001B[0m می\u200cخواهم\n")
	assert.Contains(t, text.String(), "owner: (none) -> \"U+202Eb\"\n")
	assert.Contains(t, text.String(), "+ agents/U+001B[2J.md\n")
	assert.NotContains(t, text.String(), "\x1b")
}

func TestCompareNothing(t *testing.T) {
	t.Parallel()
	same := files("agents/a.md", "a")
	result := diff.Compare(same, same)
	assert.True(t, result.Empty())
	assert.True(t, diff.Compare(nil, nil).Empty())
	for name, one := range map[string]diff.Result{
		"added":   diff.Compare(nil, same),
		"removed": diff.Compare(same, nil),
		"changed": diff.Compare(same, files("agents/a.md", "b")),
	} {
		assert.False(t, one.Empty(), name)
	}

	data, err := json.Marshal(result)
	require.NoError(t, err)
	assert.JSONEq(t, `{"added": [], "removed": [], "changed": []}`, string(data))
	var text strings.Builder
	require.NoError(t, result.WriteText(&text))
	assert.Equal(t, "0 added, 0 removed, 0 changed\n", text.String())
}

func TestFields(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after, want string }{
		"text":                {"a: x", "a: y", `[{"key": "a", "old": "x", "new": "y"}]`},
		"spelling of a text":  {"a: x", "a: 'x'", `[]`},
		"version as a number": {`a: "1.0"`, "a: 1.0", `[{"key": "a", "old": "1.0", "new": 1.0}]`},
		"date":                {"a: 2025-09-13", "a: 2025-09-14", `[{"key": "a", "old": "2025-09-13", "new": "2025-09-14"}]`},
		"no JSON number":      {"a: .inf", "a: 0x1F", `[{"key": "a", "old": ".inf", "new": "0x1F"}]`},
		"empty text":          {"a: ''", "b: ''", `[{"key": "a", "old": ""}, {"key": "b", "new": ""}]`},
		"null":                {"a: ~", "a: 1", `[{"key": "a", "old": null, "new": 1}]`},
		"list":                {"a: [x, {b: c}]", "a: []", `[{"key": "a", "old": ["x", {"b": "c"}], "new": []}]`},
		"mapping":             {"a: {b: {c: 1, d: 2}}", "a: {b: {c: 1, d: 3}}", `[{"key": "a.b.d", "old": 2, "new": 3}]`},
		"emptied mapping":     {"a: {b: 1}", "a: {}", `[{"key": "a", "new": {}}, {"key": "a.b", "old": 1}]`},
		"order of keys":       {"{a: 1, b: 2}", "{b: 2, a: 1}", `[]`},
		"invalid":             {"a: b: c", "a: b", `[{"key": "a", "new": "b"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agent := func(header string) map[string][]byte {
				return files("agents/a.md", "---\n"+header+"\n---\n")
			}
			result := diff.Compare(agent(tc.before), agent(tc.after))
			require.Len(t, result.Changed, 1)
			got, err := json.Marshal(result.Changed[0].Fields)
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(got))
		})
	}
}

func TestWriteTextReportsErrors(t *testing.T) {
	t.Parallel()
	assert.ErrorIs(t, diff.Result{}.WriteText(brokenWriter{}), errBroken)
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// files pairs paths and contents.
func files(pairs ...string) map[string][]byte {
	out := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = []byte(pairs[i+1])
	}
	return out
}
