package balancer

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
)

// decide returns the action for a request and the priority of its rule, 0 for
// the default one.
func (l *Listener) decide(r *http.Request) (Action, int) {
	rules := slices.SortedFunc(slices.Values(l.Rules), func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	host := strings.ToLower(hostname(r.Host))
	for _, rule := range rules {
		if anyMatch(rule.HostHeader, host) && anyMatch(rule.PathPattern, r.URL.Path) {
			return rule.Action, rule.Priority
		}
	}
	return l.DefaultAction, 0
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// anyMatch reports whether one of the patterns matches; none is no condition.
func anyMatch(patterns []string, text string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool { return glob(pattern, text) })
}

// glob matches * with any text and ? with one character.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
func glob(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] == '*' {
		return glob(pattern[1:], text) || text != "" && glob(pattern, text[1:])
	}
	return text != "" && (pattern[0] == '?' || pattern[0] == text[0]) && glob(pattern[1:], text[1:])
}

// location is where a redirect leads.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#redirect-actions
func (d Redirect) location(r *http.Request, protocol, port string) string {
	fill := strings.NewReplacer("#{protocol}", strings.ToLower(protocol), "#{host}", hostname(r.Host), "#{port}", port,
		"#{path}", strings.TrimPrefix(r.URL.EscapedPath(), "/"), "#{query}", r.URL.RawQuery)
	location := fill.Replace(strings.ToLower(cmp.Or(d.Protocol, "#{protocol}")) + "://" + cmp.Or(d.Host, "#{host}") + ":" +
		cmp.Or(d.Port, "#{port}") + cmp.Or(d.Path, "/#{path}"))
	if query := fill.Replace(cmp.Or(d.Query, "#{query}")); query != "" {
		location += "?" + query
	}
	return location
}
