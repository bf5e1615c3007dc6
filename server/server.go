package server

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// Version is the version of codeflow-server. It is a constant in the source,
// not a linker flag, so that only a change of the server changes its binary.
const Version = "0.1.0"

// Options are the optional settings of [New]. The zero value is ready to use.
type Options struct {
	// Color is the stack's colour, as reported by /health. Default: empty.
	Color string
	// Logger gets the reason when the bundle cannot be served.
	// Default: [slog.Default].
	Logger *slog.Logger
	// Now is the clock. Default: [time.Now].
	Now func() time.Time
}

type handler struct {
	color        string
	now          func() time.Time
	bundleDigest string
	reason       string // why the bundle cannot be served, empty when it can
}

// New returns the handler for one bundle. A bundle that is missing or does
// not match its manifest is reported by /health, not as an error here.
func New(bundle fs.FS, opts *Options) http.Handler {
	if opts == nil {
		opts = &Options{}
	}
	h := &handler{color: opts.Color, now: opts.Now}
	if h.now == nil {
		h.now = time.Now
	}
	log := opts.Logger
	if log == nil {
		log = slog.Default()
	}

	if m, err := manifest.Read(bundle); err != nil {
		h.reason = err.Error()
		log.Error("bundle cannot be served", "error", err)
	} else {
		h.bundleDigest = m.BundleDigest
		log.Info("bundle loaded", "bundleDigest", m.BundleDigest, "agents", len(m.Agents), "commands", len(m.Commands))
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", h.health)
	mux.HandleFunc("/", notFound)
	return mux
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, map[string]string{"error": "not found"})
}

// writeJSON answers with body as JSON. Encoding the server's own types cannot
// fail, and a client that went away is not an error.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
