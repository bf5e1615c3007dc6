// These tests prove what is taken from an issuer of their own, not that any other
// issuer's tokens look so.
package signin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/oidctest"
)

type claims = oidctest.Claims

const (
	here     = "https://codeflow.example.com"
	audience = here + "/mcp"
	client   = "page"
)

// signIn trusts an issuer, which it may ask again at once.
func signIn(t *testing.T, url string) (*SignIn, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	s, err := New(Options{
		Issuer: url, Audience: audience, Scopes: []string{"read", "use"}, ClientID: client, URL: here + "/",
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	require.NoError(t, err)
	s.issuer.pause = 0
	return s, log
}

func request(authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	return r
}

// admit is the status that a request with a token gets, and its challenge.
func admit(s *SignIn, r *http.Request) (status int, challenge string) {
	if refused := s.Admit(r); refused != nil {
		return refused.Status, refused.Challenge
	}
	return http.StatusOK, ""
}

// forged is a token that nobody signed as its header says.
func forged(header, body claims, key []byte) string {
	encode := func(v any) string {
		data, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := encode(header) + "." + encode(body)
	if key == nil {
		return text + "."
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestTokens(t *testing.T) {
	t.Parallel()
	issuer, stranger := oidctest.New(t), oidctest.New(t)
	s, log := signIn(t, issuer.URL)
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	with := func(changes claims) string {
		body := issuer.Claims(audience, claims{"scope": "use more read"})
		for name, value := range changes {
			if body[name] = value; value == nil {
				delete(body, name)
			}
		}
		return issuer.Sign(claims{"typ": "at+jwt"}, body)
	}
	good := issuer.Claims(audience, claims{"scope": "read use"})
	header := func(changes claims) string { return issuer.Sign(changes, good) }
	der, err := x509.MarshalPKIXPublicKey(issuer.Public().Key)
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	jwk, err := issuer.Public().MarshalJSON()
	require.NoError(t, err)
	fromStranger := stranger.Claims(audience, claims{"scope": "read use", "iss": issuer.URL})
	whole := strings.Split(with(nil), ".")

	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"good":                             {with(nil), 200},
		"list of audiences":                {with(claims{"aud": []string{"other", audience}}), 200},
		"azp, a client of its own":         {with(claims{"azp": "another-client"}), 200},
		"expired within the skew":          {with(claims{"exp": in(-50 * time.Second)}), 200},
		"not yet valid within the skew":    {with(claims{"nbf": in(50 * time.Second), "iat": in(50 * time.Second)}), 200},
		"scp, a list":                      {with(claims{"scope": nil, "scp": []string{"use", "read"}}), 200},
		"scp, a text":                      {with(claims{"scope": nil, "scp": "read use"}), 200},
		"typ JWT":                          {header(claims{"typ": "JWT"}), 200},
		"typ application/at+jwt":           {header(claims{"typ": "application/AT+jwt"}), 200},
		"no kid":                           {header(claims{"kid": ""}), 200},
		"nonce in at+jwt":                  {with(claims{"nonce": "x"}), 200},
		"key of its own in the header":     {header(claims{"jku": stranger.URL + "/keys", "x5u": stranger.URL}), 200}, // not looked at
		"alg none":                         {forged(claims{"alg": "none"}, good, nil), 401},
		"alg None":                         {forged(claims{"alg": "None", "kid": "first"}, good, nil), 401},
		"no alg":                           {forged(claims{"kid": "first"}, good, nil), 401},
		"HS256 with the public key, PEM":   {forged(claims{"alg": "HS256", "kid": "first"}, good, public), 401},
		"HS256 with the public key, DER":   {forged(claims{"alg": "HS256", "kid": "first"}, good, der), 401},
		"HS256 with the public key, JWK":   {forged(claims{"alg": "HS256", "kid": "first"}, good, jwk), 401},
		"HS256 with no key":                {forged(claims{"alg": "HS256"}, good, []byte{}), 401},
		"HMAC as ES256":                    {forged(claims{"alg": "ES256", "kid": "first"}, good, public), 401},
		"HMAC as RS256":                    {forged(claims{"alg": "RS256", "kid": "first"}, good, public), 401},
		"no signature":                     {whole[0] + "." + whole[1] + ".", 401},
		"another payload":                  {whole[0] + "." + strings.Split(with(claims{"sub": "other"}), ".")[1] + "." + whole[2], 401},
		"two parts":                        {whole[0] + "." + whole[1], 401},
		"five parts":                       {strings.Join(whole, ".") + ".a.b", 401},
		"as JSON":                          {`{"payload":"` + whole[1] + `","protected":"` + whole[0] + `","signature":"` + whole[2] + `"}`, 401},
		"stranger's key, same kid":         {stranger.Sign(nil, fromStranger), 401},
		"stranger's key, no kid":           {stranger.Sign(claims{"kid": ""}, fromStranger), 401},
		"stranger's key in the header":     {stranger.Sign(claims{"jwk": stranger.Public()}, fromStranger), 401},
		"stranger's key set in the header": {stranger.Sign(claims{"kid": "none", "jku": stranger.URL + "/keys"}, fromStranger), 401},
		"wrong issuer":                     {with(claims{"iss": "https://id.example.com"}), 401},
		"issuer with a slash":              {with(claims{"iss": issuer.URL + "/"}), 401},
		"no issuer":                        {with(claims{"iss": nil}), 401},
		"wrong audience":                   {with(claims{"aud": "other"}), 401},
		"audience with a slash":            {with(claims{"aud": audience + "/"}), 401},
		"audience of the page":             {with(claims{"aud": client}), 401},
		"list of wrong audiences":          {with(claims{"aud": []string{"other", "another"}}), 401},
		"empty list of audiences":          {with(claims{"aud": []string{}}), 401},
		"no audience":                      {with(claims{"aud": nil}), 401},
		"audience is a number":             {with(claims{"aud": 1}), 401},
		"expired":                          {with(claims{"exp": in(-70 * time.Second)}), 401},
		"no exp":                           {with(claims{"exp": nil}), 401},
		"exp 0":                            {with(claims{"exp": 0}), 401},
		"exp is a text":                    {with(claims{"exp": "tomorrow"}), 401},
		"exp without end":                  {with(claims{"exp": 1e300}), 401},
		"not yet valid":                    {with(claims{"nbf": in(70 * time.Second)}), 401},
		"nbf is a text":                    {with(claims{"nbf": "now"}), 401},
		"of the future":                    {with(claims{"iat": in(70 * time.Second)}), 401},
		"unknown kid":                      {header(claims{"kid": "second"}), 401},
		"kid is a path":                    {header(claims{"kid": "../../../../dev/null"}), 401},
		"kid is a URL":                     {header(claims{"kid": stranger.URL + "/keys"}), 401},
		"kid is SQL":                       {header(claims{"kid": "x' UNION SELECT 'key"}), 401},
		"kid is a list":                    {header(claims{"kid": []string{"first"}}), 401},
		"critical and unknown":             {forged(claims{"alg": "ES256", "kid": "first", "crit": []string{"x"}, "x": 1}, good, der), 401},
		"typ of a logout":                  {header(claims{"typ": "logout+jwt"}), 401},
		"typ of a proof":                   {header(claims{"typ": "dpop+jwt"}), 401},
		"ID token":                         {issuer.Sign(nil, issuer.Claims(audience, claims{"nonce": "x", "scope": "read use"})), 401},
		"ID token, no nonce":               {issuer.Sign(nil, issuer.Claims(audience, claims{"at_hash": "x", "scope": "read use"})), 401},
		"huge":                             {with(claims{"x": strings.Repeat("x", 16<<10)}), 401},
		"empty":                            {"", 401},
		"a NUL":                            {"\x00", 401},
		"dots":                             {"..", 401},
		"one scope of two":                 {with(claims{"scope": "read"}), 403},
		"part of a scope":                  {with(claims{"scope": "reading use"}), 403},
		"no scope":                         {with(claims{"scope": nil}), 403},
		"scope is an object":               {with(claims{"scope": claims{"read": 1, "use": 1}}), 403},
	} {
		t.Run(name, func(t *testing.T) {
			status, challenge := admit(s, request("Bearer "+tc.token))
			assert.Equal(t, tc.want, status)
			const resource = `Bearer realm="codeflow", resource_metadata="` + here + `/.well-known/oauth-protected-resource/mcp", scope="read use", error="`
			switch tc.want {
			case 401:
				assert.True(t, strings.HasPrefix(challenge, resource+`invalid_token"`), challenge)
			case 403:
				assert.True(t, strings.HasPrefix(challenge, resource+`insufficient_scope"`), challenge)
			}
			if len(tc.token) > 10 {
				assert.NotContains(t, challenge, tc.token)
				assert.NotContains(t, log.String(), tc.token)
			}
		})
	}
}

// TestWhereTokensAre: in one header, or in a browser's cookie that reads.
func TestWhereTokensAre(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	s, _ := signIn(t, issuer.URL)
	good := issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use"}))
	in := func(method, path, cookie string, headers ...string) *http.Request {
		r := request(headers...)
		r.Method = method
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: cookie, Value: good})
		}
		return r
	}
	for name, tc := range map[string]struct {
		request *http.Request
		want    int
	}{
		"header":                     {in("POST", "/mcp", "", "Bearer "+good), 200},
		"scheme in lower case":       {in("POST", "/mcp", "", "bearer "+good), 200},
		"cookie":                     {in("GET", "/", sessionCookie), 200},
		"cookie, HEAD":               {in("HEAD", "/", sessionCookie), 200},
		"cookie that would act":      {in("POST", "/mcp", sessionCookie), 401},
		"cookie that would delete":   {in("DELETE", "/", sessionCookie), 401},
		"another cookie":             {in("GET", "/", "codeflow-session"), 401},
		"cookie and a wrong token":   {in("GET", "/", sessionCookie, "Bearer x"), 401},
		"cookie and no bearer token": {in("GET", "/", sessionCookie, "Basic eDp5"), 401},
		"query":                      {in("POST", "/mcp?access_token="+good, ""), 401},
		"another scheme":             {in("POST", "/mcp", "", "Basic "+good), 401},
		"no scheme":                  {in("POST", "/mcp", "", good), 401},
		"two headers":                {in("POST", "/mcp", "", "Bearer "+good, "Bearer "+good), 400},
		"two headers, one good":      {in("POST", "/mcp", "", "Bearer x", "Bearer "+good), 400},
		"two tokens":                 {in("POST", "/mcp", "", "Bearer "+good+" "+good), 401},
		"two tokens, a comma":        {in("POST", "/mcp", "", "Bearer "+good+", Bearer "+good), 401},
		"none":                       {in("POST", "/mcp", ""), 401},
	} {
		status, _ := admit(s, tc.request)
		assert.Equal(t, tc.want, status, name)
	}
	_, challenge := admit(s, in("POST", "/mcp/", ""))
	assert.Equal(t, `Bearer realm="codeflow", resource_metadata="`+here+`/.well-known/oauth-protected-resource/mcp", scope="read use"`, challenge, "no error without a token")
	_, challenge = admit(s, in("GET", "/api/v1/agents", ""))
	assert.Contains(t, challenge, `resource_metadata="`+here+`/.well-known/oauth-protected-resource", `)
}

// TestRotation: a key that comes is taken, one that goes is not, and unknown ones
// make no requests without end.
func TestRotation(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	s, _ := signIn(t, issuer.URL)
	sign := func() *http.Request {
		return request("Bearer " + issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use"})))
	}
	old := sign()
	expect := func(r *http.Request, want int, message string) {
		t.Helper()
		status, _ := admit(s, r)
		assert.Equal(t, want, status, message)
	}
	expect(old, 200, "first")
	issuer.Rotate("second")
	expect(old, 200, "cached")
	expect(sign(), 200, "asked for")
	expect(old, 401, "gone")

	s.issuer.pause = time.Minute
	issuer.Rotate("third")
	reads := issuer.Reads
	for range 100 {
		expect(sign(), 401, "too soon")
	}
	assert.Equal(t, reads, issuer.Reads)
	s.issuer.asked = time.Now().Add(-2 * time.Minute)
	expect(sign(), 200, "later")

	// The same name with another key.
	issuer.Rotate("third")
	expect(sign(), 401, "its keys are read each five minutes")
}

// TestOutage: nobody can be let in before the issuer was read, or long after; in
// between its keys are good.
func TestOutage(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	down := func(is bool) {
		issuer.With(func(i *oidctest.Issuer) {
			i.Override = func(w http.ResponseWriter, _ *http.Request) bool {
				if is {
					http.Error(w, "secret-of-the-issuer", http.StatusBadGateway)
				}
				return is
			}
		})
	}
	down(true)
	s, log := signIn(t, issuer.URL)
	good := "Bearer " + issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use"}))
	expect := func(r *http.Request, want int) {
		t.Helper()
		status, challenge := admit(s, r)
		assert.Equal(t, want, status)
		assert.Equal(t, want == 401, challenge != "", challenge)
	}
	expect(request(good), 503)
	expect(request("Bearer not-a-token"), 401)
	expect(request(), 401)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/sign-in", nil))
	assert.Equal(t, 503, rec.Code)

	down(false)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Follow(ctx)
	}()
	require.Eventually(t, func() bool { return s.issuer.last() != nil }, 5*time.Second, time.Millisecond)
	stop()
	<-done
	expect(request(good), 200)

	down(true)
	expect(request(good), 200)
	issuer.Rotate("second")
	expect(request("Bearer "+issuer.Sign(nil, issuer.Claims(audience, nil))), 503) // may be good
	s.issuer.known.at = time.Now().Add(-longest - time.Second)
	expect(request(good), 503)
	assert.Contains(t, log.String(), "the issuer of the tokens is known")
	assert.Equal(t, 2, strings.Count(log.String(), "cannot be used"), "each outage is one line: "+log.String())
	assert.Less(t, log.Len(), 2000)
}

// TestBadIssuers: what an issuer says is not taken for more than it may say.
func TestBadIssuers(t *testing.T) {
	t.Parallel()
	stranger := oidctest.New(t)
	metadata := func(changes claims) func(*oidctest.Issuer, http.ResponseWriter, *http.Request) bool {
		return func(i *oidctest.Issuer, w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
				return false
			}
			all := claims{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token"}
			for name, value := range changes {
				all[name] = value
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(all)
			return true
		}
	}
	keys := func(answer http.HandlerFunc) func(*oidctest.Issuer, http.ResponseWriter, *http.Request) bool {
		return func(_ *oidctest.Issuer, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				answer(w, r)
			}
			return r.URL.Path == "/keys"
		}
	}
	text := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for name, tc := range map[string]struct {
		override func(*oidctest.Issuer, http.ResponseWriter, *http.Request) bool
		want     string
	}{
		"another issuer":          {metadata(claims{"issuer": stranger.URL}), "issuer did not match"},
		"issuer with a slash":     {metadata(claims{"issuer": "/"}), "issuer did not match"},
		"keys by http elsewhere":  {metadata(claims{"jwks_uri": "http://keys.example.com/"}), `as jwks_uri: it must be an https URL`},
		"keys in a file":          {metadata(claims{"jwks_uri": "file:///etc/passwd"}), `it must be an https URL`},
		"no keys":                 {metadata(claims{"jwks_uri": ""}), `as jwks_uri`},
		"people sent to a script": {metadata(claims{"authorization_endpoint": "javascript:alert(1)"}), `as authorization_endpoint`},
		"codes sent by http":      {metadata(claims{"token_endpoint": "http://id.example.com/token"}), `as token_endpoint`},
		"redirected metadata": {func(_ *oidctest.Issuer, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, stranger.URL+r.URL.Path, http.StatusFound)
			return true
		}, "redirects are not followed"},
		"redirected keys": {keys(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stranger.URL+"/keys", http.StatusTemporaryRedirect)
		}), "redirects are not followed"},
		"huge keys": {keys(text(`{"keys":[` + strings.Repeat(`{"kty":"oct","k":"AA"},`, 20000) + `{}]}`)), "request body too large"},
		"huge metadata": {func(_ *oidctest.Issuer, w http.ResponseWriter, _ *http.Request) bool {
			text(strings.Repeat(" ", 1<<20))(w, nil)
			return true
		}, "request body too large"},
		"keys are no JSON":         {keys(text("<html>")), "reading its keys"},
		"only symmetric keys":      {keys(text(`{"keys":[{"kty":"oct","k":"AAAA","kid":"first"}]}`)), "there is none that can be used"},
		"only keys for encryption": {keys(text(strings.Replace(jwkSet(t, stranger), `"use":"sig"`, `"use":"enc"`, 1))), "there is none that can be used"},
		"keys that are missing":    {keys(http.NotFound), "404 Not Found"},
		"keys that never come":     {keys(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "reading its keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := oidctest.New(t)
			issuer.With(func(i *oidctest.Issuer) {
				i.Override = func(w http.ResponseWriter, r *http.Request) bool { return tc.override(issuer, w, r) }
			})
			s, log := signIn(t, issuer.URL)
			began := time.Now()
			status, _ := admit(s, request("Bearer "+issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use"}))))
			assert.Equal(t, 503, status)
			assert.Contains(t, log.String(), tc.want)
			assert.Less(t, time.Since(began), 2*askTimeout)
			assert.Less(t, log.Len(), 1000, "what it answers is cut")
		})
	}
	// One that has keys of other kinds, too, is good.
	issuer := oidctest.New(t)
	set := strings.Replace(jwkSet(t, issuer), `"keys":[`, `"keys":[{"kty":"new","kid":"first"},{"kty":"oct","k":"AAAA","kid":"first"},`, 1)
	issuer.With(func(i *oidctest.Issuer) {
		i.Override = func(w http.ResponseWriter, r *http.Request) bool { return keys(text(set))(issuer, w, r) }
	})
	s, _ := signIn(t, issuer.URL)
	status, _ := admit(s, request("Bearer "+issuer.Sign(nil, issuer.Claims(audience, claims{"scope": "read use"}))))
	assert.Equal(t, 200, status)
}

func jwkSet(t *testing.T, issuer *oidctest.Issuer) string {
	t.Helper()
	resp, err := http.Get(issuer.URL + "/keys")
	require.NoError(t, err)
	defer resp.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(resp.Body)
	require.NoError(t, err)
	return text.String()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/": true, "https://id.example.com/realms/x": true, "http://localhost:1": true,
		"http://127.0.0.1": true, "http://[::1]:1/x": true,
		"": false, "id.example.com": false, "http://id.example.com": false, "http://localhost.example.com": false, "http://127.0.0.1.example.com": false,
		"https://": false, "https://u:p@id.example.com": false, "https://id.example.com?x": false, "https://id.example.com?": false,
		"https://id.example.com#": false, "ftp://id.example.com": false, "javascript:alert(1)": false, "http://10.0.0.1": false, "https://[": false,
	} {
		errs := Options{Issuer: url, Audience: "x"}.Check()
		assert.Equal(t, good, len(errs) == 0, "%s: %v", url, errs)
	}
	for url, good := range map[string]bool{here: true, here + "/": true, here + "/x": false, "http://example.com": false, "": false} {
		assert.Equal(t, good, CheckURL(url) == nil, url)
	}
	assert.Len(t, Options{Audience: "a b", ClientID: "a b", Scopes: []string{"a", "a", "", `"`}}.Check(), 6)
	_, err := New(Options{URL: "x"})
	assert.ErrorContains(t, err, "issuer must be an https URL")
	assert.ErrorContains(t, err, `got "x"`)
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	s, _ := signIn(t, "https://id.example.com")
	for path, want := range map[string]string{
		metadataPath: here, metadataPath + "/mcp": here + "/mcp",
	} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		assert.Equal(t, http.StatusOK, rec.Code)
		assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		assert.JSONEq(t, `{"resource": "`+want+`", "authorization_servers": ["https://id.example.com"], "scopes_supported": ["read", "use"],
			"bearer_methods_supported": ["header"], "resource_name": "CodeFlow"}`, rec.Body.String())
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, metadataPath, nil))
	assert.Equal(t, http.StatusMethodNotAllowed, rec.Code)
}
