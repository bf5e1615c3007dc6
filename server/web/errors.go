package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// failures are what people are told about a status, and what they can do.
var failures = map[int]struct{ title, text string }{
	http.StatusUnauthorized:       {"A token is needed", "This server is for those who have a bearer token, which browsers cannot send. Connect a client with yours, or ask whoever runs the server for one."},
	http.StatusForbidden:          {"Not allowed", "This server does not take requests for this address or from this origin."},
	http.StatusNotFound:           {"Not found", "There is nothing at this address."},
	http.StatusTooManyRequests:    {"Too many requests", "Wait a moment, then try again."},
	http.StatusServiceUnavailable: {"Not available", "The server cannot answer now. Wait a moment, then try again."},
}

// signInFailures are those where people can sign in.
var signInFailures = map[int]struct{ title, text string }{
	http.StatusBadRequest:   {"Not signed in", "The sign-in took too long, or began in another browser. Begin again."},
	http.StatusUnauthorized: {"Sign in", "This server is for those who sign in."},
	http.StatusForbidden:    {"Not allowed", "Your account may not use this server, or the request came from another page. Ask whoever runs the server."},
}

// signIn is where people can do so after a failure, at the one address that the
// issuer sends them back to.
func (s *site) signIn(r *http.Request, status int) string {
	if _, ok := signInFailures[status]; !ok || !s.opts.SignIn {
		return ""
	}
	to := r.URL.RequestURI()
	if strings.HasPrefix(to, "/sign-in") {
		to = "/"
	}
	return s.base(r) + "/sign-in?to=" + url.QueryEscape(to)
}

// Errors shows people a page where next answers an error as JSON. Programs,
// which do not ask for HTML, get the JSON. The page needs nothing else from
// the server: that may be refused, too.
func Errors(next http.Handler, opts *Options) http.Handler {
	s := newSite(&catalog.Catalog{}, opts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			w = &errorWriter{ResponseWriter: w, request: r, site: s}
		}
		next.ServeHTTP(w, r)
	})
}

// errorWriter replaces an error in JSON.
type errorWriter struct {
	http.ResponseWriter

	request  *http.Request
	site     *site
	replaced bool
}

// Unwrap is for [http.ResponseController].
func (w *errorWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *errorWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.replaced = true
	w.Header().Del("Content-Length")
	told, ok := failures[status]
	if w.site.opts.SignIn && signInFailures[status].title != "" {
		told, ok = signInFailures[status], true
	}
	if !ok {
		told.title = http.StatusText(status)
	}
	w.site.fail(w.ResponseWriter, w.request, status, told.title, told.text)
}

// Write implements [http.ResponseWriter].
func (w *errorWriter) Write(data []byte) (int, error) {
	if w.replaced {
		return len(data), nil
	}
	return w.ResponseWriter.Write(data)
}
