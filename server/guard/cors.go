package guard

import "net/http"

// What web pages of an allowed origin may send and read. A browser asks before it
// sends headers that the protocol has.
// https://fetch.spec.whatwg.org/#http-cors-protocol
var (
	allowMethods  = []string{"GET, POST, DELETE"}
	allowHeaders  = []string{"Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, Mcp-Protocol-Version, Mcp-Session-Id, Traceparent, Tracestate"}
	exposeHeaders = []string{"Mcp-Protocol-Version, Mcp-Session-Id, Retry-After, WWW-Authenticate, X-Request-Id"}
	varyOrigin    = []string{"Origin"}
	maxAge        = []string{"7200"} // seconds: browsers keep no more
)

// shared tells a browser that the page of an origin may read the answer.
// preflight reports whether the browser only asked for that.
func shared(h http.Header, r *http.Request) (preflight bool) {
	origin := r.Header["Origin"]
	h["Vary"] = varyOrigin
	if len(origin) == 0 {
		return false
	}
	h["Access-Control-Allow-Origin"] = origin[:1]
	h["Access-Control-Expose-Headers"] = exposeHeaders
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h["Access-Control-Allow-Methods"], h["Access-Control-Allow-Headers"], h["Access-Control-Max-Age"] = allowMethods, allowHeaders, maxAge
	return true
}
