package balancer

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	// evaluationWindow of a rate-based rule in seconds, and how often it counts.
	// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html
	evaluationWindow = 300
	evaluations      = 30
	// bodyLimit is how many bytes of a body are inspected.
	// https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-setting-body-inspection-limit.html
	bodyLimit = 8 << 10
)

// WebACL is an aws:wafv2/webAcl, of which these kinds of statement are known: the
// others match nothing.
type WebACL struct{ Rules []WebRule }

// WebRule is a rule of a [WebACL]. One without a block action lets requests pass.
type WebRule struct {
	Name     string
	Priority int
	Action   struct {
		Block *struct{ CustomResponse struct{ ResponseCode int } }
	}
	OverrideAction struct{ Count *struct{} }
	Statement      Statement
}

// Statement is what a [WebRule] looks for, one of these.
type Statement struct {
	RateBasedStatement        *RateBased
	ManagedRuleGroupStatement *ManagedGroup
	RegexMatchStatement       *RegexMatch
	LabelMatchStatement       *struct{ Key string }
	AndStatement              *Statements
	OrStatement               *Statements
	NotStatement              *Statements // one
}

// Statements are those of a logical [Statement].
type Statements struct{ Statements []Statement }

// RateBased blocks an address that sends more than Limit requests in a window.
type RateBased struct{ Limit, EvaluationWindowSec int }

// ManagedGroup is one of AWS's rule groups, see managed.go.
type ManagedGroup struct {
	Name                string
	RuleActionOverrides []override
}

type override struct {
	Name        string
	ActionToUse struct{ Count *struct{} }
}

// RegexMatch matches a header or the path.
type RegexMatch struct {
	RegexString  string
	FieldToMatch struct {
		SingleHeader *struct{ Name string }
		URIPath      *struct{}
	}
}

// waf is a web ACL that runs; nil blocks nothing.
type waf struct {
	rules    []WebRule // by priority.
	patterns map[string]*regexp.Regexp
	rate     RateBased     // of the one rule that has it.
	width    time.Duration // real time of a slot.
	reads    bool          // the beginning of bodies.

	mu    sync.Mutex
	slot  int64
	slots [evaluations]map[string]int // requests by address.
}

func newWAF(acl *WebACL, scale timescale.Scale) (*waf, error) {
	if acl == nil {
		return nil, nil
	}
	w := &waf{patterns: map[string]*regexp.Regexp{}}
	w.rules = slices.SortedFunc(slices.Values(acl.Rules), func(a, b WebRule) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, rule := range w.rules {
		if err := w.prepare(rule.Statement); err != nil {
			return nil, err
		}
	}
	w.width = scale.Seconds(cmp.Or(w.rate.EvaluationWindowSec, evaluationWindow)) / evaluations
	return w, nil
}

// prepare learns what a statement needs.
func (w *waf) prepare(s Statement) error {
	if s.RateBasedStatement != nil {
		w.rate = *s.RateBasedStatement
	}
	w.reads = w.reads || s.ManagedRuleGroupStatement != nil
	if match := s.RegexMatchStatement; match != nil {
		pattern, err := regexp.Compile(match.RegexString)
		if err != nil {
			return err
		}
		w.patterns[match.RegexString] = pattern
	}
	for _, all := range []*Statements{s.AndStatement, s.OrStatement, s.NotStatement} {
		if all == nil {
			continue
		}
		for _, inner := range all.Statements {
			if err := w.prepare(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// inspection is a request that a web ACL looks at.
type inspection struct {
	waf     *waf
	request *http.Request
	client  string
	body    []byte // its beginning.
	size    int64  // of the body, as far as it was read or told.
	labels  map[string]bool
}

// judge returns the status with which a request is blocked, or 0. It may read the
// beginning of the body.
func (w *waf) judge(client string, r *http.Request) (status int) {
	if w == nil {
		return 0
	}
	i := &inspection{waf: w, request: r, client: client, labels: map[string]bool{}}
	if w.reads {
		i.read()
	}
	for _, rule := range w.rules {
		if group := rule.Statement.ManagedRuleGroupStatement; group != nil {
			if i.managed(group) && rule.OverrideAction.Count == nil {
				return http.StatusForbidden
			}
			continue
		}
		if block := rule.Action.Block; i.matches(rule.Statement) && block != nil {
			return cmp.Or(block.CustomResponse.ResponseCode, http.StatusForbidden)
		}
	}
	return 0
}

// read reads as much of a body as is inspected, and a byte more.
func (i *inspection) read() {
	r := i.request
	begin, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	rest := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(begin), failing(err, rest)), rest}
	i.body, i.size = begin[:min(len(begin), bodyLimit)], max(int64(len(begin)), r.ContentLength)
}

// failing is the rest of a body whose beginning could be read, or not: the target sees
// that too.
func failing(err error, rest io.Reader) io.Reader {
	if err == nil {
		return rest
	}
	return readFunc(func([]byte) (int, error) { return 0, err })
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func (i *inspection) matches(s Statement) bool {
	switch {
	case s.RateBasedStatement != nil:
		return i.waf.tooOften(i.client, time.Now())
	case s.LabelMatchStatement != nil:
		return i.labels[s.LabelMatchStatement.Key]
	case s.RegexMatchStatement != nil:
		text, field := i.request.URL.Path, s.RegexMatchStatement.FieldToMatch
		if field.SingleHeader != nil {
			text = i.request.Header.Get(field.SingleHeader.Name)
		}
		return i.waf.patterns[s.RegexMatchStatement.RegexString].MatchString(text)
	case s.AndStatement != nil:
		return !slices.ContainsFunc(s.AndStatement.Statements, func(s Statement) bool { return !i.matches(s) })
	case s.OrStatement != nil:
		return slices.ContainsFunc(s.OrStatement.Statements, i.matches)
	case s.NotStatement != nil:
		return !slices.ContainsFunc(s.NotStatement.Statements, i.matches)
	}
	return false
}

// tooOften counts a request and reports whether its sender has sent more in the
// window than the limit.
func (w *waf) tooOften(client string, now time.Time) bool {
	if w.rate.Limit == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := now.UnixNano() / int64(w.width)
	for n := max(w.slot+1, slot-evaluations+1); n <= slot; n++ {
		w.slots[n%evaluations] = map[string]int{}
	}
	w.slot = max(w.slot, slot)
	w.slots[w.slot%evaluations][client]++
	total := 0
	for _, counts := range w.slots {
		total += counts[client]
	}
	return total > w.rate.Limit
}
