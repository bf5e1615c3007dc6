package mcpserver_test

import (
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

// TestOtherTools serves files that were made for other tools.
func TestOtherTools(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(bundletest.Files(t, map[string]string{
		"agents/reviewer.md":       "---\nname: reviewer\ndescription: Use it: when a \"user\" asks\ntools: Read, Grep\ntags: [a, b]\n---\nYou review.\n",
		".opencode/agent/tests.md": "---\ndescription: Writes tests.\nmode: primary\npermission: {bash: {git: ask}}\n---\nYou test.\n",
		".cursor/rules/go.mdc":     "---\nglobs: *.go\n---\nUse gofmt.\n",
		"commands/fix.md":          "---\nargument-hint: \"[number] [reason]\"\n---\nFix $1 for $2, not {{number}}.\n",
		"skills/pdf/SKILL.md":      "---\nname: pdf\ndescription: Reads PDFs.\n---\nRead \\{{x}} of $ARGUMENTS.\n",
		"command/uats.md":          "---\nname: uats\ndescription: d\ninputs: [{name: a, type: string, required: true}]\n---\n{{a}} \\{{a}} ${{ a.b }}\n",
	}))
	require.NoError(t, err)
	session := connectTo(t, mcpserver.New(c, nil))

	for _, name := range []string{"reviewer", "tests", "go"} {
		for _, format := range catalog.Formats() {
			texts, failed := call(t, session, "get_agent", object{"name": name, "format": format})
			require.False(t, failed, "%s as %s: %s", name, format, texts)
		}
	}
	texts, _ := call(t, session, "get_agent", object{"name": "reviewer", "format": "claude-code"})
	assert.Equal(t, "---\nname: reviewer\ndescription: 'Use it: when a \"user\" asks'\ntools: Read, Grep\ntags:\n  - a\n  - b\n---\nYou review.\n", texts[0])

	for name, tc := range map[string]struct {
		args map[string]string
		want string
	}{
		"fix":  {map[string]string{"number": "7", "reason": "speed"}, "Fix 7 for speed, not {{number}}."},
		"pdf":  {map[string]string{"arguments": "a.pdf"}, `Read \{{x}} of a.pdf.`},
		"uats": {map[string]string{"a": "1"}, "1 {{a}} ${{ a.b }}"},
	} {
		prompt, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: name, Arguments: tc.args})
		require.NoError(t, err)
		assert.Equal(t, tc.want, prompt.Messages[0].Content.(*mcp.TextContent).Text)
	}
	prompt, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "pdf"})
	require.NoError(t, err)
	assert.Equal(t, `Read \{{x}} of {{arguments}}.`, prompt.Messages[0].Content.(*mcp.TextContent).Text)
}
