package server

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/api"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/compress"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/rpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/web"
)

// Version is the version of codeflow-server. It is a constant in the source,
// not a linker flag, so that only a change of the server changes its binary.
const Version = "0.2.0"

// Options are the optional settings of [New]. The zero value serves everybody
// and counts nothing.
type Options struct {
	// Color is the stack's colour, as reported by /health. Default: empty.
	Color string
	// PublicURL is where clients reach the server, as its web page shows it.
	// Default: where the request for the page went.
	PublicURL string
	// Image is the digest of the image that runs, as the web page shows it.
	// Default: none is shown.
	Image string
	// Workspace is the directory of the agents' files on this host.
	Workspace string
	// Guard says which requests are handled.
	Guard guard.Options
	// SignIn lets in who its issuer gives a token, besides who has one of the
	// guard's. Default: nobody.
	SignIn *signin.SignIn
	// Database is what /health says of the database. Default: it is off.
	Database *Database
	// Recorder gets an event for each use. Default: [usage.Discard].
	Recorder usage.Recorder
	// Top returns what is used most. Default: usage is off.
	Top func(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error)
	// Observe is called around each MCP request; see [mcpserver.Options].
	Observe func(ctx context.Context, method string) (context.Context, func(name string, failed bool))
	// Logger gets what operators must know. Default: [slog.Default].
	Logger *slog.Logger
}

// Server serves one bundle.
type Server struct {
	health  *health
	log     *slog.Logger
	handler http.Handler
	page    web.Options
	mcp     *mcpserver.Server // nil without a bundle
}

// New returns the server of one bundle. A bundle that is missing or does not
// match its manifest is reported by /health, not as an error here.
func New(bundle fs.FS, opts *Options) *Server {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Guard.Open, o.Guard.Refuse = isDiscovery, refuse
	if o.SignIn != nil {
		paths := signin.Paths()
		o.Guard.SignIn = o.SignIn.Admit
		o.Guard.Open = func(r *http.Request) bool { return isDiscovery(r) || slices.Contains(paths, r.URL.Path) }
	}
	s := &Server{log: o.Logger}
	s.page = web.Options{
		Version: Version, Color: o.Color, PublicURL: o.PublicURL, TokensRequired: o.Guard.Private(), SignIn: o.SignIn != nil,
		Image: o.Image, Health: func() string { return s.health.current(context.Background()).state }, Top: o.Top,
	}
	c, err := catalog.Load(bundle)
	if err != nil {
		o.Logger.Error("bundle cannot be served", "error", err)
		s.health = newHealth(o, "", err)
		s.handler = s.routes(guard.New(http.HandlerFunc(noBundle), o.Guard))
		return s
	}
	o.Logger.Info("bundle loaded", "bundleDigest", c.Manifest.BundleDigest, "agents", len(c.Agents), "commands", len(c.Commands))
	s.health = newHealth(o, c.Manifest.BundleDigest, nil)
	protocol := mcpserver.New(c, &mcpserver.Options{
		Version: Version, Recorder: o.Recorder, Observe: o.Observe, Workspace: o.Workspace,
		Private: o.Guard.Private(),
		Logger:  o.Logger,
	})
	s.mcp = protocol
	mux := http.NewServeMux()
	mux.Handle("/mcp", protocol)
	mux.HandleFunc("/mcp/{$}", func(w http.ResponseWriter, r *http.Request) { // as some clients write it
		r.Pattern = "/mcp" // it is the same route
		protocol.ServeHTTP(w, r)
	})
	for _, path := range discovery {
		mux.HandleFunc(path, noAuthorization)
	}
	if o.SignIn != nil {
		for _, path := range signin.Paths() {
			mux.Handle(path, o.SignIn)
		}
	}
	mux.Handle(api.Root, api.New(c, &api.Options{Version: Version, Recorder: o.Recorder, Top: o.Top}))
	mux.Handle("/", web.New(c, &s.page))
	s.handler = s.routes(guard.New(compress.New(mux), o.Guard))
	return s
}

// routes answers what load balancers ask before anything else is looked at. It is no
// [http.ServeMux]: another one is behind it, and each takes its time of every request.
func (s *Server) routes(guarded http.Handler) http.Handler {
	probes := map[string]http.Handler{"/health": s.health, "/livez": http.HandlerFunc(livez)}
	guarded = web.Errors(guarded, &s.page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if probe, ok := probes[r.URL.Path]; ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			r.Pattern = r.URL.Path
			probe.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// BundleDigest identifies what is served; it is empty when nothing can be.
func (s *Server) BundleDigest() string { return s.health.bundleDigest }

// MCP returns the server of the protocol, for other transports than HTTP, or nil
// when the bundle cannot be served.
func (s *Server) MCP() *mcpserver.Server { return s.mcp }

// livez depends on nothing: it answers while the process does.
func livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// discovery are the paths where clients look for an authorization server before
// they send the token that they have. This server is none. Without sign-in there is
// no other, and the protocol's metadata of the resource, which must name one, would
// lead them to nowhere: so they are told that, in JSON, and need no token to be.
// Some clients give up on anything else.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#authorization-server-discovery
var discovery = []string{"/.well-known/", "/mcp/.well-known/", "/authorize", "/register", "/token"}

func isDiscovery(r *http.Request) bool {
	return slices.ContainsFunc(discovery, func(path string) bool {
		return r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path)
	})
}

func noAuthorization(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, map[string]string{
		"error": "not_found", "error_description": "this server is no authorization server: its operators give bearer tokens, or /.well-known/oauth-protected-resource/mcp names who does",
	})
}

// refuse answers a client of the protocol in its own words.
func refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if strings.TrimSuffix(r.URL.Path, "/") == "/mcp" {
		rpc.Refuse(w, status, refused, message)
		return
	}
	writeJSON(w, status, map[string]string{"error": message})
}

// refused is a code of JSON-RPC that servers may use as they like.
const refused = -32000

func noBundle(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "the bundle cannot be served: see /health"})
}

// writeJSON answers with body as JSON. Encoding the server's own types cannot
// fail, and a client that went away is not an error.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
