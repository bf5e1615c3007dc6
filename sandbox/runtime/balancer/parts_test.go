package balancer

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	l := Listener{
		Rules: []Rule{
			{Priority: 20, PathPattern: []string{"/mcp*", "/api/*/x?"}, Action: Action{Type: "paths"}},
			{Priority: 10, HostHeader: []string{"*.example.com"}, PathPattern: []string{"/mcp"}, Action: Action{Type: "both"}},
		},
		DefaultAction: Action{Type: "default"},
	}
	for url, want := range map[string]string{
		"http://blue.EXAMPLE.com:443/mcp": "both", "http://example.com/mcp": "paths", "http://example.com/mcp/1?q": "paths",
		"http://h/api/v1/agents/xy": "paths", "http://h/api/v1/xyz": "default", "http://h/": "default", "http://h/MCP": "default",
	} {
		action, rule := l.decide(httptest.NewRequest(http.MethodGet, url, nil))
		assert.Equal(t, want, action.Type, url)
		assert.Equal(t, map[string]int{"both": 10, "paths": 20, "default": 0}[want], rule, url)
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "http://example.com:8080/a%2Fb/c?d=e", nil)
	for want, redirect := range map[string]Redirect{
		"https://example.com:443/a%2Fb/c?d=e": {Protocol: "HTTPS", Port: "443"},
		"http://example.com:80/a%2Fb/c?d=e":   {},
		"http://www.example.com:80/new/?x=d=e": {
			Host: "www.#{host}", Path: "/new/", Query: "x=#{query}",
		},
	} {
		assert.Equal(t, want, redirect.location(r, HTTP, "80"))
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	const self, root = `Self=1-3b9aca00-[0-9a-f]{24}`, `Root=1-3b9aca00-[0-9a-f]{24}`
	for header, want := range map[string]string{
		"":                                      root,
		"CalledFrom=app":                        root + ";CalledFrom=app",
		"Root=1-67891233-abc":                   self + ";Root=1-67891233-abc",
		"Self=1-old; Root=1-1-a;CalledFrom=app": self + ";Root=1-1-a;CalledFrom=app",
	} {
		assert.Regexp(t, "^"+want+"$", trace(header, time.Unix(1e9, 0)))
	}
}

func TestRateRule(t *testing.T) {
	t.Parallel()
	rate := &WebACL{Rules: []WebRule{{Statement: Statement{RateBasedStatement: &RateBased{Limit: 3}}}}}
	w, err := newWAF(rate, 60) // per 5 s of real time.
	require.NoError(t, err)
	now := time.Unix(1e9, 0)
	often := func(client string) bool { return w.tooOften(client, now) }
	for range 3 {
		assert.False(t, often("a"))
	}
	assert.True(t, often("a"))
	assert.False(t, often("b"), "another address")
	now = now.Add(4 * time.Second)
	assert.True(t, often("a"))
	now = now.Add(2 * time.Second)
	assert.False(t, often("a"), "only one request is left in the window")
	now = now.Add(time.Hour)
	assert.False(t, often("a"))
	assert.Zero(t, (*waf)(nil).judge("a", nil))
}

func TestManagedRules(t *testing.T) {
	t.Parallel()
	type request struct{ method, target, header, body string }
	const form = "%27%20or%201%3D1"
	for want, r := range map[string]request{
		"NoUserAgent_HEADER":                {header: "User-Agent:"},
		"UserAgent_BadBots_HEADER":          {header: "User-Agent: Nmap"},
		"SizeRestrictions_QUERYSTRING":      {target: "/?" + strings.Repeat("x", 2049)},
		"SizeRestrictions_URIPATH":          {target: "/" + strings.Repeat("x", 1024)},
		"SizeRestrictions_BODY":             {body: strings.Repeat("x", bodyLimit+1)},
		"EC2MetaDataSSRF_BODY":              {body: "curl 169.254.169.254/latest"},
		"EC2MetaDataSSRF_COOKIE":            {header: "Cookie: a=169.254.169.254"},
		"GenericLFI_BODY":                   {body: "cat ../../etc/passwd"},
		"GenericLFI_QUERYARGUMENTS":         {target: "/?q=%2e%2e/%2e%2e/etc"},
		"RestrictedExtensions_URIPATH":      {target: "/php.ini"},
		"GenericRFI_BODY":                   {body: "see http://192.0.2.1/x"},
		"CrossSiteScripting_BODY":           {body: `{"q":"\u003cScript\u003ealert(1)"}`},
		"JavaDeserializationRCE_HEADER":     {header: "X: java.lang.Runtime"},
		"Host_localhost_HEADER":             {header: "Host: localhost"},
		"PROPFIND_METHOD":                   {method: "PROPFIND"},
		"ExploitablePaths_URIPATH":          {target: "/WEB-INF/web.xml"},
		"Log4JRCE_BODY":                     {body: "${jndi:ldap://x}"},
		"ReactJSRCE_BODY":                   {body: `"$1:__proto__:then"`},
		"SQLi_BODY":                         {body: "SELECT a FROM t UNION ALL SELECT b FROM u"},
		"SQLi_QUERYARGUMENTS":               {target: "/?id=" + form},
		"SQLiExtendedPatterns_BODY":         {body: "select * from information_schema.tables"},
		"":                                  {body: `{"q": "review this: SELECT a FROM t WHERE b = ?; <b>bold</b>, ../x"}`},
		"nothing of a long body is missing": {body: strings.Repeat("x", bodyLimit) + "../../"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequest(cmp.Or(r.method, http.MethodPost), "http://example.com"+cmp.Or(r.target, "/"), strings.NewReader(r.body))
			req.Header.Set("User-Agent", "test")
			if name, value, ok := strings.Cut(r.header, ":"); ok {
				if value = strings.TrimSpace(value); name == "Host" {
					req.Host = value
				} else {
					req.Header.Set(name, value)
				}
			}
			var rules []WebRule
			for name := range managedGroups {
				rules = append(rules, WebRule{Statement: Statement{ManagedRuleGroupStatement: &ManagedGroup{Name: name}}})
			}
			judge := func(count ...string) int {
				for i := range rules {
					for _, name := range count {
						o := override{Name: name}
						o.ActionToUse.Count = &struct{}{}
						rules[i].Statement.ManagedRuleGroupStatement.RuleActionOverrides = append(
							rules[i].Statement.ManagedRuleGroupStatement.RuleActionOverrides, o)
					}
				}
				w, err := newWAF(&WebACL{Rules: rules}, 60)
				require.NoError(t, err)
				status := w.judge("a", req)
				read, err := io.ReadAll(req.Body)
				require.NoError(t, err)
				assert.Equal(t, r.body, string(read), "what was read is there")
				req.Body = io.NopCloser(strings.NewReader(r.body))
				return status
			}
			switch want {
			case "":
				assert.Zero(t, judge())
			case "nothing of a long body is missing":
				assert.Equal(t, http.StatusForbidden, judge())
				assert.Zero(t, judge("SizeRestrictions_BODY"), "what is beyond the limit is not inspected")
			default:
				assert.Equal(t, http.StatusForbidden, judge())
				assert.Zero(t, judge(want), "it only counts")
			}
		})
	}
	_, err := newWAF(&WebACL{Rules: []WebRule{{Statement: Statement{RegexMatchStatement: &RegexMatch{RegexString: "("}}}}}, 60)
	require.Error(t, err)
}
