package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin/rule"
)

const (
	// interval is how often the issuer's keys are read, pause how soon again when
	// that failed or a token has a key that is not among them.
	interval = 5 * time.Minute
	pause    = 10 * time.Second
	// longest is how old keys may get when the issuer does not answer: who keeps it
	// from answering must not keep a key that it took back.
	longest = time.Hour
	// askTimeout is for all that is asked of the issuer at once, maxAnswer for the
	// bytes of one answer, maxKeys for how many keys of it count.
	askTimeout = 5 * time.Second
	maxAnswer  = 256 << 10
	maxKeys    = 64
)

// errUnavailable is when nobody can say whether a token is good.
var errUnavailable = errors.New("the issuer of the tokens cannot be reached")

// issuer is what the issuer says of itself.
type issuer struct {
	url    string
	client *http.Client
	log    *slog.Logger
	pause  time.Duration

	asking sync.Mutex // held while it is asked; others wait for the answer
	asked  time.Time
	failed error // of the last time

	mu    sync.RWMutex
	known *known
}

// known is what it said.
type known struct {
	at       time.Time
	endpoint oauth2.Endpoint
	keys     []jose.JSONWebKey
}

func newIssuer(issuerURL string, log *slog.Logger) *issuer {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	return &issuer{url: issuerURL, log: log, pause: pause, client: &http.Client{
		Timeout: askTimeout, Transport: bounded{transport},
		// It could lead anywhere inside the network.
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}}
}

// bounded lets no answer be too large.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// Follow reads the issuer's keys until ctx is done. The server needs no issuer to
// start, and none to be healthy.
func (s *SignIn) Follow(ctx context.Context) {
	for ctx.Err() == nil {
		wait := interval
		if s.issuer.ask(ctx) != nil {
			wait = s.issuer.pause
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// ask asks the issuer anew. Soon after the last time it only tells how that was.
func (i *issuer) ask(ctx context.Context) error {
	i.asking.Lock()
	defer i.asking.Unlock()
	if time.Since(i.asked) < i.pause {
		return i.failed
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	now, err := i.read(ctx)
	switch before := i.failed; {
	case errors.Is(ctx.Err(), context.Canceled): // the server stops
	case err != nil && before == nil:
		i.log.Warn("the issuer of the tokens cannot be used: its last keys are good for "+longest.String(), "issuer", i.url, "error", fmt.Sprintf("%.300s", err))
	case err == nil && (before != nil || i.asked.IsZero()):
		i.log.Info("the issuer of the tokens is known", "issuer", i.url, "keys", len(now.keys))
	}
	i.asked, i.failed = time.Now(), err
	if err == nil {
		i.mu.Lock()
		i.known = now
		i.mu.Unlock()
	}
	return err
}

func (i *issuer) read(ctx context.Context) (*known, error) {
	ctx = oidc.ClientContext(ctx, i.client)
	provider, err := oidc.NewProvider(ctx, i.url)
	if err != nil {
		return nil, fmt.Errorf("reading its metadata: %w", err)
	}
	var more struct {
		Keys string   `json:"jwks_uri"`
		PKCE []string `json:"code_challenge_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("reading its metadata: %w", err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // a client without a secret
	for name, address := range map[string]string{
		"jwks_uri": more.Keys, "authorization_endpoint": endpoint.AuthURL, "token_endpoint": endpoint.TokenURL,
	} {
		if !i.mayName(address) {
			return nil, fmt.Errorf("its metadata has %q as %s: it must be an https URL", address, name)
		}
	}
	keys, err := i.readKeys(ctx, more.Keys)
	if err != nil {
		return nil, fmt.Errorf("reading its keys: %w", err)
	}
	return &known{time.Now(), endpoint, keys}, nil
}

// mayName reports whether the issuer's metadata may have a URL, which may have a
// query, but be no less safe than the issuer itself.
func (i *issuer) mayName(address string) bool {
	bare, _, _ := strings.Cut(address, "?")
	u, err := url.Parse(bare)
	return err == nil && rule.URL(bare) && (u.Scheme == "https" || strings.HasPrefix(i.url, "http:"))
}

func (i *issuer) readKeys(ctx context.Context, address string) (keys []jose.JSONWebKey, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := i.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, err
	}
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		// What is of another kind, symmetric or not for signatures is left out.
		if json.Unmarshal(raw, &key) == nil && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is none that can be used")
	}
	return keys, nil
}

// current is what is known, unless that is too old.
func (i *issuer) current(ctx context.Context) (*known, error) {
	k := i.last()
	if k == nil {
		_ = i.ask(context.WithoutCancel(ctx)) // others wait for it, too
		k = i.last()
	}
	if k == nil || time.Since(k.at) > longest {
		return nil, errUnavailable
	}
	return k, nil
}

func (i *issuer) last() *known {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.known
}

// candidates are the keys that may have signed a token. Those of a name that is not
// known are asked for: issuers change them.
// https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
func (i *issuer) candidates(ctx context.Context, name, algorithm string) ([]any, error) {
	k, err := i.current(ctx)
	if err != nil {
		return nil, err
	}
	if keys := k.named(name, algorithm); len(keys) > 0 {
		return keys, nil
	}
	if i.ask(context.WithoutCancel(ctx)) != nil {
		return nil, errUnavailable
	}
	return i.last().named(name, algorithm), nil
}

func (k *known) named(name, algorithm string) (keys []any) {
	for _, key := range k.keys {
		if (name == "" || key.KeyID == name) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			keys = append(keys, key.Key)
		}
	}
	return keys
}
