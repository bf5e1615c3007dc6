package rehearsal

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

// ErrTooSlow is returned when nothing failed, but the machine was too slow to judge
// everything.
var ErrTooSlow = errors.New("not judged: the machine was too slow")

// headroom is how many times the requests that are sent the machine must bear: updates
// and tasks that start need the rest.
const headroom = 2

// fewest requests per second are enough to judge: of half of them, 5 % errors are ten
// in the six seconds that ops looks back on, and it counts them from five on.
const fewest = 60

// A control answer is one scheduling there and one back, a request on the whole way is
// at least three such pairs, and ops blames a colour for 100 ms. So what makes control
// answers no later than tolerated is nothing to blame a miss on, and what makes them
// later than intolerable is, however slow the machine was at first.
const tolerated, intolerable = 10 * time.Millisecond, 35 * time.Millisecond

// enough is the share of control answers that must be late for the machine to be to
// blame: ops judges by the slowest 5 %, and an update here makes some late, too.
const enough = 0.25

// terms are what a rehearsal asks of this machine, as it was measured.
type terms struct {
	borne float64 // requests per second, when nothing else is asked.
	rate  float64 // to send, per second.
	// stretch is how many times longer waits are than at the full rate, so that as many
	// requests come in them.
	stretch float64
	// late is from where on a control answer is late: later than nine of ten were with
	// every client sending as fast as it could.
	late time.Duration
}

// termsOf returns them for what the machine bore and nine of ten control answers took
// at most. It fails with [ErrTooSlow] when too few requests can be sent.
func termsOf(wanted, borne float64, took time.Duration) (terms, error) {
	t := terms{borne: borne, rate: min(wanted, borne/headroom), late: min(max(took, tolerated), intolerable)}
	t.stretch = wanted / max(t.rate, 1)
	if least := min(wanted, fewest); t.rate < least {
		return t, fmt.Errorf("%w: it bears %.0f requests per second, and scenarios need %.0f", ErrTooSlow, borne, least*headroom)
	}
	return t, nil
}

// stretched is a wait on this machine.
func (t terms) stretched(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(t.stretch, 1))
}

// witness tells the share of the control answers that were late in a span.
type witness func(traffic.Span) float64

// starved is whether the machine was too slow in all of what a span looks back on.
func (w witness) starved(s traffic.Span, memory time.Duration) bool {
	return w(since(s, memory)) >= enough
}

// since is a span with what led to it.
func since(s traffic.Span, memory time.Duration) traffic.Span {
	return traffic.Span{From: s.From.Add(-memory), To: s.To}
}

// missed is what an expectation comes to that was not met in a span.
func (w witness) missed(s traffic.Span, memory time.Duration) string {
	if w.starved(s, memory) {
		return report.NotJudged
	}
	return report.Failed
}

// requests is what a scenario's requests come to, of which some failed, some may, and
// those lost have spans. Answers are never excused: a server gave them.
func (w witness) requests(failed, allowed int, lost []traffic.Span, memory time.Duration) (outcome string, excused int) {
	if failed <= allowed {
		return report.Passed, 0
	}
	for _, s := range lost {
		if w.starved(s, memory) {
			excused++
		}
	}
	if failed-excused > allowed {
		return report.Failed, excused
	}
	return report.NotJudged, excused
}

// worse is the one of two outcomes that counts.
func worse(a, b string) string {
	for _, outcome := range []string{report.Failed, report.NotJudged, report.Skipped} {
		if a == outcome || b == outcome {
			return outcome
		}
	}
	return report.Passed
}

// missedAt is an expectation that was missed at a time, rather than when it was noticed.
type missedAt struct {
	error
	at time.Time
}
