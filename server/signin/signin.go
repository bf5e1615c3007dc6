package signin

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin/rule"
)

// Options say who signs people in. All are required but Scopes, ClientID and Logger.
type Options struct {
	// Issuer is the URL that the issuer's tokens name, exactly.
	Issuer string
	// Audience is what the issuer calls this server in its tokens.
	Audience string
	// Scopes are those that a token must have, each of them. Default: none.
	Scopes []string
	// ClientID is what the issuer calls this server's web page, a client without a
	// secret. Default: the audience.
	ClientID string
	// URL is where clients reach the server, without a path.
	URL string
	// Logger gets what operators must know. Default: [slog.Default].
	Logger *slog.Logger
}

// Check returns each thing that is wrong; errors begin with the option's name.
func (o Options) Check() (errs []error) {
	if !rule.URL(o.Issuer) {
		errs = append(errs, fmt.Errorf("issuer must be an https URL without a query, or http of this machine, got %q: "+
			"it is what the issuer's /.well-known/openid-configuration has as issuer", o.Issuer))
	}
	if o.Audience == "" || !rule.Word(o.Audience) {
		errs = append(errs, fmt.Errorf("audience must be what the issuer's tokens for this server have as aud, got %q", o.Audience))
	}
	if !rule.Word(o.ClientID) {
		errs = append(errs, fmt.Errorf("client must be a client id without spaces, got %q", o.ClientID))
	}
	for i, scope := range o.Scopes {
		if !rule.Scope(o.Scopes, i) {
			errs = append(errs, fmt.Errorf("scopes must be different ones, as the issuer's tokens have them, got %q", scope))
		}
	}
	return errs
}

// CheckURL returns what is wrong with [Options].URL.
func CheckURL(text string) error {
	if u, err := url.Parse(text); !rule.URL(text) || err != nil || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("must be an https URL without a path, or http of this machine, got %q", text)
	}
	return nil
}

// SignIn knows who may use the server. [SignIn.Follow] keeps it up to date.
type SignIn struct {
	opts   Options
	issuer *issuer
	mux    *http.ServeMux
}

const (
	metadataPath = "/.well-known/oauth-protected-resource"
	signInPath   = "/sign-in"
	callbackPath = "/sign-in/callback"
	signOutPath  = "/sign-out"
	endpoint     = "/mcp"
)

// Paths are those that [SignIn.ServeHTTP] answers, to everybody.
func Paths() []string {
	return []string{metadataPath, metadataPath + endpoint, signInPath, callbackPath, signOutPath}
}

// New returns the sign-in of good options. It asks the issuer nothing yet.
func New(opts Options) (*SignIn, error) {
	if err := errors.Join(append(opts.Check(), CheckURL(opts.URL))...); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	opts.ClientID, opts.URL = cmp.Or(opts.ClientID, opts.Audience), strings.TrimSuffix(opts.URL, "/")
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	s := &SignIn{opts: opts, issuer: newIssuer(opts.Issuer, opts.Logger), mux: http.NewServeMux()}
	s.mux.HandleFunc("GET "+metadataPath, s.metadata)
	s.mux.HandleFunc("GET "+metadataPath+endpoint, s.metadata)
	s.mux.HandleFunc("GET "+signInPath, s.begin)
	s.mux.HandleFunc("GET "+callbackPath, s.finish)
	s.mux.HandleFunc("POST "+signOutPath, s.end)
	return s, nil
}

// ServeHTTP answers the requests of [Paths].
func (s *SignIn) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// metadata leads clients to the issuer. Each resource has its own:
// https://www.rfc-editor.org/rfc/rfc9728#section-3.3
func (s *SignIn) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	writeJSON(w, http.StatusOK, oauthex.ProtectedResourceMetadata{
		Resource:               s.opts.URL + strings.TrimPrefix(r.URL.Path, metadataPath),
		AuthorizationServers:   []string{s.opts.Issuer},
		ScopesSupported:        s.opts.Scopes,
		BearerMethodsSupported: []string{"header"},
		ResourceName:           "CodeFlow",
	})
}
