// Package oidctest is an OpenID Connect issuer for tests, on a loopback address. It
// signs everybody in who comes with what the protocol asks for.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Claims are those of a token.
type Claims = map[string]any

// Issuer is one issuer. Its fields may be changed under [Issuer.With].
type Issuer struct {
	URL string
	// Audience and Scope are those of the access tokens. Default: the resource and
	// the scopes that were asked for.
	Audience, Scope string
	// Override answers a request instead when it returns true.
	Override func(w http.ResponseWriter, r *http.Request) bool
	// ID and Access change the tokens that it gives.
	ID, Access func(Claims)
	// Reads counts how often the keys were read, Exchanges how often codes came back.
	Reads, Exchanges int

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	codes map[string]url.Values
}

// New starts an issuer until the test ends.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{codes: map[string]url.Values{}}
	i.Rotate("first")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", i.metadata)
	mux.HandleFunc("/keys", i.serveKeys)
	mux.HandleFunc("/authorize", i.authorize)
	mux.HandleFunc("/token", i.token)
	mux.HandleFunc("/register", register)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		override := i.Override
		i.mu.Unlock()
		if override == nil || !override(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(srv.Close)
	i.URL = srv.URL
	return i
}

// With changes the issuer while it runs.
func (i *Issuer) With(change func(*Issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

// Rotate makes a key of a name, the only one that is published from now on.
func (i *Issuer) Rotate(name string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []jose.JSONWebKey{{Key: private, KeyID: name, Algorithm: "ES256", Use: "sig"}}
}

// Public is the key that is published.
func (i *Issuer) Public() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0].Public()
}

// Sign returns a token with a header's fields besides alg and kid, which they may
// replace.
func (i *Issuer) Sign(header, claims Claims) string {
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	opts := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"kid": key.KeyID}}
	for name, value := range header {
		opts.ExtraHeaders[jose.HeaderKey(name)] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, opts)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

// Claims are good ones for an audience, with changes; nil leaves one out.
func (i *Issuer) Claims(audience any, changes Claims) Claims {
	now := time.Now()
	claims := Claims{"iss": i.URL, "sub": "somebody", "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (i *Issuer) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, Claims{
		"issuer": i.URL, "jwks_uri": i.URL + "/keys",
		"authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "registration_endpoint": i.URL + "/register",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
	})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.With(func(i *Issuer) { i.Reads++ })
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.Public()}})
}

// authorize sends the browser back at once.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back, err := url.Parse(query.Get("redirect_uri"))
	if err != nil || query.Get("response_type") != "code" || query.Get("client_id") == "" ||
		query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "" {
		answer(w, http.StatusBadRequest, Claims{"error": "invalid_request"})
		return
	}
	code := rand.Text()
	i.With(func(i *Issuer) { i.codes[code] = query })
	back.RawQuery = url.Values{"code": {code}, "state": {query.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // a test asks for it
}

// token gives tokens for a code, once, to who began.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	var asked url.Values
	i.With(func(i *Issuer) {
		i.Exchanges++
		asked = i.codes[r.FormValue("code")]
		delete(i.codes, r.FormValue("code"))
	})
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if asked == nil || asked.Get("redirect_uri") != r.FormValue("redirect_uri") || asked.Get("client_id") != r.FormValue("client_id") ||
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, http.StatusBadRequest, Claims{"error": "invalid_grant", "error_description": "secret-of-the-issuer"})
		return
	}
	var audience, scope string
	var changeID, changeAccess func(Claims)
	i.With(func(i *Issuer) { audience, scope, changeID, changeAccess = i.Audience, i.Scope, i.ID, i.Access })
	if audience == "" {
		audience = asked.Get("resource")
	}
	if scope == "" {
		scope = asked.Get("scope")
	}
	access := i.Claims(audience, Claims{"scope": scope, "client_id": asked.Get("client_id")})
	id := i.Claims(asked.Get("client_id"), Claims{"nonce": asked.Get("nonce")})
	if changeAccess != nil {
		changeAccess(access)
	}
	if changeID != nil {
		changeID(id)
	}
	body := Claims{"token_type": "Bearer", "expires_in": 3600, "access_token": i.Sign(Claims{"typ": "at+jwt"}, access)}
	if strings.Contains(" "+asked.Get("scope")+" ", " openid ") {
		body["id_token"] = i.Sign(nil, id)
	}
	answer(w, http.StatusOK, body)
}

// register takes every client.
func register(w http.ResponseWriter, r *http.Request) {
	metadata := Claims{}
	_ = json.NewDecoder(r.Body).Decode(&metadata)
	metadata["client_id"], metadata["token_endpoint_auth_method"] = "registered-"+rand.Text(), "none"
	answer(w, http.StatusCreated, metadata)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
