// Package rule says what the settings of an OpenID Connect issuer must be, for the
// server and for who configures it, which needs none of the server's libraries.
package rule

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// URL reports whether what a URL names cannot be read or changed on the way: it is
// https, or http of this machine, and has neither a user nor a query or a fragment.
func URL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(text, "# ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Word reports whether a text is one word, or empty: an audience or a client id.
func Word(text string) bool { return !strings.ContainsAny(text, " \t\r\n") }

var scope = regexp.MustCompile(`^[!#-\[\]-~]+$`) // https://www.rfc-editor.org/rfc/rfc6749#section-3.3

// Scope reports whether the scope at i is one, and no earlier one's twin.
func Scope(scopes []string, i int) bool {
	return scope.MatchString(scopes[i]) && !slices.Contains(scopes[:i], scopes[i])
}
