// Package web shows a bundle to people: what there is, what each agent says,
// and how to connect a client.
//
// The pages need no JavaScript and nothing from another host. Start at [New].
package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
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
}

type site struct {
	catalog *catalog.Catalog
	opts    Options
	bodies  map[string]func() template.HTML // by digest of the agent or command
}

// New returns the handler of the pages of a catalog and of their assets. It
// answers GET and HEAD, and every path that it does not know with a page, too.
func New(c *catalog.Catalog, opts *Options) http.Handler {
	if opts == nil {
		opts = &Options{}
	}
	s := &site{catalog: c, opts: *opts, bodies: map[string]func() template.HTML{}}
	for _, a := range c.Agents {
		s.bodies[a.Digest] = sync.OnceValue(func() template.HTML { return markdown(a.Body) })
	}
	for _, k := range c.Commands {
		s.bodies[k.Digest] = sync.OnceValue(func() template.HTML { return markdown(k.Body) })
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

// page is what every template is given.
type page struct {
	Title string
	Path  string // of the request
	Site  about
	Data  any
}

// about is the same on every page.
type about struct {
	Options
	manifest.Manifest
}

func (s *site) show(w http.ResponseWriter, r *http.Request, name, title string, data any) {
	if text := s.render(w, r, name, title, data); text != nil {
		serve(w, r, name, text)
	}
}

func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	text := s.render(w, r, "notfound.html", "Not found", nil)
	if text == nil {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(text)
}

// render sets the headers of a page and returns its text. When that fails, it
// answers the request and returns nil.
func (s *site) render(w http.ResponseWriter, r *http.Request, name, title string, data any) []byte {
	p := page{Title: title, Path: r.URL.Path, Site: about{s.opts, s.catalog.Manifest}, Data: data}
	var text bytes.Buffer
	if err := templates().ExecuteTemplate(&text, name, p); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return nil
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
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
