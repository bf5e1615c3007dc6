package mcpserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

// post sends a request as it is.
func post(handler http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

// TestRemembered sends requests several times: the answers are the SDK's,
// with the id of each request, and each use is counted.
func TestRemembered(t *testing.T) {
	t.Parallel()
	for _, call := range []struct{ params, use string }{
		{`"tools/list"`, ""},
		{`"tools/list", "params": {}`, ""},
		{`"tools/call", "params": {"name": "get_agent", "arguments": {"name": "seo-master"}}`, "seo-master"},
		{`"tools/call", "params": {"name": "plan", "arguments": {"ticket": "<T-1> & \u2028"}}`, "plan"},
		{`"prompts/get", "params": {"name": "project-docs"}`, "project-docs"},
		{`"resources/read", "params": {"uri": "agent://seo-master"}`, "seo-master"},
		{`"completion/complete", "params": {"ref": {"type": "ref/resource", "uri": "agent://{name}"}, "argument": {"name": "name", "value": ""}}`, ""},
	} {
		r := &recorded{}
		server := newServer(t, mcpserver.Options{Recorder: r, Observe: r.observe})
		for i, id := range []string{"1", "1", `"a-2"`, "30"} {
			rec := post(server, fmt.Sprintf(`{"jsonrpc": "2.0", "id": %s, "method": %s}`, id, call.params))
			require.Equal(t, http.StatusOK, rec.Code, rec.Body)
			assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
			first := post(newServer(t, mcpserver.Options{}), fmt.Sprintf(`{"jsonrpc": "2.0", "id": %s, "method": %s}`, id, call.params))
			assert.JSONEq(t, first.Body.String(), rec.Body.String(), "%s, time %d", call.params, i)
		}
		assert.Len(t, r.calls, 4, call.params)
		if call.use == "" {
			assert.Empty(t, r.events)
			continue
		}
		require.Len(t, r.events, 4)
		for _, event := range r.events {
			assert.Equal(t, call.use, event.Name)
		}
	}
}

// TestNotRemembered sends a good request, and then others that are like it: the
// answers must be what a server says that never saw the first.
func TestNotRemembered(t *testing.T) {
	t.Parallel()
	const good = `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_agents", "arguments": {"tag": "seo"}}}`
	replace := func(old, replacement string) string {
		changed := strings.Replace(good, old, replacement, 1)
		require.NotEqual(t, good, changed)
		return changed
	}
	for name, tc := range map[string]struct {
		body    string
		headers []string
	}{
		"other arguments":       {replace("seo", "api"), nil},
		"no arguments":          {replace(`, "arguments": {"tag": "seo"}`, ""), nil},
		"wrong arguments":       {replace("tag", "Tag"), nil},
		"another tool":          {replace("list_agents", "no_tool"), nil},
		"key in another case":   {replace("method", "Method"), nil},
		"an unknown key":        {replace(`"id"`, `"x": 1, "id"`), nil},
		"no id":                 {replace(`"id": 1, `, ""), nil},
		"id null":               {replace(`"id": 1`, `"id": null`), nil},
		"id of another form":    {replace(`"id": 1`, `"id": 1.0`), nil},
		"escapes in the id":     {replace(`"id": 1`, `"id": "\u0041"`), nil},
		"another version":       {replace("2.0", "1.0"), nil},
		"something behind":      {good + "x", nil},
		"a batch":               {"[" + good + "]", nil},
		"a session":             {good, []string{"Mcp-Session-Id", "x"}},
		"wrong content type":    {good, []string{"Content-Type", "text/plain"}},
		"wrong accept":          {good, []string{"Accept", "application/json"}},
		"protocol of 2025":      {good, []string{"Mcp-Protocol-Version", "2025-06-18"}},
		"protocol of nobody":    {good, []string{"Mcp-Protocol-Version", "1999-01-01"}},
		"protocol without meta": {good, []string{"Mcp-Protocol-Version", "2026-07-28"}},
		"another method header": {good, []string{"Mcp-Method", "tools/list"}},
		"nothing":               {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, mcpserver.Options{})
			require.Equal(t, http.StatusOK, post(server, good).Code)
			got, want := post(server, tc.body, tc.headers...), post(newServer(t, mcpserver.Options{}), tc.body, tc.headers...)
			assert.Equal(t, want.Code, got.Code)
			assert.Equal(t, want.Body.String(), got.Body.String())
			assert.Equal(t, want.Header(), got.Header())
		})
	}
}

// TestErrorsWithControlCharacters: the SDK makes data of such URIs that is not
// JSON, and then sends nothing.
func TestErrorsWithControlCharacters(t *testing.T) {
	t.Parallel()
	rec := post(newServer(t, mcpserver.Options{}), `{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "agent://\u0000"}}`)
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.JSONEq(t, `{"jsonrpc": "2.0", "id": 1, "error": {"code": -32002, "message": "Resource not found"}}`, rec.Body.String())
}

// TestResourceNotFound has the code of each version.
func TestResourceNotFound(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"2025-11-25": `"code":-32002`, "2026-07-28": `"code":-32602`} {
		body := message("resources/read", `{"uri":"agent://nobody"}`, "1", version)
		rec := post(newServer(t, mcpserver.Options{}), body, "Mcp-Protocol-Version", version, "Mcp-Method", "resources/read", "Mcp-Name", "agent://nobody")
		assert.Contains(t, rec.Body.String(), want+`,"message":"Resource not found","data":{"uri":"agent://nobody"}`)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestBrokenBody(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
	}{{&http.MaxBytesError{Limit: 10}, http.StatusRequestEntityTooLarge}, {io.ErrUnexpectedEOF, http.StatusBadRequest}} {
		r := httptest.NewRequest(http.MethodPost, "/mcp", io.MultiReader(strings.NewReader(`{"jsonrpc": "2.0",`), failing{tc.err}))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		rec := httptest.NewRecorder()
		newServer(t, mcpserver.Options{}).ServeHTTP(rec, r)
		assert.Equal(t, tc.status, rec.Code)
	}
}

func BenchmarkGetAgent(b *testing.B) {
	server := newServer(b, mcpserver.Options{})
	for name, next := range map[string]func(i int) int{
		"again":      func(int) int { return 1 },
		"first time": func(i int) int { return i },
	} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				rec := post(server, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_agent","arguments":{"name":"seo-master"},"_meta":{"i":%d}}}`, i, next(i)))
				if !bytes.Contains(rec.Body.Bytes(), []byte("Rankings")) {
					b.Fatal(rec.Body)
				}
			}
		})
	}
}
