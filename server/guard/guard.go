package guard

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// Reasons for a refusal, as [Options].Refused gets them.
const (
	ReasonHost   = "host"
	ReasonOrigin = "origin"
	ReasonToken  = "token"
	ReasonScope  = "scope"
	ReasonIssuer = "issuer"
	ReasonBody   = "body"
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
	// SignIn lets in who has none of the tokens, or says why not. Default: nobody.
	SignIn func(*http.Request) *Refusal
	// Open reports whether a request needs no token. Default: none.
	Open func(*http.Request) bool
	// Concurrency is how many requests are handled at once; further ones are
	// told to come back. Default: 512.
	Concurrency int
	// Each is how many of them may be of one client. Default: 64.
	Each int
	// Proxies is how many there are that add who connects to them to
	// X-Forwarded-For. Default: clients connect themselves.
	Proxies int
	// MaxBody is how many bytes of a request's body are read. Default: 64 KiB.
	MaxBody int64
	// Refuse answers a request that is refused. Default: with a message in JSON.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, message string)
	// Refused is told why a request was refused. Default: nothing.
	Refused func(reason string)
}

const (
	defaultConcurrency = 512
	defaultEach        = 64
	defaultMaxBody     = 64 << 10
)

// Refusal is why a request may not use the server.
type Refusal struct {
	Status    int    // of the answer
	Reason    string // one of those above
	Challenge string // WWW-Authenticate, or ""
	Message   string // for the client
}

// Private reports whether requests must have a token.
func (o Options) Private() bool { return len(o.Tokens) > 0 || o.Rotating != nil || o.SignIn != nil }

func (o Options) tokens() Tokens {
	if o.Rotating != nil {
		return o.Rotating.tokens()
	}
	return o.Tokens
}

// admit reports why a request may not use the server, or nil when it may.
func (o Options) admit(r *http.Request) *Refusal {
	switch {
	case !o.Private() || o.Open(r) || o.tokens().admit(r):
		return nil
	case o.SignIn != nil:
		return o.SignIn(r)
	}
	return &Refusal{http.StatusUnauthorized, ReasonToken, `Bearer realm="codeflow"`, "a valid bearer token is needed"}
}

func (o Options) withDefaults() Options {
	o.Concurrency = cmp.Or(o.Concurrency, defaultConcurrency)
	o.Each = cmp.Or(o.Each, defaultEach)
	o.MaxBody = cmp.Or(o.MaxBody, defaultMaxBody)
	if o.Open == nil {
		o.Open = func(*http.Request) bool { return false }
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.Refuse == nil {
		o.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, message string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
		}
	}
	return o
}

// New returns a handler that lets only good requests through to next, with their
// bodies in memory.
func New(next http.Handler, opts Options) http.Handler {
	opts = opts.withDefaults()
	slots, bodies := newLimit(opts.Concurrency, opts.Each), newBodies(opts.MaxBody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		refuse := func(status int, reason, message string) {
			opts.Refused(reason)
			switch reason {
			case ReasonBusy:
				w.Header().Set("Retry-After", "1")
			case ReasonIssuer:
				w.Header().Set("Retry-After", "10")
			}
			opts.Refuse(w, r, status, message)
		}
		switch {
		case !opts.ourHost(r):
			refuse(http.StatusForbidden, ReasonHost, "this server is not the host of the request")
			return
		case !opts.ourOrigin(r):
			refuse(http.StatusForbidden, ReasonOrigin, "web pages of this origin may not use this server")
			return
		case shared(w.Header(), r):
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if refusal := opts.admit(r); refusal != nil {
			if refusal.Challenge != "" {
				w.Header().Set("WWW-Authenticate", refusal.Challenge)
			}
			refuse(refusal.Status, refusal.Reason, refusal.Message)
			return
		}
		client := opts.client(r)
		release, err := bodies.read(w, r, client)
		defer release()
		if err != nil {
			linger(w)
			refuse(refusal(err))
			return
		}
		if !slots.take(client) {
			refuse(http.StatusServiceUnavailable, ReasonBusy, errBusy.Error())
			return
		}
		defer slots.release(client)
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
