package balancer

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	// evaluationWindow of a rate-based rule in seconds, and how often it counts.
	// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html
	evaluationWindow = 300
	evaluations      = 30
)

// waf is a web ACL that runs; nil blocks nothing.
type waf struct {
	acl   WebACL
	width time.Duration // real time of a slot.

	mu    sync.Mutex
	slot  int64
	slots [evaluations]map[string]int // requests by address.
}

func newWAF(acl *WebACL, scale timescale.Scale) *waf {
	if acl == nil {
		return nil
	}
	return &waf{acl: *acl, width: scale.Seconds(cmp.Or(acl.EvaluationWindowSec, evaluationWindow)) / evaluations}
}

// blocks judges a request, of which it may read the beginning of the body.
func (w *waf) blocks(client string, r *http.Request) bool {
	if w == nil {
		return false
	}
	return w.tooOften(client, time.Now()) || w.tooLarge(r)
}

// tooOften counts a request and reports whether its sender has sent more in the
// window than the limit.
func (w *waf) tooOften(client string, now time.Time) bool {
	if w.acl.RateLimit == 0 {
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
	return total > w.acl.RateLimit
}

// tooLarge reads as much of a body as the limit allows, when its length is not
// told.
func (w *waf) tooLarge(r *http.Request) bool {
	limit := w.acl.MaxBody
	if limit == 0 || r.ContentLength >= 0 {
		return limit > 0 && r.ContentLength > limit
	}
	begin, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return false // the target will see it too.
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(begin), r.Body), r.Body}
	return int64(len(begin)) > limit
}
