// These tests send real requests through real listeners on loopback. They do not
// prove anything about the capacity of AWS's load balancers.
package balancer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	groupARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/1"
	lbARN    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/codeflow-blue/2"
)

// fixture is a load balancer with a target group.
type fixture struct {
	*balancer.Balancers
	log    log
	spec   balancer.LoadBalancer
	client *http.Client
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return &server.TLS.Certificates[0]
}

func setUp(t *testing.T, change func(*balancer.LoadBalancer, *balancer.TargetGroup)) *fixture {
	t.Helper()
	return setUpAt(t, 3000, change)
}

func setUpAt(t *testing.T, scale timescale.Scale, change func(*balancer.LoadBalancer, *balancer.TargetGroup)) *fixture {
	t.Helper()
	f := &fixture{spec: balancer.LoadBalancer{
		ARN: lbARN, Name: "codeflow-blue", DNSName: "blue.elb.amazonaws.com",
		Listeners: []balancer.Listener{
			{Port: 80, Protocol: balancer.HTTP, DefaultAction: balancer.Action{
				Type: balancer.Redirection, Redirect: balancer.Redirect{Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301"},
			}},
			{
				Port: 443, Protocol: balancer.HTTPS, CertificateARN: "arn:certificate", Certificate: certificate(t),
				DefaultAction: balancer.Action{Type: balancer.Forward, TargetGroupARN: groupARN},
			},
		},
	}}
	group := balancer.TargetGroup{
		ARN: groupARN, Name: "blue", DeregistrationDelay: 300,
		HealthCheck: balancer.HealthCheck{Path: "/health", HealthyThreshold: 2},
	}
	if change != nil {
		change(&f.spec, &group)
	}
	f.Balancers = balancer.New(balancer.Options{Scale: scale, AccessLog: func(string) io.Writer { return &f.log }})
	t.Cleanup(f.Close)
	f.ApplyTargetGroup(group)
	require.NoError(t, f.Apply(f.spec))
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, text, _ := net.SplitHostPort(address)
			port, _ := strconv.Atoi(text)
			e, _ := f.Endpoint(f.spec.DNSName)
			return new(net.Dialer).DialContext(ctx, network, e.Listeners[port])
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	f.client = &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f
}

// target registers a server and waits until it is healthy. What it answers to
// other requests than health checks is the handler's.
func (f *fixture) target(t *testing.T, handler http.HandlerFunc) (address string, healthy *atomic.Bool) {
	t.Helper()
	healthy = new(atomic.Bool)
	healthy.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/health":
			handler(w, r)
		case !healthy.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	address = server.Listener.Addr().String()
	require.NoError(t, f.Register(groupARN, address))
	f.await(t, address, balancer.Healthy)
	return address, healthy
}

func (f *fixture) await(t *testing.T, address string, state balancer.TargetState) {
	t.Helper()
	require.Eventually(t, func() bool { return f.Health(groupARN, address).State == state }, runtimetest.Patience, time.Millisecond)
}

// answer is a response whose body was read.
type answer struct {
	StatusCode, ProtoMajor int
	Header                 http.Header
}

func (f *fixture) get(t *testing.T, url string, change func(*http.Request)) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if change != nil {
		change(req)
	}
	resp, err := f.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.ProtoMajor, resp.Header}, string(body)
}

const live = "https://live.example.com"

func echo(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{"host": r.Host, "header": r.Header, "query": r.URL.RawQuery})
}

func TestRequestReachesATarget(t *testing.T) {
	t.Parallel()
	f := setUp(t, func(lb *balancer.LoadBalancer, _ *balancer.TargetGroup) { lb.DropInvalidHeaderFields = true })
	target, _ := f.target(t, echo)
	resp, body := f.get(t, live+"/a?b;c=%zz", func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("X-Forwarded-Host", "other.example.com")
		r.Header.Set("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678")
		r.Header.Set("X_Invalid", "1")
	})
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, 2, resp.ProtoMajor)
	var got struct {
		Host, Query string
		Header      http.Header
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, "live.example.com", got.Host)
	assert.Equal(t, "b;c=%zz", got.Query)
	assert.Equal(t, []string{"192.0.2.1, 127.0.0.1"}, got.Header["X-Forwarded-For"])
	assert.Equal(t, []string{"https"}, got.Header["X-Forwarded-Proto"])
	assert.Equal(t, []string{"443"}, got.Header["X-Forwarded-Port"])
	assert.Equal(t, []string{"other.example.com"}, got.Header["X-Forwarded-Host"])
	assert.Regexp(t, `^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678$`, got.Header.Get("X-Amzn-Trace-Id"))
	assert.NotContains(t, got.Header, "X_invalid")

	stamp, third := `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`, `\d+\.\d{3}`
	assert.Eventually(t, func() bool { return f.log.String() != "" }, runtimetest.Patience, time.Millisecond)
	assert.Regexp(t, `^h2 `+stamp+` app/codeflow-blue/2 127\.0\.0\.1:\d+ `+regexp.QuoteMeta(target)+
		` `+third+` `+third+` `+third+` 200 200 \d+ \d+ "GET https://live\.example\.com:443/a\?b;c=%zz HTTP/2\.0" "Go-http-client/2\.0" `+
		`TLS_AES_128_GCM_SHA256 TLSv1\.3 `+regexp.QuoteMeta(groupARN)+` "Self=[^"]+" "live\.example\.com" "arn:certificate" 0 `+stamp+
		` "forward" "-" "-" "`+regexp.QuoteMeta(target)+`" "200" "-" "-"\n$`, f.log.String())
}

func TestRedirectAndRules(t *testing.T) {
	t.Parallel()
	f := setUp(t, func(lb *balancer.LoadBalancer, _ *balancer.TargetGroup) {
		lb.Listeners[1].Rules = []balancer.Rule{{Priority: 1, PathPattern: []string{"/teapot"}, Action: balancer.Action{
			Type: balancer.FixedResponse, FixedResponse: balancer.Fixed{StatusCode: "418", MessageBody: "tea", ContentType: "text/plain"},
		}}}
	})
	resp, body := f.get(t, "http://example.com/a/b?c", nil)
	assert.Equal(t, http.StatusMovedPermanently, resp.StatusCode)
	assert.Equal(t, "https://example.com:443/a/b?c", resp.Header.Get("Location"))
	assert.Contains(t, body, "<center><h1>301 Moved Permanently</h1></center>")
	assert.Contains(t, f.log.String(), `0 20`) // the rule, and the year.
	assert.Contains(t, f.log.String(), `"redirect" "https://example.com:443/a/b?c"`)

	resp, body = f.get(t, live+"/teapot", nil)
	assert.Equal(t, http.StatusTeapot, resp.StatusCode)
	assert.Equal(t, "tea", body)
	assert.Equal(t, "text/plain", resp.Header.Get("Content-Type"))
	resp, _ = f.get(t, live, func(r *http.Request) { r.Method = http.MethodTrace })
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)

	f.spec.Listeners = f.spec.Listeners[1:]
	f.spec.Listeners[0].Rules = nil
	require.NoError(t, f.Apply(f.spec))
	resp, _ = f.get(t, live+"/teapot", nil)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	_, err := f.client.Get("http://example.com/") //nolint:bodyclose // there is none.
	require.Error(t, err, "the listener is gone")
}

func TestErrorsOfTargets(t *testing.T) {
	t.Parallel()
	f := setUpAt(t, 100, func(lb *balancer.LoadBalancer, g *balancer.TargetGroup) {
		lb.IdleTimeout, g.DeregistrationDelay = 1, 10
	})
	resp, body := f.get(t, live, nil)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "no target is registered")
	assert.Equal(t, "awselb/2.0", resp.Header.Get("Server"))
	assert.Contains(t, body, "<center><h1>503 Service Temporarily Unavailable</h1></center>")

	hang := make(chan struct{})
	target, _ := f.target(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/hang":
			<-hang
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	defer close(hang)
	for path, want := range map[string]int{
		"/": 200, "/error": 500, "/abort": http.StatusBadGateway, "/hang": http.StatusGatewayTimeout,
	} {
		resp, _ := f.get(t, live+path, nil)
		assert.Equal(t, want, resp.StatusCode, path)
	}
	gone := func() int { return strings.Count(f.log.String(), " 460 - ") }
	for tries := 0; gone() == 0; tries++ { // a client may be gone before its request is there.
		require.Less(t, tries, 20)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, live+"/hang", nil)
		require.NoError(t, err)
		_, err = f.client.Do(req) //nolint:bodyclose // there is none.
		require.Error(t, err)
		cancel()
		for wait := time.Now(); gone() == 0 && time.Since(wait) < 2*time.Second; time.Sleep(time.Millisecond) {
		}
	}

	<-f.Deregister(groupARN, target)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.NoError(t, f.Register(groupARN, closed.Addr().String()))
	resp, _ = f.get(t, live, nil)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode, "nobody listens, and it is the only target")
	f.await(t, closed.Addr().String(), balancer.Unhealthy)
	assert.Equal(t, "Target.FailedHealthChecks", f.Health(groupARN, closed.Addr().String()).Reason)

	metrics, ok := f.Window(groupARN, 3600)
	require.True(t, ok)
	assert.Equal(t, []int{5 + gone(), 1, 1, 4, gone(), 1}, []int{
		metrics.RequestCount, metrics.HTTPCodeTarget2XX, metrics.HTTPCodeTarget5XX, metrics.HTTPCodeELB5XX, metrics.HTTPCodeELB4XX,
		metrics.TargetConnectionErrorCount,
	})
}

func TestUnhealthyTargetsAreAvoidedUntilAllAre(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	one, oneHealthy := f.target(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") })
	two, twoHealthy := f.target(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "two") })
	answers := func() map[string]int {
		counts := map[string]int{}
		for range 10 {
			_, body := f.get(t, live, nil)
			counts[body]++
		}
		return counts
	}
	assert.Equal(t, map[string]int{"one": 5, "two": 5}, answers())
	oneHealthy.Store(false)
	f.await(t, one, balancer.Unhealthy)
	assert.Equal(t, "Health checks failed with these codes: [503]", f.Health(groupARN, one).Description)
	assert.Equal(t, map[string]int{"two": 10}, answers())
	e, _ := f.Endpoint(f.spec.DNSName)
	assert.True(t, e.Healthy)
	twoHealthy.Store(false)
	f.await(t, two, balancer.Unhealthy)
	assert.Equal(t, map[string]int{"one": 5, "two": 5}, answers(), "it fails open")
	e, _ = f.Endpoint(f.spec.DNSName)
	assert.False(t, e.Healthy)
	oneHealthy.Store(true)
	f.await(t, one, balancer.Healthy)
	assert.Equal(t, map[string]int{"one": 10}, answers())
}

func TestDraining(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ delay, want int }{
		"within the delay": {3600, http.StatusOK},
		"longer":           {300, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, func(_ *balancer.LoadBalancer, g *balancer.TargetGroup) { g.DeregistrationDelay = tc.delay })
			arrived, release := make(chan struct{}), make(chan struct{})
			target, _ := f.target(t, func(http.ResponseWriter, *http.Request) {
				close(arrived)
				<-release
			})
			var once sync.Once
			defer once.Do(func() { close(release) })
			status := make(chan int)
			go func() {
				resp, err := f.client.Get(live)
				if err != nil {
					status <- 0
					return
				}
				_ = resp.Body.Close()
				status <- resp.StatusCode
			}()
			<-arrived
			gone := f.Deregister(groupARN, target)
			resp, _ := f.get(t, live, nil)
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "no new requests")
			if tc.want == http.StatusOK {
				once.Do(func() { close(release) })
			}
			assert.Equal(t, tc.want, <-status)
			<-gone
		})
	}
}

// TestClientKeepAlive has clients that never dial again by themselves.
func TestClientKeepAlive(t *testing.T) {
	t.Parallel()
	for _, protocol := range []int{1, 2} {
		t.Run("HTTP/"+strconv.Itoa(protocol), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			if protocol == 1 {
				f.client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			}
			var clients sync.Map // the connections, by address.
			f.target(t, func(http.ResponseWriter, *http.Request) {})
			count := func() (n int) {
				clients.Range(func(any, any) bool { n++; return true })
				return n
			}
			get := func() {
				trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { clients.Store(c.Conn.LocalAddr().String(), true) }}
				resp, _ := f.get(t, live, func(r *http.Request) { *r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace)) })
				require.Equal(t, protocol, resp.ProtoMajor)
				require.Equal(t, http.StatusOK, resp.StatusCode)
			}
			for range 5 {
				get()
			}
			require.Equal(t, 1, count(), "an hour at first")
			f.spec.ClientKeepAlive = 60
			require.NoError(t, f.Apply(f.spec))
			require.Eventually(t, func() bool { get(); return count() > 2 }, runtimetest.Patience, time.Millisecond)
		})
	}
}

// TestWAF has rules as an account keeps them.
func TestWAF(t *testing.T) {
	t.Parallel()
	f := setUp(t, func(lb *balancer.LoadBalancer, _ *balancer.TargetGroup) {
		require.NoError(t, json.Unmarshal([]byte(`{"rules": [
			{"priority": 3, "action": {"block": {}}, "statement": {"andStatement": {"statements": [
				{"orStatement": {"statements": [{"labelMatchStatement": {"key": "awswaf:managed:aws:core-rule-set:GenericLFI_Body"}}]}},
				{"notStatement": {"statements": [{"regexMatchStatement": {"regexString": "^/mcp$", "fieldToMatch": {"uriPath": {}}}}]}}
			]}}},
			{"priority": 2, "overrideAction": {"none": {}}, "statement": {"managedRuleGroupStatement": {
				"name": "AWSManagedRulesCommonRuleSet", "ruleActionOverrides": [{"name": "GenericLFI_BODY", "actionToUse": {"count": {}}}]
			}}},
			{"priority": 1, "action": {"block": {"customResponse": {"responseCode": 413}}}, "statement": {"regexMatchStatement": {
				"regexString": "^[0-9]{3,}$", "fieldToMatch": {"singleHeader": {"name": "content-length"}}
			}}},
			{"priority": 0, "action": {"block": {}}, "statement": {"rateBasedStatement": {"limit": 5, "evaluationWindowSec": 300000}}}
		]}`), &lb.WebACL))
	})
	f.target(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	post := func(path, body string, chunked bool) (int, string) {
		resp, text := f.get(t, live+path, func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(body)), int64(len(body))
			if chunked {
				r.ContentLength = -1
			}
		})
		return resp.StatusCode, text
	}
	const attack = "../../etc/passwd"
	for _, tc := range []struct {
		path, body string
		chunked    bool
		want       int
	}{
		{"/mcp", attack, true, http.StatusOK},
		{"/mcp", attack, false, http.StatusOK},
		{"/", attack, true, http.StatusForbidden},
		{"/", attack, false, http.StatusForbidden},
		{"/mcp", strings.Repeat("x", 100), false, http.StatusRequestEntityTooLarge},
		{"/", "the sixth", false, http.StatusForbidden},
	} {
		status, body := post(tc.path, tc.body, tc.chunked)
		assert.Equal(t, tc.want, status, tc)
		if tc.want == http.StatusOK {
			assert.Equal(t, tc.body, body, "what the rules have read is there")
		}
	}
	assert.Contains(t, f.log.String(), `"waf"`)
	f.spec.WebACL = nil
	require.NoError(t, f.Apply(f.spec))
	status, _ := post("/", attack, false)
	assert.Equal(t, http.StatusOK, status)
	f.spec.WebACL = &balancer.WebACL{Rules: []balancer.WebRule{{Statement: balancer.Statement{
		RegexMatchStatement: &balancer.RegexMatch{RegexString: "("},
	}}}}
	require.ErrorContains(t, f.Apply(f.spec), "web ACL")
}

func TestStatusAndEnd(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	address, _ := f.target(t, echo)
	balancers, groups := f.Status()
	require.Len(t, balancers, 1)
	assert.Equal(t, "codeflow-blue", balancers[0].Name)
	assert.Regexp(t, `^127\.100\.\d+\.\d+:443$|^127\.100\.\d+\.\d+:\d{4,5}$`, balancers[0].Listeners[443])
	require.Len(t, groups, 1)
	assert.Equal(t, []balancer.TargetHealth{{Target: address, State: balancer.Healthy}}, groups[0].Targets)
	f.ApplyTargetGroup(balancer.TargetGroup{ARN: groupARN, Name: "blue", HealthCheck: balancer.HealthCheck{Path: "/none", Matcher: "404"}})
	f.await(t, address, balancer.Unhealthy)

	f.RemoveTargetGroup(groupARN)
	require.ErrorContains(t, f.Register(groupARN, address), "TargetGroupNotFound")
	<-f.Deregister(groupARN, address)
	assert.Equal(t, balancer.Unused, f.Health(groupARN, address).State)
	f.Remove(lbARN)
	_, ok := f.Endpoint(f.spec.DNSName)
	assert.False(t, ok)
	_, err := net.Dial("tcp", balancers[0].Listeners[443])
	require.Error(t, err)
	_, ok = f.Window(groupARN, 60)
	assert.False(t, ok)
	assert.Empty(t, f.Series(groupARN, 60, 1))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := balancer.New(balancer.Options{})
	for want, change := range map[string]func(*balancer.Listener){
		"Listeners.Port must be 1 to 65535 and used once, got 0":                         func(l *balancer.Listener) { l.Port = 0 },
		"Listeners.Protocol must be HTTP or HTTPS, got TCP":                              func(l *balancer.Listener) { l.Protocol = "TCP" },
		"Listeners.Certificate is required with HTTPS":                                   func(l *balancer.Listener) { l.Protocol = "HTTPS" },
		"Action.Type must be forward, redirect or fixed-response, got authenticate-oidc": func(l *balancer.Listener) { l.DefaultAction.Type = "authenticate-oidc" },
	} {
		l := balancer.Listener{Port: 1, Protocol: "HTTP", DefaultAction: balancer.Action{Type: balancer.Forward}}
		change(&l)
		require.ErrorContains(t, b.Apply(balancer.LoadBalancer{ARN: "a", Name: "n", Listeners: []balancer.Listener{l}}), want)
	}
	require.ErrorContains(t, b.Apply(balancer.LoadBalancer{}), "ARN and Name are required")
}

// BenchmarkProxy is what a request costs through a load balancer, against one
// without it.
func BenchmarkProxy(b *testing.B) {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	all := balancer.New(balancer.Options{})
	defer all.Close()
	all.ApplyTargetGroup(balancer.TargetGroup{ARN: groupARN})
	require.NoError(b, all.Register(groupARN, target.Listener.Addr().String()))
	require.NoError(b, all.Apply(balancer.LoadBalancer{ARN: lbARN, Name: "b", DNSName: "b", Listeners: []balancer.Listener{
		{Port: 80, Protocol: balancer.HTTP, DefaultAction: balancer.Action{Type: balancer.Forward, TargetGroupARN: groupARN}},
	}}))
	e, _ := all.Endpoint("b")
	for name, address := range map[string]string{"direct": target.Listener.Addr().String(), "proxied": e.Listeners[80]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				resp, err := http.Get("http://" + address)
				require.NoError(b, err)
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
