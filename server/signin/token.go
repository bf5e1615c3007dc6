package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// skew is how far the clocks of the issuer and of this server may differ.
	skew = time.Minute
	// maxToken bounds what is looked at, in bytes.
	maxToken = 12 << 10
)

// algorithms are fixed, whatever the issuer says: none has a secret that a public
// key could be taken for.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// refusal is why a token is not good, as its sender may know.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	notGood  refusal = "the token is not good for this server"
	expired  refusal = "the token has expired"
	tooEarly refusal = "the token is not valid yet"
)

// errScope is when a token is good and does not allow enough.
var errScope = errors.New("the token lacks a scope")

// token is one that the issuer signed for an audience, now.
type token struct {
	*oidc.IDToken
	extra

	kind string // typ of the header, in lower case and without "application/"
}

type extra struct {
	NotBefore float64 `json:"nbf"`
	Party     string  `json:"azp"`
	Scope     any     `json:"scope"`
	SCP       any     `json:"scp"` // as some issuers have it instead
	CodeHash  string  `json:"c_hash"`
}

// verify returns a token of the issuer's. Its errors are a [refusal] or errUnavailable.
func (s *SignIn) verify(ctx context.Context, raw, audience string) (*token, error) {
	var header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		Key       string `json:"kid"`
	}
	first, _, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.DecodeString(first)
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 || err != nil || json.Unmarshal(data, &header) != nil ||
		!slices.Contains(algorithms, header.Algorithm) {
		return nil, notGood
	}
	keys, err := s.issuer.candidates(ctx, header.Key, header.Algorithm)
	if err != nil {
		return nil, err
	}
	set := &oidc.StaticKeySet{}
	for _, key := range keys {
		set.PublicKeys = append(set.PublicKeys, key)
	}
	verified, err := oidc.NewVerifier(s.opts.Issuer, set, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true, // with a skew, below
	}).Verify(ctx, raw)
	if err != nil {
		return nil, notGood
	}
	t := &token{IDToken: verified, kind: strings.TrimPrefix(strings.ToLower(header.Type), "application/")}
	now := time.Now()
	switch {
	case verified.Claims(&t.extra) != nil:
		return nil, notGood
	case !now.Before(t.Expiry.Add(skew)): // without exp it is the year 1
		return nil, expired
	case float64(now.Add(skew).Unix()) < t.NotBefore, now.Add(skew).Before(t.IssuedAt):
		return nil, tooEarly
	}
	return t, nil
}

// access checks an access token, of a program or of a browser.
func (s *SignIn) access(ctx context.Context, raw string) (*token, error) {
	t, err := s.verify(ctx, raw, s.opts.Audience)
	if err != nil {
		return nil, err
	}
	switch t.kind {
	case "at+jwt":
	case "jwt", "":
		// Many issuers do not tell their access tokens from others. What has any of
		// these is an ID token, which is for a client and not for a server.
		if t.Nonce != "" || t.AccessTokenHash != "" || t.CodeHash != "" {
			return nil, notGood
		}
	default:
		return nil, notGood
	}
	has := append(words(t.Scope), words(t.SCP)...)
	for _, scope := range s.opts.Scopes {
		if !slices.Contains(has, scope) {
			return nil, errScope
		}
	}
	return t, nil
}

// words are the scopes of a claim, a text or a list.
func words(claim any) (list []string) {
	switch claim := claim.(type) {
	case string:
		return strings.Fields(claim)
	case []any:
		for _, each := range claim {
			if text, ok := each.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// identity checks the ID token that came with an access token, for this sign-in.
// https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
func (s *SignIn) identity(ctx context.Context, raw, nonce, accessToken string) error {
	t, err := s.verify(ctx, raw, s.opts.ClientID)
	switch {
	case err != nil:
		return err
	case t.kind != "" && t.kind != "jwt",
		!equal(t.Nonce, nonce),
		t.Party != "" && t.Party != s.opts.ClientID,
		t.Party == "" && len(t.Audience) > 1,
		t.AccessTokenHash != "" && t.VerifyAccessToken(accessToken) != nil:
		return notGood
	}
	return nil
}
