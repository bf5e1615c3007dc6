// These tests read the pages as text. What a browser makes of them is tested
// in browser_test.go.
package web_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/web"
)

// serve starts the pages of a bundle and returns their address.
func serve(t *testing.T, bundle fstest.MapFS, opts *web.Options) string {
	t.Helper()
	c, err := catalog.Load(bundle)
	require.NoError(t, err)
	srv := httptest.NewServer(web.New(c, opts))
	t.Cleanup(srv.Close)
	return srv.URL
}

type answer struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, method, url string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if header != nil {
		req.Header, req.Host = header, header.Get("Host")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func get(t *testing.T, url string) string {
	t.Helper()
	a := do(t, http.MethodGet, url, nil)
	require.Equal(t, http.StatusOK, a.status, url)
	return a.body
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	url := serve(t, bundletest.Small(t), &web.Options{Version: "1.2.3", Color: "green"})
	const page, style, script = "text/html; charset=utf-8", "text/css; charset=utf-8", "text/javascript; charset=utf-8"
	for name, tc := range map[string]struct {
		method, path string
		status       int
		contentType  string
		want         []string
	}{
		"all":      {"GET", "/", 200, page, []string{"3 agents, 2 commands.", "Optimizes SQL queries.", "ticket, files", "Server 1.2.3 · green", "Bundle <code>sha256:"}},
		"category": {"GET", "/?category=development", 200, page, []string{"3 agents, 0 commands in development.", "<option selected>development</option>"}},
		"search":   {"GET", "/?q=indexes", 200, page, []string{"1 agent, 0 commands for “indexes”.", `href="/agents/database-expert"`, `value="indexes"`}},
		"command":  {"GET", "/?q=WRITES+docs", 200, page, []string{"1 command for", `href="/commands/project-docs"`}},
		"both":     {"GET", "/?q=sql&category=none", 200, page, []string{"Nothing was found for “sql” in none."}},
		"long":     {"GET", "/?q=" + strings.Repeat("%C3%A4", 1000), 200, page, []string{"Nothing was found for “" + strings.Repeat("ä", 100) + "”."}},
		"agent":    {"GET", "/agents/database-expert", 200, page, []string{"<h1>database-expert</h1>", "<h3>Databases</h3>", "<code>/bundle</code>, <code>docs</code>", `href="/api/v1/agents/database-expert?format=opencode"`}},
		"inputs":   {"GET", "/commands/plan", 200, page, []string{"<h1>plan</h1>", "(string, required)", "(array, optional)", "<h3>Plan {{ticket}}</h3>", `href="/api/v1/commands/plan?format=base"`}},
		"connect":  {"GET", "/connect", 200, page, []string{url + "/mcp", "no token is needed"}},
		"style":    {"GET", "/assets/style.css", 200, style, []string{"prefers-color-scheme: dark"}},
		"script":   {"GET", "/assets/app.js", 200, script, []string{"navigator.clipboard"}},
		"head":     {"HEAD", "/agents/database-expert", 200, page, nil},

		"no page":         {"GET", "/nothing", 404, page, []string{"<h1>Not found</h1>", "<code>/nothing</code>"}},
		"no agent":        {"GET", "/agents/nobody", 404, page, nil},
		"command, agent":  {"GET", "/agents/plan", 404, page, nil},
		"no command":      {"GET", "/commands/nothing", 404, page, nil},
		"no asset":        {"GET", "/assets/other.css", 404, page, nil},
		"no listing":      {"GET", "/assets/", 404, page, nil},
		"no way out":      {"GET", "/assets/..%2ftemplates%2flayout.html", 404, page, nil},
		"head of no page": {"HEAD", "/nothing", 404, page, nil},
		"post":            {"POST", "/", 405, "text/plain; charset=utf-8", nil},
		"delete":          {"DELETE", "/agents/database-expert", 405, "text/plain; charset=utf-8", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, tc.method, url+tc.path, nil)
			assert.Equal(t, tc.status, got.status)
			assert.Equal(t, tc.contentType, got.header.Get("Content-Type"))
			assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
			assert.Equal(t, tc.contentType == page, got.header.Get("Content-Security-Policy") != "")
			assert.Equal(t, tc.method == "HEAD", got.body == "")
			for _, want := range tc.want {
				assert.Contains(t, got.body, want)
			}
		})
	}
}

// TestLinks follows every link of the pages; those of the API are not theirs.
func TestLinks(t *testing.T) {
	t.Parallel()
	url := serve(t, bundletest.Small(t), nil)
	links := regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)
	seen := map[string]bool{"/": true}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		for _, link := range links.FindAllStringSubmatch(get(t, url+queue[0]), -1) {
			if to := html.UnescapeString(link[1]); !seen[to] && !strings.HasPrefix(to, "/api/") {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	assert.Len(t, seen, 10, "%v", seen)
}

func TestEscaping(t *testing.T) {
	t.Parallel()
	const name = `<script>'a`
	url := serve(t, bundletest.FS(t, map[string]string{
		name: bundletest.Agent("x", "<script>description</script>", `"<script>tag</script>"`,
			"<script>body</script>\n\ntext <b onclick=x>inline</b> YYYY-<name>.md [link](javascript:alert(1))\n\n<!-- note\n\nend -->"),
	}, nil), nil)
	first := get(t, url+"/?q=%3Cscript%3E%22&category=%3Cscript%3E")
	assert.Contains(t, first, "&lt;script&gt;")
	page := get(t, url+"/agents/"+"%3Cscript%3E%27a")
	for _, text := range []string{first, get(t, url+"/"), page, get(t, url+"/connect")} {
		assert.Equal(t, 1, strings.Count(text, "<script"), "the page's own")
	}
	assert.NotContains(t, page, "javascript:")
	assert.NotContains(t, page, "<b onclick")
	assert.Contains(t, page, "YYYY-&lt;name&gt;.md", "placeholders stay")
	assert.Contains(t, page, "&lt;!-- note\n\nend --&gt;")
	assert.Contains(t, snippets(page)["opencode"], `-o '.opencode/agent/%3Cscript%3E%27a.md'`)
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"headings":      {"# A\n### B\n## C\n# D\n###### E", "<h3>A</h3>\n<h4>B</h4>\n<h4>C</h4>\n<h3>D</h3>\n<h4>E</h4>\n"},
		"deep":          {"# A\n## B\n### C\n#### D\n##### E", "<h6>D</h6>\n<h6>E</h6>"},
		"from 2":        {"## A\n# B", "<h3>A</h3>\n<h3>B</h3>"},
		"nested":        {"> # A", "<blockquote>\n<h3>A</h3>"},
		"code":          {"```js\na < b\n```", "<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>"},
		"indented":      {"x\n\n    a\n    b", "<pre tabindex=\"0\"><code>a\nb\n</code></pre>"},
		"lines":         {"purpose: a\ninputs: b", "purpose: a<br>\ninputs: b"},
		"table":         {"| a |\n|--:|\n| b |", `<td align="right">b</td>`},
		"no checkboxes": {"- [ ] a", "<li>[ ] a</li>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, bundletest.FS(t, map[string]string{"a": bundletest.Agent("a", "d", "t", tc.body)}, nil), nil)
			assert.Contains(t, get(t, url+"/agents/a"), tc.want)
		})
	}
}

func TestFollowups(t *testing.T) {
	t.Parallel()
	agent := strings.Replace(bundletest.Agent("a", "d", "t", "b"), "mode:", "intended_followups: [a, b, gone]\nmode:", 1)
	url := serve(t, bundletest.FS(t, map[string]string{"a": agent, "b": bundletest.Agent("b", "d", "t", "b")}, nil), nil)
	assert.Contains(t, get(t, url+"/agents/a"), `<dt>Hands over to</dt><dd><a href="/agents/b">b</a></dd>`)
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	url := serve(t, bundletest.Small(t), nil)
	other := serve(t, bundletest.Small(t), &web.Options{Version: "1", Color: "blue"})
	for _, path := range []string{"/", "/?q=sql", "/agents/api-builder", "/connect", "/assets/app.js"} {
		full := do(t, http.MethodGet, url+path, nil)
		assert.Equal(t, "no-cache", full.header.Get("Cache-Control"))
		tag := full.header.Get("ETag")
		require.NotEmpty(t, tag)

		header := http.Header{"If-None-Match": {`"x", ` + tag}}
		again := do(t, http.MethodGet, url+path, header)
		assert.Equal(t, http.StatusNotModified, again.status, path)
		assert.Empty(t, again.body)

		elsewhere := do(t, http.MethodGet, other+path, header)
		assert.Equal(t, path == "/assets/app.js", elsewhere.status == http.StatusNotModified, "%s of the other colour", path)
	}
	assert.Equal(t, "no-store", do(t, http.MethodGet, url+"/nothing", nil).header.Get("Cache-Control"))
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		public, host, proto, want string
	}{
		"plain":     {"", "localhost:3000", "", "http://localhost:3000/mcp"},
		"IPv6":      {"", "[::1]:3000", "", "http://[::1]:3000/mcp"},
		"proxy":     {"", "live.example.com", "https", "https://live.example.com/mcp"},
		"bad proto": {"", "live.example.com", "javascript", "http://live.example.com/mcp"},
		"bad host":  {"", "a';rm", "", "https://your-server.example/mcp"},
		"public":    {"https://cdn.example.com/", "a';rm", "", "https://cdn.example.com/mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, bundletest.Small(t), &web.Options{PublicURL: tc.public})
			got := do(t, http.MethodGet, url+"/connect", http.Header{"Host": {tc.host}, "X-Forwarded-Proto": {tc.proto}})
			assert.Equal(t, "claude mcp add --transport http codeflow "+tc.want, snippets(got.body)["Claude Code"])
		})
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tokens bool
		want   map[string]string
	}{
		"open": {false, map[string]string{
			"Claude Desktop": `{"mcpServers": {"codeflow": {"command": "npx", "args": ["-y", "mcp-remote", "http://h/mcp", "--allow-http"]}}}`,
			"Cursor":         `{"mcpServers": {"codeflow": {"url": "http://h/mcp"}}}`,
			"VS Code":        `{"servers": {"codeflow": {"type": "http", "url": "http://h/mcp"}}}`,
			"opencode":       `{"$schema": "https://opencode.ai/config.json", "mcp": {"codeflow": {"type": "remote", "url": "http://h/mcp"}}}`,
		}},
		"tokens": {true, map[string]string{
			"Claude Desktop": `{"mcpServers": {"codeflow": {"command": "npx",
				"args": ["-y", "mcp-remote", "http://h/mcp", "--allow-http", "--header", "Authorization:${AUTHORIZATION}"],
				"env": {"AUTHORIZATION": "Bearer YOUR_TOKEN"}}}}`,
			"Cursor": `{"mcpServers": {"codeflow": {"url": "http://h/mcp", "headers": {"Authorization": "Bearer ${env:CODEFLOW_TOKEN}"}}}}`,
			"VS Code": `{"servers": {"codeflow": {"type": "http", "url": "http://h/mcp", "headers": {"Authorization": "Bearer ${input:codeflow-token}"}}},
				"inputs": [{"type": "promptString", "id": "codeflow-token", "description": "CodeFlow token", "password": true}]}`,
			"opencode": `{"$schema": "https://opencode.ai/config.json", "mcp": {"codeflow": {"type": "remote", "url": "http://h/mcp", "oauth": false,
				"headers": {"Authorization": "Bearer {env:CODEFLOW_TOKEN}"}}}}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, bundletest.Small(t), &web.Options{PublicURL: "http://h", TokensRequired: tc.tokens})
			got := snippets(get(t, url+"/connect"))
			assert.Equal(t, tc.tokens, strings.Contains(got["Claude Code"], `--header "Authorization: Bearer $CODEFLOW_TOKEN"`))
			assert.Equal(t, tc.tokens, strings.Contains(snippets(get(t, url+"/commands/plan"))["opencode"], `-H "Authorization: Bearer $CODEFLOW_TOKEN"`))
			for client, want := range tc.want {
				assert.JSONEq(t, want, got[client], client)
			}
		})
	}
}

// TestFolders compares where files go with what the converter says.
func TestFolders(t *testing.T) {
	t.Parallel()
	url := serve(t, bundletest.Small(t), nil)
	shown := get(t, url+"/agents/api-builder") + get(t, url+"/commands/plan")
	for _, format := range catalog.Formats()[1:] {
		files, err := convert.To(format, map[string][]byte{
			"agents/api-builder.md": []byte(bundletest.Agent("api-builder", "d", "t", "b")), "commands/plan.md": nil,
		})
		require.NoError(t, err)
		require.Len(t, files, 2)
		for path := range files {
			assert.Contains(t, html.UnescapeString(shown), "-o '"+path+"'")
		}
	}
}

var snippetRE = regexp.MustCompile(`(?s)aria-label="([^"]*)" data-copy><code>(.*?)</code>`)

// snippets returns the texts to copy of a page, by name.
func snippets(page string) map[string]string {
	found := map[string]string{}
	for _, match := range snippetRE.FindAllStringSubmatch(page, -1) {
		found[match[1]] = html.UnescapeString(match[2])
	}
	return found
}
