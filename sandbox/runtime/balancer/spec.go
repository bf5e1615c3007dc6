package balancer

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of [Action], protocols of a [Listener] and algorithms of a
// [TargetGroup].
const (
	Forward       = "forward"
	Redirection   = "redirect"
	FixedResponse = "fixed-response"

	HTTP  = "HTTP"
	HTTPS = "HTTPS"

	RoundRobin       = "round_robin"
	LeastOutstanding = "least_outstanding_requests"
)

// LoadBalancer is an aws:lb/loadBalancer with its aws:lb/listener and its
// aws:lb/listenerRule.
type LoadBalancer struct {
	ARN, Name, DNSName string
	// IdleTimeout is how long a target may take to begin its answer, in real
	// seconds. Default 60.
	IdleTimeout int
	// ClientKeepAlive is for how many seconds a client may use a connection.
	// Default 3600.
	ClientKeepAlive int
	// DropInvalidHeaderFields of requests, with names beyond letters, digits and
	// hyphens.
	DropInvalidHeaderFields bool
	Listeners               []Listener
	// WebACL that is associated with it, if any.
	WebACL *WebACL
}

// Listener is an aws:lb/listener.
type Listener struct {
	ARN            string
	Port           int
	Protocol       string // HTTP or HTTPS.
	CertificateARN string
	Certificate    *tls.Certificate // the one of CertificateARN.
	Rules          []Rule           // by priority.
	DefaultAction  Action
}

// Rule is an aws:lb/listenerRule. A condition that is empty holds.
type Rule struct {
	Priority                int
	HostHeader, PathPattern []string // with * and ?.
	Action                  Action
}

// Action is what a listener does with a request.
type Action struct {
	Type           string
	TargetGroupARN string
	Redirect       Redirect
	FixedResponse  Fixed
}

// Redirect says where to. Empty fields are those of the request.
type Redirect struct {
	Protocol, Host, Port, Path, Query string // with #{protocol} and so on.
	StatusCode                        string // HTTP_301 or HTTP_302.
}

// Fixed is an answer that the load balancer gives by itself.
type Fixed struct{ ContentType, MessageBody, StatusCode string }

// TargetGroup is an aws:lb/targetGroup with targets by IP address.
type TargetGroup struct {
	ARN, Name string
	// DeregistrationDelay in seconds.
	DeregistrationDelay        int
	LoadBalancingAlgorithmType string // default round_robin.
	HealthCheck                HealthCheck
}

// HealthCheck of a target group; defaults /, 200, 30, 5, 5 and 2.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
type HealthCheck struct {
	Path, Matcher                        string
	Interval, Timeout                    int // seconds
	HealthyThreshold, UnhealthyThreshold int
}

func (h HealthCheck) withDefaults() HealthCheck {
	return HealthCheck{
		Path: cmp.Or(h.Path, "/"), Matcher: cmp.Or(h.Matcher, "200"), Interval: cmp.Or(h.Interval, 30),
		Timeout: cmp.Or(h.Timeout, 5), HealthyThreshold: cmp.Or(h.HealthyThreshold, 5),
		UnhealthyThreshold: cmp.Or(h.UnhealthyThreshold, 2),
	}
}

// matches reports whether a status is one of the matcher, like 200-299,301.
func (h HealthCheck) matches(status int) bool {
	for codes := range strings.SplitSeq(h.Matcher, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(codes), "-")
		if !ranged {
			to = from
		}
		low, err := strconv.Atoi(from)
		high, errHigh := strconv.Atoi(to)
		if err == nil && errHigh == nil && low <= status && status <= high {
			return true
		}
	}
	return false
}

func (l *LoadBalancer) validate() error {
	var errs []error
	refuse := func(field, rule string, got any) {
		errs = append(errs, fmt.Errorf("load balancer %q: %s %s, got %v", l.Name, field, rule, got))
	}
	if l.ARN == "" || l.Name == "" {
		refuse("ARN and Name", "are required", []string{l.ARN, l.Name})
	}
	ports := map[int]bool{}
	for _, listener := range l.Listeners {
		switch {
		case listener.Port < 1 || listener.Port > 65535 || ports[listener.Port]:
			refuse("Listeners.Port", "must be 1 to 65535 and used once", listener.Port)
		case listener.Protocol != HTTP && listener.Protocol != HTTPS:
			refuse("Listeners.Protocol", "must be HTTP or HTTPS", listener.Protocol)
		case listener.Protocol == HTTPS && listener.Certificate == nil:
			refuse("Listeners.Certificate", "is required with HTTPS", listener.CertificateARN)
		}
		ports[listener.Port] = true
		for _, action := range listener.actions() {
			if action.Type != Forward && action.Type != Redirection && action.Type != FixedResponse {
				refuse("Action.Type", "must be forward, redirect or fixed-response", action.Type)
			}
		}
	}
	return errors.Join(errs...)
}

// actions are those of the rules and the default one.
func (l *Listener) actions() []Action {
	var all []Action
	for _, rule := range l.Rules {
		all = append(all, rule.Action)
	}
	return append(all, l.DefaultAction)
}
