package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// The prefix makes browsers take them from this host alone, over TLS.
	// https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
	sessionCookie = "__Host-codeflow-session"
	signInCookie  = "__Host-codeflow-sign-in"
	// signInTime is how long a sign-in may take.
	signInTime = 10 * time.Minute
	// maxCookie is what browsers keep of a cookie, name included, in bytes; of the
	// address that a browser goes back to less is enough.
	maxCookie  = 4096 - len(sessionCookie)
	maxAddress = 1024
)

// begin sends a browser to the issuer. What it must show when it comes back is all
// made of one random text in its cookie: so any task of the service can finish what
// another began.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) {
	k, err := s.issuer.current(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	secret := rand.Text()
	setCookie(w, signInCookie, secret+"."+url.QueryEscape(local(r.URL.Query().Get("to"))), signInTime)
	redirect(w, s.client(k).AuthCodeURL(derive(secret, "state"),
		oidc.Nonce(derive(secret, "nonce")),
		oauth2.S256ChallengeOption(derive(secret, "verifier")),
		oauth2.SetAuthURLParam("resource", s.opts.URL+endpoint)))
}

// finish takes what the issuer sends a browser back with.
func (s *SignIn) finish(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(signInCookie)
	secret, address := "", ""
	if err == nil {
		secret, address, _ = strings.Cut(cookie.Value, ".")
	}
	setCookie(w, signInCookie, "", -1) // it is good once
	query := r.URL.Query()
	switch {
	case secret == "" || !equal(query.Get("state"), derive(secret, "state")),
		query.Has("iss") && query.Get("iss") != s.opts.Issuer: // https://www.rfc-editor.org/rfc/rfc9207
		fail(w, http.StatusBadRequest, "this browser did not begin this sign-in, or too long ago: begin again")
		return
	case query.Get("code") == "":
		fail(w, http.StatusForbidden, "the issuer did not sign you in")
		return
	}
	signed, err := s.exchange(r, query.Get("code"), secret)
	if err != nil {
		s.opts.Logger.InfoContext(r.Context(), "sign-in failed", "reason", err.Error())
	}
	switch {
	case err == nil:
	case errors.Is(err, errUnavailable):
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	case errors.Is(err, errScope):
		fail(w, http.StatusForbidden, "you may not use this server: the issuer gave you too few scopes")
		return
	default:
		fail(w, http.StatusBadRequest, "the sign-in failed: begin again")
		return
	}
	setCookie(w, sessionCookie, signed.raw, time.Until(signed.until))
	to, _ := url.QueryUnescape(address)
	redirect(w, s.opts.URL+local(to))
}

// session is what a browser gets.
type session struct {
	raw   string
	until time.Time
}

// exchange gets the tokens for a code. Its errors have nothing secret.
func (s *SignIn) exchange(r *http.Request, code, secret string) (*session, error) {
	k, err := s.issuer.current(r.Context())
	if err != nil {
		return nil, err
	}
	ctx := oidc.ClientContext(r.Context(), s.issuer.client)
	tokens, err := s.client(k).Exchange(ctx, code, oauth2.VerifierOption(derive(secret, "verifier")),
		oauth2.SetAuthURLParam("resource", s.opts.URL+endpoint))
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError {
		return nil, refusal("the issuer refused the code") // its text may have more than the log should
	}
	if err != nil {
		return nil, errUnavailable
	}
	raw, _ := tokens.Extra("id_token").(string)
	if err := s.identity(ctx, raw, derive(secret, "nonce"), tokens.AccessToken); err != nil {
		return nil, because("ID token", err)
	}
	access, err := s.access(ctx, tokens.AccessToken)
	if err != nil {
		return nil, because("access token", err)
	}
	if len(tokens.AccessToken) > maxCookie {
		return nil, refusal("access token: it is too large for a cookie")
	}
	return &session{tokens.AccessToken, access.Expiry}, nil
}

// because says which token is not good, to operators.
func because(which string, err error) error {
	if reason, ok := errors.AsType[refusal](err); ok {
		return refusal(which + ": " + string(reason))
	}
	return err
}

// end forgets who uses the browser.
func (s *SignIn) end(w http.ResponseWriter, _ *http.Request) {
	setCookie(w, sessionCookie, "", -1)
	redirect(w, "/")
}

// client is this server's web page, as the issuer knows it.
func (s *SignIn) client(k *known) *oauth2.Config {
	scopes := []string{oidc.ScopeOpenID}
	for _, scope := range s.opts.Scopes {
		if scope != oidc.ScopeOpenID {
			scopes = append(scopes, scope)
		}
	}
	return &oauth2.Config{ClientID: s.opts.ClientID, Endpoint: k.endpoint, RedirectURL: s.opts.URL + callbackPath, Scopes: scopes}
}

// derive returns a text for one purpose that tells nothing of the secret.
func derive(secret, purpose string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// local is an address of this server's, or "/". Browsers take a backslash for a
// slash, leave out what is no character, and take two slashes for another host.
func local(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil, len(address) > maxAddress, u.IsAbs(), u.Host != "", u.User != nil, u.Opaque != "",
		!strings.HasPrefix(address, "/"), strings.HasPrefix(u.Path, "//"), strings.Contains(address, `\`), strings.Contains(u.Path, `\`),
		strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }), strings.ContainsFunc(u.Path, unicode.IsControl):
		return "/"
	}
	return address
}

func setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	seconds := int(age.Seconds())
	if seconds <= 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func redirect(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, map[string]string{"error": message})
}
