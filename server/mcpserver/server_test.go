// These tests talk to the server with the SDK's own client, in one process.
// make conformance does the same from other processes and with other clients.
package mcpserver_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

func newServer(t testing.TB, opts mcpserver.Options) *mcpserver.Server {
	t.Helper()
	c, err := catalog.Load(bundletest.Small(t))
	require.NoError(t, err)
	opts.Logger = slog.New(slog.DiscardHandler)
	return mcpserver.New(c, &opts)
}

// connectTo serves over HTTP and returns a client's session.
func connectTo(t *testing.T, server *mcpserver.Server) *mcp.ClientSession {
	t.Helper()
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1.0"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: srv.URL, DisableStandaloneSSE: true}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { session.Close() })
	return session
}

// connect serves the small bundle.
func connect(t *testing.T, opts mcpserver.Options) *mcp.ClientSession {
	t.Helper()
	return connectTo(t, newServer(t, opts))
}

// call returns the texts of a tool's answer, and whether it is an error.
func call(t *testing.T, session *mcp.ClientSession, tool string, args any) (texts []string, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	require.NoError(t, err)
	for _, content := range result.Content {
		texts = append(texts, content.(*mcp.TextContent).Text)
	}
	return texts, result.IsError
}

type object = map[string]any

func TestTools(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{})
	for name, tc := range map[string]struct {
		tool  string
		args  any
		fails bool
		want  []string // in the texts, in order
	}{
		"command":              {"plan", nil, false, []string{"# Plan {{ticket}}", "- api-builder: Builds APIs."}},
		"command, filled":      {"plan", object{"ticket": "T-1", "files": []string{"a", "b"}}, false, []string{"# Plan T-1\n\nRead the files first.\n\n## Given inputs\n\n- **files**: [\"a\",\"b\"]", "Available agents"}},
		"command, wrong type":  {"plan", object{"ticket": 1}, true, []string{"ticket"}},
		"command, unknown":     {"plan", object{"tickets": "T-1"}, false, []string{"# Plan {{ticket}}", "Available agents"}},
		"command, null":        {"plan", object{"ticket": nil}, false, []string{"# Plan {{ticket}}", "Available agents"}},
		"get_command":          {"get_command", object{"name": "project-docs"}, false, []string{"---\nname: project-docs"}},
		"get_command, unknown": {"get_command", object{"name": "x"}, true, []string{"enum"}},
		"get_command, none":    {"get_command", nil, true, []string{"name"}},
		"list":                 {"list_agents", nil, false, []string{`"total":3`}},
		"list a tag":           {"list_agents", object{"tag": "seo"}, false, []string{`"total":1`}},
		"list a page":          {"list_agents", object{"limit": 1, "cursor": "api-builder"}, false, []string{`"nextCursor":"database-expert","total":3`}},
		"list the last page":   {"list_agents", object{"cursor": "database-expert"}, false, []string{`"total":3}`}},
		"list too many":        {"list_agents", object{"limit": 101}, true, []string{"maximum"}},
		"list a category":      {"list_agents", object{"category": "none"}, false, []string{`{"agents":[],"total":0}`}},
		"get":                  {"get_agent", object{"name": "seo-master"}, false, []string{"category: development"}},
		"get claude-code":      {"get_agent", object{"name": "seo-master", "format": "claude-code"}, false, []string{"tools: read"}},
		"get opencode":         {"get_agent", object{"name": "seo-master", "format": "opencode"}, false, []string{"permission:"}},
		"get unknown format":   {"get_agent", object{"name": "seo-master", "format": "vim"}, true, []string{"enum"}},
		"get unknown":          {"get_agent", object{"name": "database"}, true, []string{`unknown agent "database": did you mean database-expert, api-builder?`}},
		"get unlike any":       {"get_agent", object{"name": "zzz"}, true, []string{`unknown agent "zzz": list_agents lists all`}},
		"search":               {"search_agents", object{"query": "sql", "limit": 1}, false, []string{"database-expert"}},
		"search limit":         {"search_agents", object{"query": "sql", "limit": 51}, true, []string{"maximum"}},
		"search nothing":       {"search_agents", object{"query": ""}, true, []string{"minLength"}},
		"access":               {"validate_agent_file_access", object{"agentName": "seo-master", "filePath": "/bundle/a.md"}, false, []string{`"allowed":true`}},
		"no access":            {"validate_agent_file_access", object{"agentName": "seo-master", "filePath": "/bundle2/a.md"}, false, []string{`"allowed":false`}},
		"access of nobody":     {"validate_agent_file_access", object{"agentName": "zzz", "filePath": "/bundle/a.md"}, true, []string{"unknown agent"}},
		"qa":                   {"codeflow_registry_qa", nil, false, []string{`"ok":true`}},
		"qa with details":      {"codeflow_registry_qa", object{"includeDetails": true}, false, []string{`"details":[{"name":"`}},
		"qa by its old name":   {"codeflow.registry.qa", object{"includeDetails": true}, false, []string{`"details":[{"name":"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texts, failed := call(t, session, tc.tool, tc.args)
			assert.Equal(t, tc.fails, failed, texts)
			require.Len(t, texts, len(tc.want))
			for i, want := range tc.want {
				assert.Contains(t, texts[i], want)
			}
		})
	}
	_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "commit"})
	assert.ErrorContains(t, err, "commit", "a command that the bundle lacks is no tool")
}

func TestToolsAreReadOnly(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{})
	tools, err := session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, tools.Tools, 7)
	for _, tool := range tools.Tools {
		assert.NotEmpty(t, tool.Description, tool.Name)
		assert.True(t, tool.Annotations.ReadOnlyHint, tool.Name)
	}
}

// TestNothingIsPushed: the bundle never changes while it is served.
func TestNothingIsPushed(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{})
	data, err := json.Marshal(session.InitializeResult().Capabilities)
	require.NoError(t, err)
	assert.JSONEq(t, `{"completions": {}, "prompts": {}, "resources": {}, "tools": {}}`, string(data))
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{})
	prompts, err := session.ListPrompts(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, prompts.Prompts, 2)
	assert.Equal(t, &mcp.PromptArgument{Name: "ticket", Description: "What for.", Required: true}, prompts.Prompts[0].Arguments[0])

	get := func(name string, args map[string]string) (string, error) {
		prompt, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: name, Arguments: args})
		if err != nil {
			return "", err
		}
		return prompt.Messages[0].Content.(*mcp.TextContent).Text, nil
	}
	text, err := get("plan", map[string]string{"ticket": "T-1 {{files}}", "files": "x"})
	require.NoError(t, err)
	assert.Equal(t, "# Plan T-1 {{files}}\n\nRead the files first.\n\n## Given inputs\n\n- **files**: x", text,
		"what an argument holds is not filled in again")
	text, err = get("plan", map[string]string{"ticket": "T-1", "files": ""})
	require.NoError(t, err)
	assert.Equal(t, "# Plan T-1\n\nRead the files first.", text, "what was not filled in is left out")
	text, err = get("project-docs", nil)
	require.NoError(t, err)
	assert.Equal(t, "# Documentation", text)
	_, err = get("plan", map[string]string{"tickets": "T-1"})
	assert.ErrorContains(t, err, `prompt "plan": argument "ticket" is required; argument "tickets" is not declared`)
	_, err = get("plan", map[string]string{"ticket": ""})
	assert.ErrorContains(t, err, `argument "ticket" is required`)
	_, err = get("nothing", nil)
	assert.ErrorContains(t, err, `unknown prompt "nothing"`)
}

// TestPages reads every list one item at a time, from a server that remembers
// nothing of the page before.
func TestPages(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{PageSize: 1})
	count := map[string]int{}
	for tool, err := range session.Tools(t.Context(), nil) {
		require.NoError(t, err)
		count[tool.Name]++
	}
	for prompt, err := range session.Prompts(t.Context(), nil) {
		require.NoError(t, err)
		count["prompt "+prompt.Name]++
	}
	for resource, err := range session.Resources(t.Context(), nil) {
		require.NoError(t, err)
		count[resource.URI]++
		read, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: resource.URI})
		require.NoError(t, err)
		assert.Equal(t, "text/markdown", read.Contents[0].MIMEType)
		assert.Len(t, read.Contents[0].Text, int(resource.Size))
	}
	for template, err := range session.ResourceTemplates(t.Context(), nil) {
		require.NoError(t, err)
		count[template.URITemplate]++
	}
	assert.Len(t, count, 7+2+5+2)
	for name, n := range count {
		assert.Equal(t, 1, n, name)
	}
	_, err := session.ListTools(t.Context(), &mcp.ListToolsParams{Cursor: "made up"})
	require.Error(t, err)
	_, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "agent://../plan"})
	require.Error(t, err)
	_, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "agent://nobody"})
	assert.ErrorContains(t, err, "not found")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	session := connect(t, mcpserver.Options{})
	for _, tc := range []struct {
		ref   mcp.CompleteReference
		value string
		want  []string
	}{
		{mcp.CompleteReference{Type: "ref/resource", URI: "agent://{name}"}, "se", []string{"seo-master"}},
		{mcp.CompleteReference{Type: "ref/resource", URI: "command://{name}"}, "", []string{"plan", "project-docs"}},
		{mcp.CompleteReference{Type: "ref/prompt", Name: "plan"}, "T", []string{}},
	} {
		result, err := session.Complete(t.Context(), &mcp.CompleteParams{
			Ref: &tc.ref, Argument: mcp.CompleteParamsArgument{Name: "name", Value: tc.value},
		})
		require.NoError(t, err)
		assert.Equal(t, tc.want, result.Completion.Values)
		assert.Equal(t, len(tc.want), result.Completion.Total)
	}
}

type recorded struct {
	mu     sync.Mutex
	events []usage.Event
	calls  []string
}

func (r *recorded) Record(e usage.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorded) observe(ctx context.Context, method string) (context.Context, func(string, bool)) {
	return ctx, func(name string, failed bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if failed {
			name += " failed"
		}
		r.calls = append(r.calls, method+" "+name)
	}
}

func TestObserved(t *testing.T) {
	t.Parallel()
	r := &recorded{}
	session := connect(t, mcpserver.Options{Recorder: r, Observe: r.observe})
	r.calls = nil // of connecting
	call(t, session, "get_agent", object{"name": "seo-master"})
	call(t, session, "get_agent", object{"name": "somebody"})
	call(t, session, "plan", nil)
	call(t, session, "search_agents", object{"query": "sql"})
	_, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "command://plan"})
	require.NoError(t, err)

	assert.Equal(t, []string{
		"tools/call seo-master", "tools/call  failed", "tools/call plan", "tools/call search_agents", "resources/read plan",
	}, r.calls)
	require.Len(t, r.events, 4, "what nobody has is not counted")
	for i, want := range []usage.Event{
		{Kind: usage.KindAgent, Name: "seo-master"},
		{Kind: usage.KindCommand, Name: "plan"},
		{Kind: usage.KindTool, Name: "search_agents"},
		{Kind: usage.KindCommand, Name: "plan"},
	} {
		got := r.events[i]
		assert.Equal(t, want, usage.Event{Kind: got.Kind, Name: got.Name})
		assert.NotZero(t, got.Time)
		assert.Positive(t, got.Latency)
		assert.Equal(t, "test/1.0", got.Client)
	}
}

func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	srv := newServer(t, mcpserver.Options{})
	mcp.AddTool(srv.Server, &mcp.Tool{Name: "broken"}, func(context.Context, *mcp.CallToolRequest, any) (*mcp.CallToolResult, any, error) {
		panic("broken")
	})
	session := connectTo(t, srv)
	_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "broken"})
	require.ErrorContains(t, err, "internal error")
	_, err = session.ListTools(t.Context(), nil)
	assert.NoError(t, err, "the server goes on")
}
