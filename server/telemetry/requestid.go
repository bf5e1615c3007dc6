package telemetry

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// requestIDHeader carries the id of a request, in both directions. It is in
// canonical form, so that a header's map can be used without the cost of
// [http.Header.Get].
const requestIDHeader = "X-Request-Id"

const maxRequestID = 64

// requestID is the sender's id of a request when it is harmless, or a new one.
func requestID(h http.Header) string {
	if sent := h[requestIDHeader]; len(sent) > 0 && validRequestID(sent[0]) {
		return sent[0]
	}
	var id [16]byte
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // unique is enough, and this takes a third of the time
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // see above
	var text [2 * len(id)]byte
	return string(hex.AppendEncode(text[:0], id[:]))
}

// validRequestID allows 1 to 64 of A-Z a-z 0-9 . _ and -.
func validRequestID(id string) bool {
	return id != "" && len(id) <= maxRequestID && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}
