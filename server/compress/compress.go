// Package compress makes answers smaller for clients that take gzip.
//
// It keeps no state between the writes of an answer, which takes a little more bytes
// than other levels of gzip and no memory: those keep a megabyte for each answer that
// is being written.
//
// Start at [New].
package compress

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Least is how many bytes an answer must have to be worth it.
const Least = 1 << 10

var encoding = []string{"gzip"}

// New compresses the answers of a handler that say their length and have no encoding.
func New(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Vary"] = append(h["Vary"][:len(h["Vary"]):len(h["Vary"])], "Accept-Encoding")
		if r.Method == http.MethodHead || len(r.Header["Range"]) > 0 || !Taken(r) {
			next.ServeHTTP(w, r)
			return
		}
		c := &writer{ResponseWriter: w}
		next.ServeHTTP(c, r)
		if c.gzip != nil {
			_ = c.gzip.Close() // or the client went away
		}
	})
}

// Taken reports whether a client takes gzip.
func Taken(r *http.Request) bool {
	for _, value := range r.Header["Accept-Encoding"] {
		for each := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(each, ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding[0]) {
				_, q, _ := strings.Cut(weight, "=")
				value, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
				return err != nil || value > 0
			}
		}
	}
	return false
}

// writer compresses what is written, if that is worth it.
type writer struct {
	http.ResponseWriter

	begun bool
	gzip  *gzip.Writer // nil: as it is
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	h := w.Header()
	length, _ := strconv.Atoi(h.Get("Content-Length"))
	if !w.begun && status == http.StatusOK && length >= Least && h["Content-Encoding"] == nil {
		h["Content-Encoding"] = encoding
		delete(h, "Content-Length")
		if tag := h["Etag"]; len(tag) > 0 && !strings.HasPrefix(tag[0], "W/") {
			h["Etag"] = []string{"W/" + tag[0]} // the same text in other bytes
		}
		w.gzip, _ = gzip.NewWriterLevel(w.ResponseWriter, gzip.StatelessCompression) // there is this level
	}
	w.begun = w.begun || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.gzip != nil {
		return w.gzip.Write(p)
	}
	return w.ResponseWriter.Write(p)
}
