// Package api answers the HTTP API: the catalog as JSON, and what is used most.
// Answers carry an ETag made of the manifest's digests, so that a client that
// has the current bundle downloads nothing.
//
// Start at [New].
package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// Root is the path that every route of [New] is under.
const Root = "/api/v1/"

const (
	defaultDays = 30
	maxDays     = 365
	defaultTop  = 10
	maxTop      = 100
)

// Options are the optional settings of [New]. The zero value is ready to use.
type Options struct {
	// Version of the server: another one may answer the same bundle otherwise.
	Version string
	// Recorder gets an event for each agent and command that is read.
	// Default: [usage.Discard].
	Recorder usage.Recorder
	// Top returns what is used most; see [usage.Store]. Default: usage is off.
	Top func(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error)
}

type server struct {
	Options
	catalog *catalog.Catalog
}

// New returns the handler of every route under [Root].
func New(c *catalog.Catalog, opts *Options) http.Handler {
	s := &server{catalog: c}
	if opts != nil {
		s.Options = *opts
	}
	if s.Recorder == nil {
		s.Recorder = usage.Discard{}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/manifest", s.static("manifest", c.Manifest))
	mux.HandleFunc("GET /api/v1/agents", s.agents())
	mux.Handle("GET /api/v1/commands", s.static("commands", map[string]any{"commands": c.Commands}))
	mux.HandleFunc("GET /api/v1/agents/{name}", s.agent)
	mux.HandleFunc("GET /api/v1/commands/{name}", s.command)
	mux.HandleFunc("GET /api/v1/usage/{kind}", s.usage)
	mux.HandleFunc("GET "+Root, func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Sprintf("nothing is at %q", r.URL.Path))
	})
	return mux
}

// static answers with what depends on the bundle alone, encoded once.
func (s *server) static(name string, v any) http.Handler {
	body := encode(v)
	tag := s.tag(s.catalog.Manifest.BundleDigest, name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, "application/json", tag, body)
	})
}

// agents answers with a page of them. The first one, which most ask for, is encoded once.
func (s *server) agents() http.HandlerFunc {
	tag := s.tag(s.catalog.Manifest.BundleDigest, "agents")
	page := func(after string, limit int) []byte {
		agents, next := catalog.Page(s.catalog.Agents, after, limit)
		return encode(struct {
			Agents []*catalog.Agent `json:"agents"`
			Total  int              `json:"total"`
			Next   string           `json:"nextCursor,omitempty"`
		}{agents, len(s.catalog.Agents), next})
	}
	first := page("", catalog.MaxPage)
	return func(w http.ResponseWriter, r *http.Request) {
		body := first
		if r.URL.RawQuery != "" {
			limit, err := number(r, "limit", catalog.MaxPage, catalog.MaxPage)
			if err != nil {
				fail(w, http.StatusBadRequest, err.Error())
				return
			}
			body = page(r.URL.Query().Get("cursor"), limit)
		}
		serve(w, r, "application/json", tag, body)
	}
}

func (s *server) agent(w http.ResponseWriter, r *http.Request) {
	a := s.catalog.Agent(r.PathValue("name"))
	if a == nil {
		fail(w, http.StatusNotFound, fmt.Sprintf("no agent is named %q", r.PathValue("name")))
		return
	}
	format := r.URL.Query().Get("format")
	text, err := a.Text(cmp.Or(format, catalog.Base))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	defer s.record(r, usage.KindAgent, a.Name, time.Now())
	if format != "" {
		serveFile(w, r, a.Name, s.tag(a.Digest, format), text)
		return
	}
	serve(w, r, "application/json", s.tag(a.Digest, "json"), encode(struct {
		*catalog.Agent
		Text string `json:"text"`
	}{a, text}))
}

func (s *server) command(w http.ResponseWriter, r *http.Request) {
	k := s.catalog.Command(r.PathValue("name"))
	if k == nil {
		fail(w, http.StatusNotFound, fmt.Sprintf("no command is named %q", r.PathValue("name")))
		return
	}
	defer s.record(r, usage.KindCommand, k.Name, time.Now())
	switch format := r.URL.Query().Get("format"); format {
	case catalog.Base:
		serveFile(w, r, k.Name, s.tag(k.Digest, format), k.Text)
	case "":
		serve(w, r, "application/json", s.tag(k.Digest, "json"), encode(struct {
			*catalog.Command
			Text string `json:"text"`
		}{k, k.Text}))
	default:
		fail(w, http.StatusBadRequest, fmt.Sprintf("format must be %s, got %q", catalog.Base, format))
	}
}

// usageKinds are the kinds by the plural that stands in a path.
var usageKinds = map[string]string{"agents": usage.KindAgent, "commands": usage.KindCommand, "tools": usage.KindTool}

func (s *server) usage(w http.ResponseWriter, r *http.Request) {
	kind, known := usageKinds[r.PathValue("kind")]
	if !known {
		fail(w, http.StatusNotFound, fmt.Sprintf("usage is of agents, commands or tools, not of %q", r.PathValue("kind")))
		return
	}
	if s.Top == nil {
		fail(w, http.StatusServiceUnavailable, "usage is off: the server has no database")
		return
	}
	days, err := number(r, "days", defaultDays, maxDays)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	limit, err := number(r, "limit", defaultTop, maxTop)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	counts, err := s.Top(r.Context(), kind, time.Now().AddDate(0, 0, -days), limit)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "usage cannot be read now: the database does not answer")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(encode(map[string]any{"days": days, "usage": slices.Concat([]usage.Count{}, counts)}))
}

// number reads a parameter from 1 to most.
func number(r *http.Request, name string, fallback, most int) (int, error) {
	value := r.URL.Query().Get(name)
	if value == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s must be a number from 1 to %d, got %q", name, most, value)
	}
	return n, nil
}

func (s *server) record(r *http.Request, kind, name string, start time.Time) {
	product, _, _ := strings.Cut(r.UserAgent(), " ")
	s.Recorder.Record(usage.Event{Time: start, Kind: kind, Name: name, Client: product, Latency: time.Since(start)})
}

// tag is the ETag of a representation of what has a digest.
func (s *server) tag(digest, representation string) string {
	return fmt.Sprintf(`"%s-%s-%s"`, strings.TrimPrefix(digest, "sha256:"), representation, s.Version)
}

func serveFile(w http.ResponseWriter, r *http.Request, name, tag, text string) {
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename=%q`, name+".md"))
	serve(w, r, "text/markdown; charset=utf-8", tag, []byte(text))
}

// serve answers with a body, or without where the client has it already. What
// has no condition is written at once: that is twice as fast.
func serve(w http.ResponseWriter, r *http.Request, contentType, tag string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", tag)
	if len(r.Header["If-None-Match"])+len(r.Header["If-Match"])+len(r.Header["Range"]) > 0 {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) //nolint:gosec // it is JSON or text of the bundle, by its Content-Type and nosniff
	}
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]string{"error": message}))
}

// encode returns JSON of the server's own types, which cannot fail.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return b.Bytes()
}
