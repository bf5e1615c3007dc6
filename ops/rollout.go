package ops

import (
	"fmt"
	"strings"
	"time"
)

// Rollout is the state of a rollout, as its journal tells it.
type Rollout struct {
	ID      string    `json:"id"`
	Plan    Plan      `json:"plan"`
	Begun   time.Time `json:"begun"`
	Last    time.Time `json:"last"`    // entry
	Passed  int       `json:"passed"`  // steps
	Applied Weights   `json:"applied"` // last confirmed
	// Pending is a change of weights that was begun and not confirmed.
	Pending *Change `json:"pending,omitempty"`
	// Behind is what the stack has yet to be told of the records.
	Behind   *Change  `json:"behind,omitempty"`
	Blame    []string `json:"blame,omitempty"` // why the traffic goes back
	Aborting bool     `json:"aborting,omitempty"`
	Recorded bool     `json:"recorded,omitempty"`
	Stopped  []string `json:"stopped,omitempty"` // why the controller ended, if it could say
	Outcome  string   `json:"outcome,omitempty"` // "" until the rollout ended
}

// Change is an update of weights. Before are the records', File the stack file's.
type Change struct {
	Before Weights `json:"before"`
	File   Weights `json:"file"`
	After  Weights `json:"after"`
}

// Fold returns the state of the last rollout, nil when there was none.
func Fold(entries []Entry) *Rollout {
	var r *Rollout
	for _, e := range entries {
		if e.Event == Started && e.Plan != nil {
			r = &Rollout{ID: e.Rollout, Plan: *e.Plan, Begun: e.Time, Applied: e.Plan.Before}
			if e.File != nil {
				r.Behind = &Change{r.Applied, e.File, r.Applied}
			}
		}
		if r != nil && e.Rollout == r.ID {
			r.note(e)
		}
	}
	return r
}

func (r *Rollout) note(e Entry) {
	r.Last = e.Time
	switch e.Event {
	case Weighing:
		r.Pending = &Change{Before: e.Before, File: e.File, After: e.After}
	case Weighed:
		r.Applied, r.Pending, r.Behind = e.After, nil, nil
	case Moved:
		r.Applied, r.Pending, r.Behind = e.After, nil, &Change{e.After, e.File, e.After}
	case Passed:
		r.Passed = e.Step
	case Blamed:
		r.Blame = e.Reasons
	case Aborting:
		r.Aborting = true
	case Recorded:
		r.Recorded = true
	case Stopped:
		r.Stopped = e.Reasons
	case Resumed:
		r.Stopped = nil
	case Ended:
		r.Outcome = e.Text
	}
}

// Unfinished is true until the rollout ended.
func (r *Rollout) Unfinished() bool { return r != nil && r.Outcome == "" }

// back is true once the traffic is to go back.
func (r *Rollout) back() bool { return len(r.Blame) > 0 || r.Aborting }

// target is where the weights go when the traffic goes back.
func (r *Rollout) target() Weights {
	if len(r.Blame) > 0 {
		return r.Plan.Back
	}
	return r.Plan.Before
}

// Explain says what a rollout did, and what to do about it.
func (r *Rollout) Explain() string {
	var text strings.Builder
	fmt.Fprintf(&text, "rollout %s from %q to %q (%s), begun %s: ", r.ID, r.Plan.From, r.Plan.To, short(r.Plan.Digest), r.Begun.Local().Format(time.DateTime))
	if !r.Unfinished() {
		text.WriteString(r.Outcome)
		return text.String()
	}
	switch {
	case len(r.Blame) > 0:
		fmt.Fprintf(&text, "it was switching back because %s", strings.Join(r.Blame, "; "))
	case r.Aborting:
		text.WriteString("it was being aborted")
	case r.Passed < len(r.Plan.Steps):
		fmt.Fprintf(&text, "%d of %d steps passed", r.Passed, len(r.Plan.Steps))
	default:
		text.WriteString("all steps passed, the guard was watching")
	}
	if len(r.Stopped) > 0 {
		fmt.Fprintf(&text, "; it stopped because %s", strings.Join(r.Stopped, "; "))
	} else {
		fmt.Fprintf(&text, "; the last entry is of %s", r.Last.Local().Format(time.DateTime))
	}
	if r.Pending != nil {
		fmt.Fprintf(&text, "; an update of the weights from %s to %s was not confirmed", r.Pending.Before, r.Pending.After)
	}
	if r.Behind != nil {
		fmt.Fprintf(&text, "; the records are %s, which codeflow:traffic and the state have yet to be told", r.Applied)
	}
	return text.String()
}
