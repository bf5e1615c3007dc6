package rpc

import (
	"net/http"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of a [memory]: at most 16 MiB of answers, and as much compressed, of short requests.
const (
	maxAnswers    = 256
	maxRemembered = 64 << 10
	maxParams     = 2 << 10
)

// remembered are the methods whose answers depend on the bundle and on their
// parameters alone.
var remembered = []string{
	"tools/list", "tools/call", "prompts/list", "prompts/get",
	"resources/list", "resources/templates/list", "resources/read", "completion/complete",
}

// identifying are the headers that the SDK looks at, besides what is asked.
var identifying = []string{versionHeader, "Mcp-Method", "Mcp-Name"}

// memory gives the SDK's own answers again: neither a bundle nor a server
// changes while it is served, and most of a request's cost is encoding the same
// text anew.
type memory struct{ answers *lru.Cache[string, known] }

type known struct {
	answer answer
	again  func(*http.Request, string)
}

func newMemory() memory {
	answers, _ := lru.New[string, known](maxAnswers) // fails for sizes below 1
	return memory{answers}
}

// key is what tells a call from others that get another answer: "" when that
// cannot be told.
func key(r *http.Request, c call) string {
	if len(c.params) > maxParams || !slices.Contains(remembered, c.method) {
		return ""
	}
	var b strings.Builder
	b.Grow(len(c.method) + len(c.params) + 64)
	for _, name := range identifying {
		b.WriteString(first(r, name))
		b.WriteByte(0)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Mcp-Param-") {
			return ""
		}
	}
	b.WriteString(c.method)
	b.WriteByte(0)
	b.Write(c.params)
	return b.String()
}
