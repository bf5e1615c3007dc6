package guard_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	var got error
	handler := guard.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, got = io.ReadAll(r.Body)
	}), guard.Options{MaxBody: 4})
	for body, fails := range map[string]bool{"1234": false, "12345": true} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		var tooLarge *http.MaxBytesError
		assert.Equal(t, fails, errors.As(got, &tooLarge), body)
	}
}
