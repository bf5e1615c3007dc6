package balancer

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const traceHeader = "X-Amzn-Trace-Id"

// newTraceID is a field of the trace header, like Root=1-67891233-abcdef012345678912345678.
func newTraceID(field string, now time.Time) string {
	id := make([]byte, 12)
	_, _ = rand.Read(id) // it never fails.
	return fmt.Sprintf("%s=1-%08x-%s", field, now.Unix(), hex.EncodeToString(id))
}

// trace adds to a trace header, or makes one.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
func trace(header string, now time.Time) string {
	rooted, fields := false, []string{newTraceID("Self", now)}
	for field := range strings.SplitSeq(header, ";") {
		switch field = strings.TrimSpace(field); {
		case field == "", strings.HasPrefix(field, "Self="):
			continue
		case strings.HasPrefix(field, "Root="):
			rooted = true
		}
		fields = append(fields, field)
	}
	if !rooted {
		fields[0] = newTraceID("Root", now)
	}
	return strings.Join(fields, ";")
}

// forwarded sets what tells a target about the client.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
func forwarded(in, out *http.Request, client, protocol string, port int) {
	for _, name := range []string{"X-Forwarded-Host", "Forwarded"} { // not ours: passed on.
		if values := in.Header.Values(name); len(values) > 0 {
			out.Header[name] = values
		}
	}
	all := slices.Concat(in.Header.Values("X-Forwarded-For"), []string{client})
	out.Header.Set("X-Forwarded-For", strings.Join(all, ", "))
	out.Header.Set("X-Forwarded-Proto", strings.ToLower(protocol))
	out.Header.Set("X-Forwarded-Port", strconv.Itoa(port))
}

var validHeader = regexp.MustCompile(`^[-A-Za-z0-9]+$`)

// dropInvalid removes headers with other names than those of letters, digits and
// hyphens.
func dropInvalid(header http.Header) {
	for name := range header {
		if !validHeader.MatchString(name) {
			delete(header, name)
		}
	}
}

// clientIP is the address that a request came from.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
