package mcpserver_test

import (
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

// TestRealBundle serves what the colours deploy.
func TestRealBundle(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(bundletest.Real(t, "../../agents/bundle.yaml"))
	require.NoError(t, err)
	session := connectTo(t, mcpserver.New(c, nil))

	require.Len(t, c.Agents, 33)
	for _, name := range []string{"research", "plan", "execute", "test", "document", "commit", "review"} {
		texts, failed := call(t, session, name, nil)
		require.False(t, failed, name)
		assert.Equal(t, c.Command(name).Body, texts[0])
		assert.Equal(t, 33, strings.Count(texts[1], "\n- "))
	}
	for _, k := range c.Commands {
		texts, _ := call(t, session, "get_command", object{"name": k.Name})
		assert.Equal(t, []string{k.Text}, texts)
	}
	for _, a := range c.Agents {
		for _, format := range catalog.Formats() {
			texts, failed := call(t, session, "get_agent", object{"name": a.Name, "format": format})
			require.False(t, failed, "%s as %s: %s", a.Name, format, texts)
			assert.Contains(t, texts[0], a.Body)
		}
		allowed, _ := call(t, session, "validate_agent_file_access", object{"agentName": a.Name, "filePath": "/bundle/agents/x.md"})
		assert.Contains(t, allowed[0], `"allowed":true`, a.Name)
	}
	report, _ := call(t, session, "codeflow_registry_qa", object{"includeDetails": true})
	assert.Contains(t, report[0], `"ok":true`)
	for query, best := range map[string][]string{
		"kubernetes": {"infrastructure-builder", "deployment-wizard"},
		"sql":        {"database-expert"},
		"seo":        {"seo-master", "programmatic-seo-engineer"},
	} {
		hits := c.Search(query, 3)
		require.NotEmpty(t, hits, query)
		assert.Contains(t, best, hits[0].Agent.Name, query)
	}
	tools, err := session.ListTools(t.Context(), &mcp.ListToolsParams{})
	require.NoError(t, err)
	assert.Len(t, tools.Tools, 13)
}
