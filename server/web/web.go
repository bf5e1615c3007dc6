// Package web shows a bundle to people: what there is, what each agent says,
// and how to connect a client.
//
// The pages need no JavaScript and nothing from another host. Start at [New].
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

//go:embed assets templates
var files embed.FS

// templates are parsed for the first page: the server must answer soon after
// its start.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "templates/*.html"))
})

// policy is the Content-Security-Policy of a page: only its own style sheet
// and script, and an icon in the page itself.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options are the optional settings of [New]. The zero value is ready to use.
type Options struct {
	// Version and Color of the server, shown below every page. Default: none.
	Version, Color string
	// PublicURL is how clients reach the server, such as https://example.com.
	// Default: what the request asked for.
	PublicURL string
	// TokensRequired says that clients must send a bearer token.
	TokensRequired bool
	// SignIn says that people and clients may sign in instead, at PublicURL.
	SignIn bool
	// Image is the digest of the image that runs. Default: none is shown.
	Image string
	// Health returns the status as /health tells it, soon. Default: none is shown.
	Health func() string
	// Top returns what is used most; see [usage.Store]. Default: uses are not shown.
	Top func(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error)
}

type site struct {
	catalog  *catalog.Catalog
	opts     Options
	bodies   map[string]func() document // by digest of the agent or command
	agents   uses
	commands uses
}

// New returns the handler of the pages of a catalog and of their assets. It
// answers GET and HEAD, and every path that it does not know with a page, too.
func New(c *catalog.Catalog, opts *Options) http.Handler {
	s := newSite(c, opts)
	for _, a := range c.Agents {
		s.bodies[a.Digest] = sync.OnceValue(func() document { return markdown(a.Body) })
	}
	for _, k := range c.Commands {
		s.bodies[k.Digest] = sync.OnceValue(func() document { return markdown(k.Body) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /agents/{name}", s.agent)
	mux.HandleFunc("GET /commands/{name}", s.command)
	mux.HandleFunc("GET /connect", s.connect)
	mux.HandleFunc("GET /assets/{file}", s.asset)
	mux.HandleFunc("GET /", s.notFound)
	return mux
}

func newSite(c *catalog.Catalog, opts *Options) *site {
	s := &site{catalog: c, bodies: map[string]func() document{}}
	if opts != nil {
		s.opts = *opts
	}
	s.agents = uses{top: s.opts.Top, kind: usage.KindAgent, limit: len(c.Agents)}
	s.commands = uses{top: s.opts.Top, kind: usage.KindCommand, limit: len(c.Commands)}
	return s
}

// page is what every template is given.
type page struct {
	Title string
	Path  string // of the request
	Style template.CSS
	// SignIn is where to sign in to see what an error keeps from who asked.
	SignIn string
	Site   about
	Data   any
}

// about is the same on every page.
type about struct {
	Options
	manifest.Manifest

	Status string
}

func (s *site) show(w http.ResponseWriter, r *http.Request, name, title string, data any) {
	if text := s.render(w, r, name, page{Title: title, Data: data}); text != nil {
		serve(w, r, name, text)
	}
}

func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, http.StatusNotFound, "Not found", "There is no page at this address. It may have been renamed in a newer bundle.")
}

// fail answers with a page that stands on its own.
func (s *site) fail(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	style, _ := files.ReadFile("assets/style.css")
	body := s.render(w, r, "error.html", page{Title: title, Style: template.CSS(style), SignIn: s.signIn(r, status), Data: text}) //nolint:gosec // our own
	if body == nil {
		return
	}
	sum := sha256.Sum256(style)
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, "style-src 'self'",
		"style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", 1))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// render sets the headers of a page and returns its text. When that fails, it
// answers the request and returns nil.
func (s *site) render(w http.ResponseWriter, r *http.Request, name string, p page) []byte {
	p.Path, p.Site = r.URL.Path, about{Options: s.opts, Manifest: s.catalog.Manifest}
	if s.opts.Health != nil {
		p.Site.Status = s.opts.Health()
	}
	var text bytes.Buffer
	if err := templates().ExecuteTemplate(&text, name, p); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return nil
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.opts.SignIn {
		// Without any referrer the form that signs out would come from the origin "null".
		// https://fetch.spec.whatwg.org/#append-a-request-origin-header
		w.Header().Set("Referrer-Policy", "same-origin")
	}
	return text.Bytes()
}

func (s *site) asset(w http.ResponseWriter, r *http.Request) {
	name := "assets/" + r.PathValue("file")
	data, err := files.ReadFile(name)
	if err != nil {
		s.notFound(w, r)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	serve(w, r, name, data)
}

// serve answers with data, or 304 when the client has it. Clients always ask:
// behind one name, both colours may answer, each with pages and assets of its
// own version.
func serve(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+manifest.Sum(data)+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}
