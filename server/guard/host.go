package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ourHost reports whether a request is for one of our hosts. It keeps a web page
// from reaching the server under a name of its own that resolves to our address:
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
func (o Options) ourHost(r *http.Request) bool {
	if len(o.Hosts) > 0 {
		return slices.Contains(o.Hosts, hostname(r.Host))
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return !ok || !local.IP.IsLoopback() || isLoopback(hostname(r.Host))
}

// ourOrigin reports whether a request comes from no web page, or from one of
// our hosts.
func (o Options) ourOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 || len(origins) == 1 && origins[0] == "" {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Host == "" || len(origins) > 1 {
		return false
	}
	if len(o.Hosts) > 0 {
		return slices.Contains(o.Hosts, hostname(u.Host))
	}
	return u.Host == r.Host || isLoopback(hostname(u.Host)) && isLoopback(hostname(r.Host))
}

// hostname is a host without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func isLoopback(name string) bool {
	address, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && address.Unmap().IsLoopback()
}
