package balancer

import (
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
	w := newWAF(&WebACL{RateLimit: 3}, 60) // per 5 s of real time.
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
	assert.False(t, newWAF(&WebACL{}, 60).tooOften("a", now))
	assert.False(t, (*waf)(nil).blocks("a", nil))
}

func TestBodyRule(t *testing.T) {
	t.Parallel()
	w := newWAF(&WebACL{MaxBody: 4}, 60)
	for _, tc := range []struct {
		body  string
		known bool
		want  bool
	}{
		{"1234", true, false},
		{"12345", true, true},
		{"1234", false, false},
		{"12345", false, true},
		{"", true, false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
		if !tc.known {
			r.ContentLength = -1
		}
		assert.Equal(t, tc.want, w.blocks("a", r), "%v", tc)
		read, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, tc.body, string(read), "what was judged is not lost")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := newMeter(60)                       // a minute is a second.
	start := time.Unix(1e9, int64(m.width)) // the beginning of a bucket, and nearly of a minute.
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second / 60) }
	m.hosts(at(0), 3, 0)
	for i := range 100 {
		m.observe(at(0), outcome{sent: true, targetStatus: 200, status: 200, responseTime: time.Duration(i+1) * time.Millisecond})
	}
	m.observe(at(1), outcome{sent: true, targetStatus: 500, status: 500, responseTime: time.Second})
	m.observe(at(1), outcome{sent: true, targetStatus: 404, status: 404})
	m.observe(at(1), outcome{sent: true, targetStatus: 302, status: 302})
	m.observe(at(30), outcome{sent: true, unreachable: true, status: 502})
	m.observe(at(30), outcome{status: 503})
	m.observe(at(30), outcome{sent: true, status: 460})
	m.hosts(at(30), 1, 2)
	m.hosts(at(31), 2, 1)

	w := m.window(at(31), 60)
	assert.InDelta(t, 0.05, w.TargetResponseTimeP50, 0.005)
	assert.InDelta(t, 0.095, w.TargetResponseTimeP95, 0.0095)
	assert.InDelta(t, 0.1, w.TargetResponseTimeP99, 0.01)
	w.Start, w.TargetResponseTimeP50, w.TargetResponseTimeP95, w.TargetResponseTimeP99 = time.Time{}, 0, 0, 0
	assert.Equal(t, Metrics{
		Seconds: 60, RequestCount: 105, HTTPCodeTarget2XX: 100, HTTPCodeTarget3XX: 1, HTTPCodeTarget4XX: 1, HTTPCodeTarget5XX: 1,
		HTTPCodeELB4XX: 1, HTTPCodeELB5XX: 2, TargetConnectionErrorCount: 1, HealthyHostCount: 0, UnHealthyHostCount: 2,
	}, w, "before the first count there was no host")
	assert.Equal(t, 2, m.window(at(31), 10).RequestCount)

	all := m.series(at(130), 60, 3)
	assert.Len(t, all, 3)
	assert.Equal(t, []int{0, 105, 0}, []int{all[0].RequestCount, all[1].RequestCount, all[2].RequestCount})
	assert.Equal(t, []int{1, 2}, []int{all[2].UnHealthyHostCount, all[2].HealthyHostCount}, "nothing has changed since")
	assert.InDelta(t, time.Second, all[2].Start.Sub(all[1].Start), 10)
	assert.Len(t, m.series(at(130), 600, 100), 5, "an hour is kept, of which a part is not complete")
	assert.Zero(t, m.window(at(10_000), 3600).RequestCount)
	assert.Zero(t, m.window(at(10_000), 100_000).TargetResponseTimeP99)
}
