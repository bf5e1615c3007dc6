package server_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// callTool calls a tool as a client that takes gzip does, and returns its texts and the
// bytes on the wire.
func callTool(t *testing.T, handler http.Handler, id int, name string, arguments object) (texts []string, wire int) {
	t.Helper()
	body, err := json.Marshal(object{
		"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": object{"name": name, "arguments": arguments},
	})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Encoding", "gzip")
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	require.Equal(t, http.StatusOK, rec.Code)
	wire = rec.Body.Len()
	var text io.Reader = rec.Body
	if rec.Header().Get("Content-Encoding") == "gzip" {
		text, err = gzip.NewReader(rec.Body)
		require.NoError(t, err)
	}
	var answer struct {
		ID     int
		Result struct{ Content []struct{ Text string } }
	}
	require.NoError(t, json.NewDecoder(text).Decode(&answer))
	assert.Equal(t, id, answer.ID)
	for _, content := range answer.Result.Content {
		texts = append(texts, content.Text)
	}
	return texts, wire
}

// TestManyAgents: with 1,000 agents every list is bounded, and its pages have all.
func TestManyAgents(t *testing.T) {
	t.Parallel()
	const all, page = 1000, 100
	agents := map[string]string{}
	for i := range all {
		name := fmt.Sprintf("agent-%04d", i)
		agents[name] = bundletest.Agent(name, strings.Repeat("Says what it does. ", 20), "tag", "Text.")
	}
	srv := newServer(bundletest.FS(t, agents, map[string]string{"plan": "---\nname: plan\ndescription: Plans.\n---\n\nPlan.\n"}), server.Options{})
	type list struct {
		Agents     []struct{ Name string }
		Total      int
		NextCursor string
	}
	lists := map[string]func(cursor string) string{
		"list_agents": func(cursor string) string {
			texts, _ := callTool(t, srv, 1, "list_agents", object{"cursor": cursor})
			return texts[0]
		},
		"api": func(cursor string) string {
			return get(srv, http.MethodGet, "/api/v1/agents?cursor="+url.QueryEscape(cursor)).Body.String()
		},
	}
	for name, ask := range lists {
		seen := map[string]bool{}
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			require.Less(t, pages, all/page, name)
			text := ask(cursor)
			assert.Less(t, len(text), 80<<10, name)
			var got list
			require.NoError(t, json.Unmarshal([]byte(text), &got))
			assert.Equal(t, all, got.Total)
			assert.Len(t, got.Agents, page)
			for _, agent := range got.Agents {
				seen[agent.Name] = true
			}
			cursor = got.NextCursor
		}
		assert.Len(t, seen, all, name)
	}
	for query, want := range map[string]string{
		"":                            `{"agents":[{"name":"agent-0000"`,
		"?limit=1&cursor=agent-0007":  `{"agents":[{"name":"agent-0008"`,
		"?limit=1&cursor=agent-0007x": `{"agents":[{"name":"agent-0008"`, // of another bundle
		"?cursor=zzz":                 `{"agents":[],"total":1000}`,
		"?cursor=agent-0999":          `{"agents":[],"total":1000}`,
		"?limit=101":                  `{"error":"limit must be a number from 1 to 100, got \"101\""}`,
		"?limit=0":                    `{"error":"limit must be a number from 1 to 100, got \"0\""}`,
	} {
		assert.Contains(t, get(srv, http.MethodGet, "/api/v1/agents"+query).Body.String(), want, query)
	}
	texts, _ := callTool(t, srv, 1, "plan", nil)
	assert.Contains(t, texts[1], "- agent-0099: ")
	assert.NotContains(t, texts[1], "- agent-0100: ")
	assert.Contains(t, texts[1], "and 900 more: search_agents finds them\n")
	assert.Less(t, get(srv, http.MethodGet, "/").Body.Len(), 120<<10, "a page of the list for people")

	// Remembered or not, an answer is compressed, and has the request's id.
	for id := range 3 {
		again, wire := callTool(t, srv, id, "list_agents", object{"limit": 50})
		assert.Contains(t, again[0], `"nextCursor":"agent-0049"`)
		assert.Less(t, wire, len(again[0])/4)
	}
}
