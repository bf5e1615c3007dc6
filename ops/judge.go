package ops

import (
	"fmt"
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
	// MinCompared is how many requests both colours need to be compared. Default:
	// 100. Then the new one is worse when its P95 is over one and a half times the
	// old one's and 100 ms more, or its share of errors over twice the old one's
	// and 0.5 percentage points more.
	MinCompared int `json:"minCompared"`
	// Load is how many requests per second a target bears in any case. Default:
	// 1000 a minute, on which a colour's autoscaling aims.
	Load float64 `json:"load"`
}

func (t Thresholds) withDefaults() Thresholds {
	return Thresholds{
		P95: positive(t.P95, 2*time.Second), Errors: positive(t.Errors, 0.01), MinErrors: positive(t.MinErrors, 5),
		MinRequests: positive(t.MinRequests, 20), MinCompared: positive(t.MinCompared, 100), Load: positive(t.Load, 1000.0/60),
	}
}

// positive is the value, or the standard one when it is not set.
func positive[T time.Duration | float64 | int](value, standard T) T {
	if value > 0 {
		return value
	}
	return standard
}

const (
	worseTime, worseTimeBy     = 1.5, 100 * time.Millisecond
	worseErrors, worseErrorsBy = 2.0, 0.005
)

// Sample is one look at both colours.
type Sample struct {
	New, Old                 Color
	NewRequests, OldRequests Requests
}

// Verdict on a sample. Without problems it is good.
type Verdict struct {
	// Blame is what is wrong with the new colour.
	Blame []string
	// Alarmed is true when an alarm rings, which ends any patience.
	Alarmed bool
	// Hold is why the rollout can neither go on nor go back now: the old colour is
	// no better.
	Hold []string
}

// Judge compares the new colour with the thresholds and with the old one.
func (t Thresholds) Judge(p *Plan, s Sample) (v Verdict) {
	if got := s.New.Digests; len(got) > 0 && (len(got) > 1 || got[0] != p.Digest) {
		v.blame("%q runs %s instead of %s", p.To, digests(got), short(p.Digest))
	}
	if s.New.Targets.Unhealthy > 0 || s.New.Targets.Healthy == 0 {
		v.blame("%q has %s", p.To, s.New.Targets)
	}
	if len(s.New.Alarms) > 0 {
		v.blame("alarms of %q ring: %s", p.To, strings.Join(s.New.Alarms, ", "))
		v.Alarmed = true
	}
	t.judgeErrors(p, s, &v)
	t.judgeTimes(p, s, &v)
	if len(v.Blame) > 0 && s.Old.Targets.Healthy == 0 {
		v.Hold = append(append(v.Hold, v.Blame...), noWayBack(p.From, s.Old.Targets))
		v.Blame, v.Alarmed = nil, false
	}
	return v
}

func noWayBack(color string, t Targets) string {
	return fmt.Sprintf("%q is no way back: it has %s", color, t)
}

func (t Thresholds) judgeErrors(p *Plan, s Sample, v *Verdict) {
	fresh, old := s.NewRequests, s.OldRequests
	compared := min(fresh.Count, old.Count) >= t.MinCompared
	worse := compared && fresh.ErrorRate() > worseErrors*old.ErrorRate() && fresh.ErrorRate() > old.ErrorRate()+worseErrorsBy
	over := func(r Requests) bool { return r.Errors >= t.MinErrors && r.ErrorRate() > t.Errors }
	switch {
	case fresh.Errors < t.MinErrors:
	case over(fresh) && compared && over(old) && !worse:
		v.Hold = append(v.Hold, fmt.Sprintf("both colours answer with errors: %q %.1f %%, %q %.1f %%",
			p.To, 100*fresh.ErrorRate(), p.From, 100*old.ErrorRate()))
	case over(fresh):
		v.blame("%q answers %.1f %% with 5xx, more than %.1f %%", p.To, 100*fresh.ErrorRate(), 100*t.Errors)
	case worse:
		v.blame("%q answers %.1f %% with 5xx, %q only %.1f %%", p.To, 100*fresh.ErrorRate(), p.From, 100*old.ErrorRate())
	}
}

func (t Thresholds) judgeTimes(p *Plan, s Sample, v *Verdict) {
	fresh, old := s.NewRequests, s.OldRequests
	compared := min(fresh.Count, old.Count) >= t.MinCompared
	worse := compared && fresh.P95 > time.Duration(worseTime*float64(old.P95)) && fresh.P95 > old.P95+worseTimeBy
	switch {
	case fresh.Count < t.MinRequests:
	case fresh.P95 > t.P95 && compared && old.P95 > t.P95 && !worse:
		v.Hold = append(v.Hold, fmt.Sprintf("both colours are slow: p95 of %q %s, of %q %s", p.To, fresh.P95, p.From, old.P95))
	case fresh.P95 > t.P95:
		v.blame("p95 of %q is %s, more than %s", p.To, fresh.P95, t.P95)
	case worse:
		v.blame("p95 of %q is %s, of %q only %s", p.To, fresh.P95, p.From, old.P95)
	}
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
