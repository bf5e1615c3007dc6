package guard

import (
	"encoding/json"
	"net/http"
)

// Reasons for a refusal, as [Options].Refused gets them.
const (
	ReasonHost   = "host"
	ReasonOrigin = "origin"
	ReasonToken  = "token"
	ReasonBusy   = "busy"
)

// Options are the optional settings of [New]. The zero value lets everybody in.
type Options struct {
	// Hosts are the host names that requests may be for and web pages may send
	// them from, without a port. Default: any host, or only this machine's own
	// names where a request came in on a loopback address.
	Hosts []string
	// Tokens are the bearer tokens that requests must have one of. Default: none needed.
	Tokens Tokens
	// Rotating are such tokens that change while the server runs, instead of Tokens.
	Rotating *Rotating
	// Concurrency is how many requests are handled at once; further ones are
	// told to come back. Default: 512.
	Concurrency int
	// MaxBody is how many bytes of a request's body are read. Default: 1 MiB.
	MaxBody int64
	// Refused is told why a request was refused. Default: nothing.
	Refused func(reason string)
}

const (
	defaultConcurrency = 512
	defaultMaxBody     = 1 << 20
)

// Private reports whether requests must have a token.
func (o Options) Private() bool { return len(o.Tokens) > 0 || o.Rotating != nil }

func (o Options) tokens() Tokens {
	if o.Rotating != nil {
		return o.Rotating.tokens()
	}
	return o.Tokens
}

// New returns a handler that lets only good requests through to next.
func New(next http.Handler, opts Options) http.Handler {
	if opts.Concurrency == 0 {
		opts.Concurrency = defaultConcurrency
	}
	if opts.MaxBody == 0 {
		opts.MaxBody = defaultMaxBody
	}
	if opts.Refused == nil {
		opts.Refused = func(string) {}
	}
	slots := make(chan struct{}, opts.Concurrency)
	refuse := func(w http.ResponseWriter, status int, reason, message string) {
		opts.Refused(reason)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case !opts.ourHost(r):
			refuse(w, http.StatusForbidden, ReasonHost, "this server is not the host of the request")
			return
		case !opts.ourOrigin(r):
			refuse(w, http.StatusForbidden, ReasonOrigin, "web pages of this origin may not use this server")
			return
		case opts.Private() && !opts.tokens().admit(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="codeflow"`)
			refuse(w, http.StatusUnauthorized, ReasonToken, "a valid bearer token is needed")
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, ReasonBusy, "the server is busy")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, opts.MaxBody)
		next.ServeHTTP(w, r)
	})
}

// secure sets the headers of OWASP's list that fit an API; a page adds its own
// Content-Security-Policy.
// https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
func secure(h http.Header) {
	h["X-Content-Type-Options"] = noSniff
	h["X-Frame-Options"] = deny
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noContent
	h["Strict-Transport-Security"] = httpsOnly // ignored by browsers over HTTP
	h["Cross-Origin-Resource-Policy"] = sameOrigin
}

var (
	noSniff    = []string{"nosniff"}
	deny       = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	httpsOnly  = []string{"max-age=31536000"}
	sameOrigin = []string{"same-origin"}
)
