package guard_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })

// request is one that came in at a local address.
func request(local, host, origin string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", nil)
	r.Host = host
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	addr := &net.TCPAddr{IP: net.ParseIP(local), Port: 3000}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr)))
}

func TestHostAndOrigin(t *testing.T) {
	t.Parallel()
	ours := []string{"live.example.com", "cdn.example.com"}
	for name, tc := range map[string]struct {
		hosts               []string
		local, host, origin string
		refused             string
	}{
		"listed":                  {ours, "10.0.0.1", "live.example.com", "", ""},
		"listed, port and case":   {ours, "10.0.0.1", "LIVE.example.com:443", "", ""},
		"listed on loopback":      {ours, "127.0.0.1", "live.example.com", "", ""},
		"not listed":              {ours, "10.0.0.1", "evil.example.com", "", "host"},
		"no host":                 {ours, "10.0.0.1", "", "", "host"},
		"listed origin":           {ours, "10.0.0.1", "live.example.com", "https://cdn.example.com", ""},
		"origin not listed":       {ours, "10.0.0.1", "live.example.com", "https://evil.example.com", "origin"},
		"origin null":             {ours, "10.0.0.1", "live.example.com", "null", "origin"},
		"origin no URL":           {ours, "10.0.0.1", "live.example.com", "http://[", "origin"},
		"any host":                {nil, "10.0.0.1", "d123.cloudfront.net", "", ""},
		"any host, its own page":  {nil, "10.0.0.1", "d123.cloudfront.net", "https://d123.cloudfront.net", ""},
		"any host, another page":  {nil, "10.0.0.1", "d123.cloudfront.net", "https://evil.example.com", "origin"},
		"localhost":               {nil, "127.0.0.1", "localhost:3000", "http://localhost:3000", ""},
		"localhost, another port": {nil, "127.0.0.1", "localhost:3000", "http://127.0.0.1:6274", ""},
		"IPv6":                    {nil, "::1", "[::1]:3000", "http://[::1]:3000", ""},
		"rebound name":            {nil, "127.0.0.1", "evil.example.com", "", "host"},
		"rebound name and origin": {nil, "127.0.0.1", "evil.example.com", "http://evil.example.com", "host"},
		"looks like localhost":    {nil, "127.0.0.1", "localhost.evil.example.com", "", "host"},
		"page at a local server":  {nil, "127.0.0.1", "localhost:3000", "https://evil.example.com", "origin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := ""
			handler := guard.New(ok, guard.Options{Hosts: tc.hosts, Refused: func(reason string) { refused = reason }})
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, request(tc.local, tc.host, tc.origin))
			assert.Equal(t, tc.refused, refused)
			if tc.refused != "" {
				assert.Equal(t, http.StatusForbidden, rec.Code)
				assert.Contains(t, rec.Body.String(), `{"error":`)
			}
			assert.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"), "on every answer")
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	first, hash := guard.NewToken()
	second, secondHash := guard.NewToken()
	other, _ := guard.NewToken()
	assert.Len(t, first, 43)
	tokens, err := guard.ParseTokens(hash + ",\r\n\t" + secondHash + "\n")
	require.NoError(t, err)
	require.Len(t, tokens, 2)

	reasons := []string{}
	handler := guard.New(ok, guard.Options{Tokens: tokens, Refused: func(reason string) { reasons = append(reasons, reason) }})
	for header, want := range map[string]int{
		"Bearer " + first:       200,
		"bearer " + second:      200,
		"Bearer " + other:       401,
		"Bearer " + hash:        401, // knowing a hash is not enough
		"Bearer " + first + "=": 401,
		"Bearer":                401,
		"Basic " + first:        401,
		first:                   401,
		"":                      401,
	} {
		r := request("10.0.0.1", "h", "")
		r.Header.Set("Authorization", header)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		assert.Equal(t, want, rec.Code, header)
		if want == 401 {
			assert.Equal(t, `Bearer realm="codeflow"`, rec.Header().Get("WWW-Authenticate"))
		}
	}
	assert.Len(t, reasons, 7)
	assert.Contains(t, reasons, guard.ReasonToken)
}

func TestParseTokensRefuses(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	for _, list := range []string{"secret", hash + " secret", hash + "00", "sha256:zz", strings.ToUpper(hash)} {
		_, err := guard.ParseTokens(list)
		require.ErrorContains(t, err, `must be "sha256:" and 64 hexadecimal digits`)
		assert.NotContains(t, err.Error(), "secret", "it may be a token")
	}
	tokens, err := guard.ParseTokens(" \n")
	require.NoError(t, err)
	assert.Empty(t, tokens)
}

func TestBusy(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	handler := guard.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		started <- struct{}{}
		<-release
	}), guard.Options{Concurrency: 1})
	done := make(chan struct{})
	serve := func() {
		handler.ServeHTTP(httptest.NewRecorder(), request("10.0.0.1", "h", ""))
		close(done)
	}
	go serve()
	<-started
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, request("10.0.0.1", "h", ""))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Equal(t, "1", rec.Header().Get("Retry-After"))
	release <- struct{}{}
	<-done

	done = make(chan struct{})
	go serve()
	<-started // the slot is free again
	release <- struct{}{}
	<-done
}

// TestBodyLimit: bodies are read before the handler, with and without a length.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{"": 200, "1234": 200, "12345": 413} {
		for _, length := range []int64{-1, int64(len(body))} {
			got, reason := "", ""
			handler := guard.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				data, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, int64(len(body)), r.ContentLength)
				got = string(data)
			}), guard.Options{MaxBody: 4, Refused: func(is string) { reason = is }})
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.ContentLength = length
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			assert.Equal(t, want, rec.Code, body)
			if want == http.StatusOK {
				assert.Equal(t, body, got)
				continue
			}
			assert.Equal(t, guard.ReasonBody, reason)
			assert.Equal(t, "close", rec.Header().Get("Connection"))
			assert.JSONEq(t, `{"error": "http: request body too large"}`, rec.Body.String())
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A client that sends more than the limit, and slowly, reads the answer: the
// connection is not reset under it.
func TestLargeBodyIsAnswered(t *testing.T) {
	t.Parallel()
	handler := guard.New(http.NotFoundHandler(), guard.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(wrapped{w}, r) // as telemetry does
	}))
	defer server.Close()
	for range 5 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		const size, part = 200_000, 10_000
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", server.Listener.Addr(), size)
		require.NoError(t, err)
		for range size / part {
			_, err = conn.Write(make([]byte, part))
			require.NoError(t, err)
			time.Sleep(time.Millisecond)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, conn.Close())
	}
}

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestBrokenBody(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	guard.New(ok, guard.Options{}).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", broken{}))
	assert.Equal(t, http.StatusBadRequest, rec.Code)
}

// TestUnfinishedBodies has many clients that do not finish what they send. They
// take no slots; those that sent much take no more than the budget, each client a
// part of it; and short bodies need none of it.
func TestUnfinishedBodies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := guard.New(ok, guard.Options{Concurrency: 1, Proxies: 1})
		send := func(client, sent string, rest io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(sent), rest))
			r.Header.Set("X-Forwarded-For", client)
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			return rec
		}
		long, nothing := strings.Repeat("x", 5<<10), strings.NewReader("")
		never, stop := io.Pipe()
		for i := range 1000 {
			go send(fmt.Sprintf("192.0.2.%d", i%250), "x", never)
		}
		for range 16 {
			go send("198.51.100.1", long, never)
		}
		synctest.Wait()
		assert.Equal(t, http.StatusOK, send("203.0.113.1", long, nothing).Code)
		assert.Equal(t, http.StatusOK, send("198.51.100.1", "x", nothing).Code)
		rec := send("198.51.100.1", long, nothing)
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
		assert.Equal(t, "1", rec.Header().Get("Retry-After"))

		for i := range 240 {
			go send(fmt.Sprintf("192.0.2.%d", i), long, never)
		}
		synctest.Wait()
		assert.Equal(t, http.StatusServiceUnavailable, send("203.0.113.1", long, nothing).Code, "the budget is used up")
		assert.Equal(t, http.StatusOK, send("203.0.113.1", "x", nothing).Code)
		require.NoError(t, stop.CloseWithError(io.ErrUnexpectedEOF))
		synctest.Wait()
		assert.Equal(t, http.StatusOK, send("203.0.113.1", long, nothing).Code, "it is free again")
	})
}

// TestEachClient: one takes no more than its share, by the address that the
// proxies vouch for.
func TestEachClient(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proxies             int
		remote, first, then string // addresses, the others as forwarded
		status              int
	}{
		"same client":        {1, "10.0.0.1:1", "192.0.2.1", "192.0.2.1", 503},
		"another client":     {1, "10.0.0.1:1", "192.0.2.1", "192.0.2.2", 200},
		"made up before":     {1, "10.0.0.1:1", "1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1", 503},
		"with a port":        {1, "10.0.0.1:1", "192.0.2.1:80", "192.0.2.1:81", 503},
		"same network":       {1, "10.0.0.1:1", "2001:db8::1", "[2001:db8::2]:80", 503},
		"another network":    {1, "10.0.0.1:1", "2001:db8::1", "2001:db8:0:1::1", 200},
		"IPv4 in IPv6":       {1, "10.0.0.1:1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", 200},
		"two proxies":        {2, "10.0.0.1:1", "192.0.2.1, 10.1.1.1", "192.0.2.1, 10.1.1.2", 503},
		"two proxies, one":   {2, "10.0.0.1:1", "192.0.2.1", "192.0.2.1", 503},
		"no proxy":           {0, "192.0.2.1:1", "1.1.1.1", "2.2.2.2", 503},
		"this machine":       {0, "127.0.0.1:1", "1.1.1.1", "1.1.1.1", 200},
		"this machine, IPv6": {0, "[::1]:1", "1.1.1.1", "1.1.1.1", 200},
		"no address":         {1, "10.0.0.1:1", "unknown", "unknown", 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			handler := guard.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), guard.Options{Each: 1, Proxies: tc.proxies})
			send := func(forwarded string) int {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.RemoteAddr = tc.remote
				r.Header.Set("X-Forwarded-For", forwarded)
				rec := httptest.NewRecorder()
				handler.ServeHTTP(rec, r)
				return rec.Code
			}
			go send(tc.first)
			synctest.Wait()
			second := make(chan int, 1)
			go func() { second <- send(tc.then) }()
			synctest.Wait()
			close(release)
			assert.Equal(t, tc.status, <-second, name)
		})
	}
}

// TestSlowBody waits as long as the server does for a body that does not come.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(guard.New(ok, guard.Options{}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, conn.SetReadDeadline(began.Add(20*time.Second)))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
	assert.True(t, resp.Close)
	assert.InDelta(t, 5, time.Since(began).Seconds(), 4)
}

// TestWebPages: those of an allowed origin may send what the protocol needs and
// read the answers, refusals too; others are told nothing.
func TestWebPages(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	handler := guard.New(ok, guard.Options{Hosts: []string{"app.example.com"}, Tokens: tokens})
	for name, tc := range map[string]struct {
		method, origin, asks string
		status               int
		allowed              string
	}{
		"preflight":            {"OPTIONS", "https://app.example.com", "POST", 204, "https://app.example.com"},
		"preflight, port":      {"OPTIONS", "https://app.example.com:8443", "POST", 204, "https://app.example.com:8443"},
		"preflight, stranger":  {"OPTIONS", "https://evil.example.com", "POST", 403, ""},
		"preflight, null":      {"OPTIONS", "null", "POST", 403, ""},
		"no preflight":         {"OPTIONS", "https://app.example.com", "", 401, "https://app.example.com"},
		"no page":              {"OPTIONS", "", "POST", 401, ""},
		"request, no token":    {"POST", "https://app.example.com", "", 401, "https://app.example.com"},
		"request, stranger":    {"POST", "https://evil.example.com", "", 403, ""},
		"request from no page": {"POST", "", "", 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("10.0.0.1", "app.example.com", tc.origin)
			r.Method = tc.method
			if tc.asks != "" {
				r.Header.Set("Access-Control-Request-Method", tc.asks)
				r.Header.Set("Access-Control-Request-Headers", "content-type,mcp-protocol-version")
			}
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			assert.Equal(t, tc.status, rec.Code)
			assert.Equal(t, tc.allowed, rec.Header().Get("Access-Control-Allow-Origin"))
			assert.Empty(t, rec.Header().Get("Access-Control-Allow-Credentials"))
			if tc.status == http.StatusNoContent {
				for _, header := range []string{"Authorization", "Content-Type", "Mcp-Protocol-Version", "Mcp-Session-Id"} {
					assert.Contains(t, rec.Header().Get("Access-Control-Allow-Headers"), header)
				}
				assert.Contains(t, rec.Header().Get("Access-Control-Allow-Methods"), "POST")
			}
			if tc.allowed != "" {
				assert.Contains(t, rec.Header().Get("Access-Control-Expose-Headers"), "Mcp-Session-Id")
				assert.Equal(t, "Origin", rec.Header().Get("Vary"))
			}
		})
	}
}

// TestOpen: some requests need no token, but the host and origin of all others.
func TestOpen(t *testing.T) {
	t.Parallel()
	handler := guard.New(ok, guard.Options{
		Hosts: []string{"app.example.com"}, Rotating: &guard.Rotating{},
		Open: func(r *http.Request) bool { return r.URL.Path == "/mcp" },
	})
	for host, want := range map[string]int{"app.example.com": 200, "evil.example.com": 403} {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, request("10.0.0.1", host, ""))
		assert.Equal(t, want, rec.Code)
	}
}
