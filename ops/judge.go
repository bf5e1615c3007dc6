package ops

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Thresholds say when a colour is bad. The zero value is the documented default.
type Thresholds struct {
	// P95 of the response times. Default: 2 s.
	P95 time.Duration `json:"p95Ns"`
	// Errors is the share of 5xx answers. Default: 0.01.
	Errors float64 `json:"errors"`
	// MinErrors is from how many on they count. Default: 5.
	MinErrors int `json:"minErrors"`
	// MinRequests is from how many on a percentile says something. Default: 20.
	MinRequests int `json:"minRequests"`
	// MinBake is how many requests of the new colour a bake needs, or it goes on.
	// Default: those of which Errors allows one to fail, 100.
	MinBake int `json:"minBake"`
	// Slower is how many times slower than the old colour the new one may be. Default:
	// 1.25.
	Slower float64 `json:"slower"`
	// ColdStart is for how many minutes with requests the new colour's times are not
	// compared with the old one's. Default: 2.
	ColdStart int `json:"coldStart"`
	// Load is how many requests per second a target bears in any case. Default:
	// 1000 a minute, on which a colour's autoscaling aims.
	Load float64 `json:"load"`
}

// Defaults are the documented thresholds.
func Defaults() Thresholds { return Thresholds{}.withDefaults() }

func (t Thresholds) withDefaults() Thresholds {
	t = Thresholds{
		P95: positive(t.P95, 2*time.Second), Errors: positive(t.Errors, 0.01), MinErrors: positive(t.MinErrors, 5),
		MinRequests: positive(t.MinRequests, 20), MinBake: t.MinBake, Slower: positive(t.Slower, 1.25), ColdStart: positive(t.ColdStart, 2),
		Load: positive(t.Load, 1000.0/60),
	}
	t.MinBake = positive(t.MinBake, int(math.Ceil(1/t.Errors)))
	return t
}

// positive is the value, or the standard one when it is not set.
func positive[T time.Duration | float64 | int](value, standard T) T {
	if value > 0 {
		return value
	}
	return standard
}

const (
	// Worse is a share of errors over twice the old colour's and 0.6 percentage points
	// more, which would come by chance once in 100,000 times.
	worseErrors, worseErrorsBy = 2.0, 0.006
	errorsByChance             = 1e-5
	// graveErrors is a share of errors that needs no second minute.
	graveErrors = 0.2
	// certainlySlower is what must be beyond chance.
	certainlySlower = 1.1
	// enoughRatios is in how many minutes the colours are compared before the new one
	// is to blame, unless it is gravely slower: a neighbour may be busy for a while.
	enoughRatios, gravelySlower = 14, 3
	// muchSlower is what no cold cache explains: three minutes of it are enough.
	muchSlower = 4
	// slowerBy is what nobody notices, however many times slower it is.
	slowerBy = 5 * time.Millisecond
	// recent is over how many minutes what must not be is looked for.
	recent = 5
)

// spans are over how many minutes the colours' errors are compared: few for what
// begins late, all for what is rare.
var spans = []int{recent, 10, math.MaxInt}

// Sample is one look at both colours.
type Sample struct {
	New, Old                 Color
	NewRequests, OldRequests Requests
	// Since is when the watch began. The requests may be of a longer time.
	Since time.Time
	// Guarding is true when few requests do not matter: the new colour has all that
	// there are, or none yet.
	Guarding bool
}

// Verdict on a sample. Without problems it is good.
type Verdict struct {
	// Blame is what is wrong with the new colour.
	Blame []string
	// Grave is true for a blame that one sample is enough for.
	Grave bool
	// Hold is why the rollout cannot go on, though the new colour is not to blame.
	Hold []string
	// Waits is true when that may pass with time: too little is known.
	Waits bool

	unclear []string
}

// Judge compares the new colour with the thresholds and with the old one. What is not
// known is never good.
func (t Thresholds) Judge(p *Plan, s Sample) (v Verdict) {
	t = t.withDefaults() // a plan of an older journal lacks some.
	t.judgeHealth(p, s, &v)
	fresh, old := s.NewRequests.byMinute(), s.OldRequests.byMinute()
	t.judgeErrors(p, fresh, old, &v)
	t.judgeTimes(p, fresh, old, &v)
	if len(v.Blame) > 0 && s.Old.Targets.Healthy == 0 {
		v.Hold = append(append(v.Hold, v.Blame...), noWayBack(p.From, s.Old.Targets))
		v.Blame, v.Grave = nil, false
	}
	if len(v.Blame)+len(v.Hold) == 0 {
		v.Hold = t.doubts(p, s)
		if s.OldRequests.during(s.Since).all >= t.MinRequests { // or time would not tell
			v.Hold = append(v.Hold, v.unclear...)
		}
		v.Waits = len(v.Hold) > 0
	}
	return v
}

// byMinute are the minutes, of which there is one when nobody told them apart.
func (r Requests) byMinute() []Minute {
	if len(r.Minutes) > 0 || r.Count+r.Errors == 0 {
		return r.Minutes
	}
	return []Minute{{Count: r.Count, Errors: r.Errors, P95: r.P95}}
}

// last are the newest minutes.
func last(minutes []Minute, n int) []Minute { return minutes[max(0, len(minutes)-n):] }

// during are the requests of a watch, with the minute in which it began.
func (r Requests) during(since time.Time) (c count) {
	if r.Minutes == nil {
		return count{r.Count, r.Errors}
	}
	each := r.Window / time.Duration(len(r.Minutes))
	begun := slices.IndexFunc(r.Minutes, func(m Minute) bool { return m.Start.Add(each).After(since) })
	if begun >= 0 {
		c = tally(r.Minutes[begun:])
	}
	return c
}

// doubts are why a colour that nothing is wrong with cannot be called good.
func (t Thresholds) doubts(p *Plan, s Sample) (doubts []string) {
	if why := s.NewRequests.Unknown; why != "" {
		doubts = append(doubts, fmt.Sprintf("the requests of %q are not known: %s", p.To, why))
	}
	if s.Guarding {
		return doubts
	}
	if why := s.OldRequests.Unknown; why != "" {
		doubts = append(doubts, fmt.Sprintf("the requests of %q are not known: %s", p.From, why))
	}
	if got := s.NewRequests.during(s.Since).all; got < t.MinBake {
		doubts = append(doubts, fmt.Sprintf("%q answered %d requests in this watch, %d are needed to call it good", p.To, got, t.MinBake))
	}
	return doubts
}

func (t Thresholds) judgeHealth(p *Plan, s Sample, v *Verdict) {
	if got := s.New.Digests; len(got) > 0 && (len(got) > 1 || got[0] != p.Digest) {
		v.blame("%q runs %s instead of %s", p.To, digests(got), short(p.Digest))
		v.Grave = true
	}
	if s.New.Targets.Unhealthy > 0 || s.New.Targets.Healthy == 0 {
		v.blame("%q has %s", p.To, s.New.Targets)
		v.Grave = v.Grave || s.New.Targets.Healthy == 0
	}
	if len(s.New.Alarms) > 0 {
		v.blame("alarms of %q ring: %s", p.To, strings.Join(s.New.Alarms, ", "))
		v.Grave = true
	}
}

func noWayBack(color string, t Targets) string {
	return fmt.Sprintf("%q is no way back: it has %s", color, t)
}

func (t Thresholds) judgeErrors(p *Plan, fresh, old []Minute, v *Verdict) {
	all, now, before := tally(last(fresh, recent)), lasting(last(fresh, recent)), lasting(last(old, recent))
	over := func(c count) bool { return c.failed >= t.MinErrors && c.share() > t.Errors }
	worst := count{}
	for _, m := range last(fresh, recent) {
		if c := (count{m.Count, m.Errors}); over(c) && c.share() > worst.share() {
			worst = c
		}
	}
	worse := worseThan(now, before)
	switch {
	case all.failed >= min(3, t.MinErrors) && all.failed >= all.all && before.share() < graveErrors:
		v.blame("all %d requests to %q fail", all.all, p.To)
		v.Grave = true
	case over(now) && over(before) && !worse:
		v.Hold = append(v.Hold, fmt.Sprintf("both colours answer with errors: %q %.1f %%, %q %.1f %%",
			p.To, 100*now.share(), p.From, 100*before.share()))
	case over(now), worst.share() > graveErrors:
		v.blame("%q answers %.1f %% with 5xx, more than %.1f %%", p.To, 100*all.share(), 100*t.Errors)
		v.Grave = worst.share() > graveErrors
	default:
		t.compareErrors(p, fresh, old, v)
	}
}

func worseThan(fresh, old count) bool {
	return fresh.share() > worseErrors*old.share() && fresh.share() > old.share()+worseErrorsBy && chance(fresh, old) < errorsByChance
}

// compareErrors looks for a share of errors that is small and yet worse than the old
// colour's: in the same minutes, or when that had too few requests in them, ever.
func (t Thresholds) compareErrors(p *Plan, fresh, old []Minute, v *Verdict) {
	for _, span := range spans {
		now, before := lasting(last(fresh, span)), lasting(last(old, span))
		if before.all < now.all/10 {
			before = lasting(old)
		}
		if now.failed >= t.MinErrors && worseThan(now, before) {
			v.blame("%q answers %.2f %% of %d requests with 5xx, %q only %.2f %% of %d", p.To, 100*now.share(), now.all, p.From, 100*before.share(), before.all)
			return
		}
	}
}

func (t Thresholds) judgeTimes(p *Plan, fresh, old []Minute, v *Verdict) {
	slow := func(minutes []Minute) (n int, worst time.Duration) {
		for _, m := range last(minutes, recent) {
			if m.Count >= t.MinRequests && m.P95 > t.P95 {
				n, worst = n+1, max(worst, m.P95)
			}
		}
		return n, worst
	}
	n, worst := slow(fresh)
	others, theirs := slow(old)
	switch {
	case n > 0 && others > 0 && worst < time.Duration(1.5*float64(theirs)):
		v.Hold = append(v.Hold, fmt.Sprintf("both colours are slow: p95 of %q %s, of %q %s", p.To, worst, p.From, theirs))
	case n > 1 || n == 1 && len(fresh) == 1:
		v.blame("p95 of %q is %s, more than %s", p.To, worst, t.P95)
	default:
		t.compareTimes(p, fresh, old, v)
	}
}

// compareTimes looks for times that are longer than the old colour's, minute by minute:
// seemingly more than what is allowed, and for certain more than a little.
func (t Thresholds) compareTimes(p *Plan, fresh, old []Minute, v *Verdict) {
	median := func(m Minute) time.Duration { return m.P50 }
	much := 0
	for _, ratio := range pairs(last(fresh, recent), old, median, t.MinRequests, 0) {
		if math.Exp(ratio) > muchSlower {
			much++
		}
	}
	if much > 2 && slowerThan(fresh, old, median) {
		v.blame("half of the requests take over %d times as long on %q as on %q, in %d minutes", muchSlower, p.To, p.From, much)
		return
	}
	for _, q := range []struct {
		name string
		of   func(Minute) time.Duration
	}{
		{"half of the requests", median},
		{"one of 20 requests", func(m Minute) time.Duration { return m.P95 }},
	} {
		ratios := pairs(fresh, old, q.of, t.MinRequests, t.ColdStart)
		bound, mean := atLeast(ratios)
		if mean < t.Slower || !slowerThan(fresh, old, q.of) {
			continue
		}
		text := fmt.Sprintf("%s take %.1f times as long on %q as on %q in %d minutes", q.name, mean, p.To, p.From, len(ratios))
		if bound > certainlySlower && (len(ratios) >= enoughRatios || mean > gravelySlower) {
			v.Blame = append(v.Blame, text)
			return
		}
		v.unclear = append(v.unclear, text+", which may be chance")
	}
}

// slowerThan is false when what is more is less than anybody notices.
func slowerThan(fresh, old []Minute, percentile func(Minute) time.Duration) bool {
	mean := func(minutes []Minute) (sum time.Duration) {
		n := time.Duration(0)
		for _, m := range minutes {
			if at := percentile(m); at > 0 {
				sum, n = sum+at, n+1
			}
		}
		return sum / max(1, n)
	}
	return mean(fresh) > mean(old)+slowerBy
}

func (v *Verdict) blame(format string, args ...any) {
	v.Blame = append(v.Blame, fmt.Sprintf(format, args...))
}

func digests(list []string) string {
	shorts := make([]string, len(list))
	for i, d := range list {
		shorts[i] = short(d)
	}
	return strings.Join(slices.Compact(shorts), " and ")
}
