// These tests read the pages as text. What a browser makes of them is tested
// in browser_test.go.
package web_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
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
		"all":      {"GET", "/", 200, page, []string{"3 agents, 2 commands.", "Optimizes SQL queries.", "ticket, files", ">green</p>", "Server 1.2.3", "Bundle <code>sha256:"}},
		"category": {"GET", "/?category=development", 200, page, []string{"3 agents, 0 commands in development.", "<option selected>development</option>"}},
		"search":   {"GET", "/?q=indexes", 200, page, []string{"1 agent, 0 commands for “indexes”.", `href="/agents/database-expert"`, `value="indexes"`}},
		"command":  {"GET", "/?q=WRITES+docs", 200, page, []string{"1 command for", `href="/commands/project-docs"`}},
		"both":     {"GET", "/?q=sql&category=none", 200, page, []string{"Nothing was found for “sql” in none."}},
		"long":     {"GET", "/?q=" + strings.Repeat("%C3%A4", 1000), 200, page, []string{"Nothing was found for “" + strings.Repeat("ä", 100) + "”."}},
		"agent":    {"GET", "/agents/database-expert", 200, page, []string{"<h1>database-expert</h1>", `<h3 id="s-databases">Databases</h3>`, "the bundle, docs", `<a href="/?tag=postgresql">postgresql</a>`, `href="/api/v1/agents/database-expert?format=opencode"`}},
		"inputs":   {"GET", "/commands/plan", 200, page, []string{"<h1>plan</h1>", "(string, required)", "(array, optional)", `<h3 id="s-plan-ticket">Plan {{ticket}}</h3>`, `href="/api/v1/commands/plan?format=base"`}},
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
	assert.Len(t, seen, 14, "%v", seen)
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
			assert.Contains(t, idRE.ReplaceAllString(get(t, url+"/agents/a"), ""), tc.want)
		})
	}
}

var idRE = regexp.MustCompile(` id="s-[^"]*"`)

// TestSections gives a long body contents and sections that fold, and each
// heading an id that is unique, on the page too.
func TestSections(t *testing.T) {
	t.Parallel()
	page := func(body string) string {
		url := serve(t, bundletest.FS(t, map[string]string{"a": bundletest.Agent("a", "d", "t", body)}, nil), nil)
		_, text, _ := strings.Cut(get(t, url+"/agents/a"), `<h2 id="instructions">Instructions</h2>`)
		text, _, _ = strings.Cut(text, "</section>")
		return text
	}
	long := page("# Title\n\nIntro.\n\n## One `x` & *y*\n\na\n\n### Part\n\nb\n\n## <Two>\n\nc\n\n## One `x` & *y*\n\n> # Get\n\n## Ä\n")
	for _, want := range []string{
		`<nav class="contents" aria-labelledby="contents">`,
		`<li><a href="#s-one-x-y">One x &amp; y</a></li>`,
		`<li><a href="#s-two">&lt;Two&gt;</a></li>`,
		`<li><a href="#s-one-x-y--2">One x &amp; y</a></li>`,
		`<li><a href="#s-%c3%a4">Ä</a></li>`,
		"<h3 id=\"s-title\">Title</h3>\n<p>Intro.</p>\n<details open>",
		"<details open>\n<summary><h4 id=\"s-one-x-y\">One <code>x</code> &amp; <em>y</em></h4>\n</summary>\n<p>a</p>\n<h5 id=\"s-part\">Part</h5>\n<p>b</p>\n</details>",
		`<h3 id="s-get">Get</h3>`,
		`<h4 id="s-ä">Ä</h4>`,
	} {
		assert.Contains(t, long, want)
	}
	assert.Equal(t, 4, strings.Count(long, "<details"))
	for _, short := range []string{"text", "# A\n# B", "# A\n## B\n## C", "# A\n# B\n## C\n## D\n## E", "> # A\n> # B\n> # C"} {
		assert.NotContains(t, page(short), "<details", short)
	}
}

// TestPages lists 150 agents on three pages, and keeps what was asked for.
func TestPages(t *testing.T) {
	t.Parallel()
	agents := map[string]string{}
	for i := range 150 {
		name := fmt.Sprintf("agent-%03d", i)
		agents[name] = bundletest.Agent(name, "d", fmt.Sprintf("tag-%d", i%2), "b")
	}
	url := serve(t, bundletest.FS(t, agents, map[string]string{"plan": "---\nname: plan\ndescription: d\n---\n"}), nil)
	for path, want := range map[string][]string{
		"/":                  {"150 agents, 1 command. Page 1 of 3.", "agent-000", "agent-059", "/commands/plan", `rel="next" href="/?page=2"`},
		"/?page=2":           {"150 agents. Page 2 of 3.", "agent-060", "agent-119", `rel="prev" href="/?page=1"`, `rel="next" href="/?page=3"`},
		"/?page=3":           {"150 agents. Page 3 of 3.", "agent-149"},
		"/?page=9":           {"Page 3 of 3."},
		"/?page=-1":          {"Page 1 of 3."},
		"/?page=x":           {"Page 1 of 3."},
		"/?tag=tag-1":        {"75 agents, 0 commands tagged tag-1. Page 1 of 2.", `href="/?page=2&amp;tag=tag-1"`},
		"/?q=agent&tag=none": {"Nothing was found for “agent” tagged none."},
		"/?q=agent&page=2":   {"150 agents for “agent”. Page 2 of 3.", `href="/?page=3&amp;q=agent"`},
	} {
		got := get(t, url+path)
		for _, text := range want {
			assert.Contains(t, got, text, path)
		}
		assert.LessOrEqual(t, strings.Count(got, "<li>"), 61, path)
		assert.NotContains(t, got, "data-filter", "a part cannot be filtered")
	}
	assert.NotContains(t, get(t, url+"/?page=3"), `rel="next"`)
	assert.NotContains(t, get(t, url+"/?page=2"), "/commands/plan")
}

func TestBadge(t *testing.T) {
	t.Parallel()
	image := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for want, opts := range map[string]*web.Options{
		"": nil,
		`<p class="badge healthy">blue · <a href="/health">healthy</a> · image <code title="` + image + `">sha256:0123456789ab</code></p>`: {Color: "blue", Image: image, Health: func() string { return "healthy" }},
		`<p class="badge degraded"><a href="/health">degraded</a></p>`:                                                                     {Health: func() string { return "degraded" }},
		`<p class="badge">image <code title="x">x</code></p>`:                                                                              {Image: "x"},
	} {
		got := get(t, serve(t, bundletest.Small(t), opts)+"/connect")
		assert.Contains(t, got, want)
		assert.Equal(t, want != "", strings.Contains(got, `class="badge`))
	}
}

// TestUses asks for the counts once a minute, and shows pages without them
// when they cannot be had.
func TestUses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	url := serve(t, bundletest.Small(t), &web.Options{
		Top: func(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error) {
			asked.Add(1)
			deadline, ok := ctx.Deadline()
			assert.True(t, ok && time.Until(deadline) < time.Second, "a page does not wait long")
			assert.WithinDuration(t, time.Now().AddDate(0, 0, -30), since, time.Minute)
			assert.Equal(t, map[string]int{"agent": 3, "command": 2}[kind], limit, "all of them")
			return map[string][]usage.Count{
				"agent":   {{Name: "seo-master", Uses: 12}, {Name: "gone", Uses: 5}},
				"command": {{Name: "plan", Uses: 1}},
			}[kind], nil
		},
	})
	for range 2 {
		first := get(t, url+"/")
		assert.Contains(t, first, "development · used 12 times")
		assert.Contains(t, first, "ticket, files · used once")
		assert.Equal(t, 2, strings.Count(first, "· used"))
		assert.Contains(t, get(t, url+"/agents/seo-master"), "<dt>Used</dt><dd>12 times in the last 30 days</dd>")
		assert.Contains(t, get(t, url+"/commands/plan"), "<dd>once in the last 30 days</dd>")
		assert.NotContains(t, get(t, url+"/agents/api-builder"), "Used")
	}
	assert.Equal(t, int32(2), asked.Load(), "once for each kind")

	down := serve(t, bundletest.Small(t), &web.Options{Top: func(context.Context, string, time.Time, int) ([]usage.Count, error) {
		return nil, errors.New("no database")
	}})
	assert.NotContains(t, get(t, down+"/"), "· used")
}

// TestErrors shows a page to who asks for one, and to nobody else.
func TestErrors(t *testing.T) {
	t.Parallel()
	const answered = "as it was"
	handler := web.Errors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		assert.NoError(t, err)
		contentType := cmp.Or(r.URL.Query().Get("type"), "application/json")
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(answered)))
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(status)
		_, err = io.WriteString(w, answered)
		assert.NoError(t, err)
	}), &web.Options{Color: "blue"})
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	browser := http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}}
	for path, want := range map[string]string{
		"/401": "<h1>A token is needed</h1>", "/403": "<h1>Not allowed</h1>", "/404": "<h1>Not found</h1>",
		"/429": "<h1>Too many requests</h1>", "/500": "<h1>Internal Server Error</h1>", "/503": "<h1>Not available</h1>",
	} {
		got := do(t, http.MethodGet, srv.URL+path, browser)
		assert.Equal(t, strings.Trim(path, "/"), strconv.Itoa(got.status))
		assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
		assert.Equal(t, "1", got.header.Get("Retry-After"))
		assert.Contains(t, got.body, want)
		assert.NotContains(t, got.body, answered)
		assert.NotContains(t, got.body, "/assets/", "which may be refused, too")
		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(got.body)
		require.Len(t, style, 2)
		sum := sha256.Sum256([]byte(style[1]))
		assert.Contains(t, got.header.Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")

		assert.Equal(t, answered, do(t, http.MethodGet, srv.URL+path, nil).body, "a program")
		assert.Equal(t, answered, do(t, http.MethodGet, srv.URL+path+"?type=text/plain", browser).body, "no JSON")
	}
	assert.Equal(t, answered, do(t, http.MethodGet, srv.URL+"/200", browser).body, "no error")
}

// TestPlaces tells nobody where the bundle is in the container.
func TestPlaces(t *testing.T) {
	t.Parallel()
	agent := strings.Replace(bundletest.Agent("a", "d", "t", "b"), "[/bundle, docs]", "[/bundle, /bundle/docs/, /bundles, src, /srv/x]", 1)
	url := serve(t, bundletest.FS(t, map[string]string{"a": agent}, nil), nil)
	assert.Contains(t, get(t, url+"/agents/a"), "<dd>the bundle, docs of the bundle, /bundles, src, /srv/x</dd>")
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
