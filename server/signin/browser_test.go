package signin

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/oidctest"
)

// browser keeps cookies, as long as it should.
type browser struct {
	t       *testing.T
	s       *SignIn
	cookies map[string]*http.Cookie
}

func newBrowser(t *testing.T, s *SignIn) *browser {
	t.Helper()
	return &browser{t, s, map[string]*http.Cookie{}}
}

// open asks this server for an address.
func (b *browser) open(method, address string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, address, nil)
	for _, cookie := range b.cookies {
		r.AddCookie(cookie)
	}
	rec := httptest.NewRecorder()
	b.s.ServeHTTP(rec, r)
	resp := rec.Result()
	defer resp.Body.Close()
	for _, cookie := range resp.Cookies() {
		assert.True(b.t, cookie.Secure && cookie.HttpOnly && cookie.SameSite == http.SameSiteLaxMode && cookie.Path == "/" && cookie.Domain == "", cookie)
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie
		}
	}
	assert.Equal(b.t, "no-store", rec.Header().Get("Cache-Control"))
	return rec
}

// toIssuer begins a sign-in and returns where the issuer is asked.
func (b *browser) toIssuer(to string) *url.URL {
	b.t.Helper()
	rec := b.open(http.MethodGet, "/sign-in?to="+url.QueryEscape(to))
	require.Equal(b.t, http.StatusSeeOther, rec.Code, rec.Body)
	at, err := url.Parse(rec.Header().Get("Location"))
	require.NoError(b.t, err)
	return at
}

// back asks the issuer and returns where it sends the browser.
func back(t *testing.T, at *url.URL) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(at.String())
	require.NoError(t, err)
	defer resp.Body.Close()
	to, found := strings.CutPrefix(resp.Header.Get("Location"), here)
	require.True(t, found, resp.Status)
	return to
}

// page asks for a page, as far as who may see it goes.
func (b *browser) page() int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range b.cookies {
		r.AddCookie(cookie)
	}
	status, _ := admit(b.s, r)
	return status
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	s, log := signIn(t, issuer.URL)
	another, _ := signIn(t, issuer.URL) // another task of the service
	b := newBrowser(t, s)
	assert.Equal(t, 401, b.page())
	at := b.toIssuer("/agents/x?y=%2F")
	query := at.Query()
	assert.Equal(t, issuer.URL+"/authorize", "http://"+at.Host+at.Path)
	for name, want := range map[string]string{
		"client_id": client, "response_type": "code", "redirect_uri": here + "/sign-in/callback", "scope": "openid read use",
		"code_challenge_method": "S256", "resource": here + "/mcp",
	} {
		assert.Equal(t, want, query.Get(name), name)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		assert.Len(t, query.Get(name), 43, name)
	}
	callback := back(t, at)
	b.s = another
	rec := b.open(http.MethodGet, callback)
	require.Equal(t, http.StatusSeeOther, rec.Code, log)
	assert.Equal(t, here+"/agents/x?y=%2F", rec.Header().Get("Location"))
	require.Len(t, b.cookies, 1)
	assert.InDelta(t, time.Hour.Seconds(), b.cookies[sessionCookie].MaxAge, 5, "as long as the token")
	for _, task := range []*SignIn{s, another} {
		b.s = task
		assert.Equal(t, 200, b.page())
	}
	assert.NotContains(t, log.String(), b.cookies[sessionCookie].Value)

	whole := *b.cookies[sessionCookie]
	for name, value := range map[string]string{
		"tampered":   whole.Value[:len(whole.Value)-4] + "AAAA",
		"cut":        whole.Value[:len(whole.Value)-1],
		"audience":   issuer.Sign(nil, issuer.Claims("other", claims{"scope": "read use"})),
		"expired":    issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use", "exp": time.Now().Add(-2 * time.Minute).Unix()})),
		"ID token":   issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use", "nonce": "x"})),
		"of nothing": "",
	} {
		changed := whole
		changed.Value = value
		b.cookies[sessionCookie] = &changed
		assert.Equal(t, 401, b.page(), name)
	}
	b.cookies[sessionCookie] = &whole

	assert.Equal(t, http.StatusMethodNotAllowed, httptestGet(s, "/sign-out"), "a link or an image signs nobody out")
	rec = b.open(http.MethodPost, "/sign-out")
	assert.Equal(t, http.StatusSeeOther, rec.Code)
	assert.Equal(t, "/", rec.Header().Get("Location"))
	assert.Empty(t, b.cookies)
	assert.Equal(t, 401, b.page())
}

func httptestGet(s *SignIn, path string) int {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Code
}

// TestSignInAttacks changes one thing of a sign-in that would succeed.
func TestSignInAttacks(t *testing.T) {
	t.Parallel()
	set := func(callback, name, value string) string {
		u, _ := url.Parse(callback)
		query := u.Query()
		if query.Set(name, value); value == "" {
			query.Del(name)
		}
		u.RawQuery = query.Encode()
		return u.String()
	}
	for name, tc := range map[string]struct {
		issuer func(*oidctest.Issuer)
		begun  func(at *url.URL)                               // changes what the issuer is asked
		back   func(b, other *browser, callback string) string // changes what comes back
		want   int
		log    string
	}{
		"nothing":           {want: 303},
		"list of audiences": {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["aud"], c["azp"] = []string{client, "x"}, client } }, want: 303},
		"iss that is right": {back: func(b, _ *browser, at string) string { return set(at, "iss", b.s.opts.Issuer) }, want: 303},
		"another state":     {back: func(_, _ *browser, at string) string { return set(at, "state", "x") }, want: 400},
		"no state":          {back: func(_, _ *browser, at string) string { return set(at, "state", "") }, want: 400},
		"two states":        {back: func(_, _ *browser, at string) string { return strings.Replace(at, "?", "?state=x&", 1) }, want: 400},
		"no cookie":         {back: func(b, _ *browser, at string) string { clear(b.cookies); return at }, want: 400},
		"an empty cookie": {back: func(b, _ *browser, at string) string {
			b.cookies[signInCookie].Value = ""
			return set(at, "state", derive("", "state"))
		}, want: 400},
		"a sign-in of nobody": {
			begun: func(at *url.URL) {
				change(at, "nonce", derive("", "nonce"))
				change(at, "code_challenge", oauth2.S256ChallengeFromVerifier(derive("", "verifier")))
			},
			back: func(b, _ *browser, at string) string {
				clear(b.cookies)
				return set(at, "state", derive("", "state"))
			},
			want: 400,
		},
		"another browser": {back: func(b, other *browser, at string) string { other.toIssuer("/"); b.cookies = other.cookies; return at }, want: 400},
		"begun anew":      {back: func(b, _ *browser, at string) string { b.toIssuer("/"); return at }, want: 400},
		"finished before": {back: func(b, _ *browser, at string) string { b.open(http.MethodGet, at); return at }, want: 400},
		"code used before": {back: func(b, _ *browser, at string) string {
			kept := *b.cookies[signInCookie]
			b.open(http.MethodGet, at)
			clear(b.cookies)
			b.cookies[signInCookie] = &kept
			return at
		}, want: 400, log: "the issuer refused the code"},
		"another's code": {back: func(_, other *browser, at string) string {
			u, _ := url.Parse(back(other.t, other.toIssuer("/")))
			return set(at, "code", u.Query().Get("code"))
		}, want: 400, log: "the issuer refused the code"},
		"no code":              {back: func(_, _ *browser, at string) string { return set(at, "code", "") }, want: 403},
		"the issuer said no":   {back: func(_, _ *browser, at string) string { return set(set(at, "code", ""), "error", "<script>") }, want: 403},
		"another issuer":       {back: func(_, _ *browser, at string) string { return set(at, "iss", "https://evil.example.com") }, want: 400},
		"PKCE of another":      {begun: func(at *url.URL) { change(at, "code_challenge", derive("x", "verifier")) }, want: 400, log: "the issuer refused the code"},
		"nonce of another":     {begun: func(at *url.URL) { change(at, "nonce", "x") }, want: 400, log: "ID token: the token is not good"},
		"no nonce":             {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { delete(c, "nonce") } }, want: 400, log: "ID token"},
		"ID token of another":  {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["aud"] = "other" } }, want: 400, log: "ID token"},
		"azp of another":       {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["azp"] = "other" } }, want: 400, log: "ID token"},
		"two, no azp":          {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["aud"] = []string{client, "x"} } }, want: 400, log: "ID token"},
		"at_hash of another":   {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["at_hash"] = "x" } }, want: 400, log: "ID token"},
		"expired ID token":     {issuer: func(i *oidctest.Issuer) { i.ID = func(c claims) { c["exp"] = 1 } }, want: 400, log: "ID token: the token has expired"},
		"no ID token":          {begun: func(at *url.URL) { change(at, "scope", "read use") }, want: 400, log: "ID token"},
		"token for another":    {issuer: func(i *oidctest.Issuer) { i.Audience = "other" }, want: 400, log: "access token: the token is not good"},
		"too few scopes":       {issuer: func(i *oidctest.Issuer) { i.Scope = "openid read" }, want: 403, log: "lacks a scope"},
		"a token of 5 KB":      {issuer: func(i *oidctest.Issuer) { i.Access = func(c claims) { c["x"] = strings.Repeat("x", 5000) } }, want: 400, log: "too large for a cookie"},
		"the issuer is broken": {issuer: func(i *oidctest.Issuer) { i.Override = broken("/token", http.StatusInternalServerError) }, want: 503},
		"a redirect for codes": {issuer: func(i *oidctest.Issuer) { i.Override = broken("/token", http.StatusTemporaryRedirect) }, want: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := oidctest.New(t)
			if tc.issuer != nil {
				issuer.With(tc.issuer)
			}
			s, log := signIn(t, issuer.URL)
			b, other := newBrowser(t, s), newBrowser(t, s)
			at := b.toIssuer("/agents/x")
			if tc.begun != nil {
				tc.begun(at)
			}
			callback := back(t, at)
			if tc.back != nil {
				callback = tc.back(b, other, callback)
			}
			had := b.cookies[sessionCookie] != nil // from before
			rec := b.open(http.MethodGet, callback)
			assert.Equal(t, tc.want, rec.Code, rec.Body)
			assert.NotContains(t, b.cookies, signInCookie, "it is good once")
			assert.Equal(t, tc.want == 303 || had, b.cookies[sessionCookie] != nil)
			if tc.want != 303 {
				assert.Empty(t, rec.Header().Get("Location"))
				assert.NotContains(t, rec.Body.String(), "<script>")
			}
			assert.Contains(t, log.String(), tc.log)
			for _, secret := range []string{"secret-of-the-issuer", at.Query().Get("state"), "eyJ"} {
				assert.NotContains(t, log.String(), secret)
			}
			assert.LessOrEqual(t, bytes.Count(log.Bytes(), []byte("\n")), 3)
		})
	}
}

func change(at *url.URL, name, value string) {
	query := at.Query()
	query.Set(name, value)
	at.RawQuery = query.Encode()
}

func broken(path string, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("secret-of-the-issuer"))
		}
		return r.URL.Path == path
	}
}

// TestRedirects: browsers go back to pages of this server, wherever they began.
func TestRedirects(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	s, _ := signIn(t, issuer.URL)
	for to, want := range map[string]string{
		"/": "/", "/agents/x": "/agents/x", "/?q=a&category=b": "/?q=a&category=b", "/?q=https://h": "/?q=https://h", "/agents/%C3%A4": "/agents/%C3%A4",
		"/a#b": "/a#b", "": "/", "agents": "/", "?x": "/",
		"//evil.example.com": "/", "///evil.example.com": "/", "/\\evil.example.com": "/", "\\\\evil.example.com": "/", "/a\\b": "/",
		"https://evil.example.com": "/", "https:evil.example.com": "/", "http:///evil.example.com": "/", "HTTPS://evil.example.com": "/",
		"javascript:alert(1)": "/", "data:text/html,x": "/", "//evil.example.com@codeflow.example.com": "/", "@evil.example.com": "/", ".evil.example.com": "/",
		"/%2Fevil.example.com": "/", "/%2f%2fevil.example.com": "/", "/%5Cevil.example.com": "/", "/%5c%5cevil.example.com": "/",
		"/\t/evil.example.com": "/", "/\n/evil.example.com": "/", "\t//evil.example.com": "/", " //evil.example.com": "/", "/x\r\nSet-Cookie: a=b": "/",
		"/x%0d%0aSet-Cookie:%20a=b": "/", "/%0a/evil.example.com": "/", "/\x00": "/", "/ä": "/", "/%zz": "/", "/" + strings.Repeat("x", 2000): "/",
	} {
		b := newBrowser(t, s)
		rec := b.open(http.MethodGet, back(t, b.toIssuer(to)))
		assert.Equal(t, here+want, rec.Header().Get("Location"), "%q", to)
		assert.Len(t, rec.Header()["Set-Cookie"], 2)

		// A cookie that says otherwise changes nothing.
		callback := back(t, b.toIssuer("/"))
		secret, _, _ := strings.Cut(b.cookies[signInCookie].Value, ".")
		b.cookies[signInCookie].Value = secret + "." + url.QueryEscape(to)
		assert.Equal(t, here+want, b.open(http.MethodGet, callback).Header().Get("Location"), "%q", to)
	}
}
