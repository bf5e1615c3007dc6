package ops

import (
	"fmt"
	"strings"
	"time"
)

// Event is what an [Entry] says.
type Event string

// The events of a rollout, and of a rollback of a colour. What changes the cloud
// is announced before (weighing) and confirmed after (weighed).
const (
	Started  Event = "started"
	Weighing Event = "weighing"
	Weighed  Event = "weighed"
	Moved    Event = "moved"    // the records were set at once, the stack does not know
	Watching Event = "watching" // a bake or the guard begins
	Noted    Event = "noted"
	Passed   Event = "passed"   // a step's bake
	Blamed   Event = "blamed"   // the new colour is bad: back, and refuse its digest
	Aborting Event = "aborting" // the operator wants back
	Recorded Event = "recorded" // the digest is refused
	Stopped  Event = "stopped"  // the controller ended before the rollout did
	Resumed  Event = "resumed"
	Ended    Event = "ended"

	RollingBack Event = "rolling-back"
	RolledBack  Event = "rolled-back"
	Unblocked   Event = "unblocked"
)

// Outcomes of a rollout that ended.
const (
	Done         = "done"
	WasSwitched  = "switched back"
	Aborted      = "aborted"
	LeftByHand   = "aborted, the weights were left as they were set by hand"
	RollbackDone = "rolled back"
)

// Entry is a line of the journal.
type Entry struct {
	Time    time.Time `json:"time"`
	Rollout string    `json:"rollout"`
	Event   Event     `json:"event"`
	Plan    *Plan     `json:"plan,omitempty"` // of started
	Step    int       `json:"step,omitempty"` // of passed: how many steps are done
	// Of weighing: the records' weights, those in the stack file, and the ones to
	// come. Of weighed and moved: After. Of started: File, when it is not what the
	// records are.
	Before  Weights  `json:"before,omitempty"`
	File    Weights  `json:"file,omitempty"`
	After   Weights  `json:"after,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	Text    string   `json:"text,omitempty"` // of watching, noted and ended
}

// String is the entry as readable progress.
func (e Entry) String() string {
	reasons := strings.Join(e.Reasons, "; ")
	switch e.Event {
	case Started:
		return e.Plan.String()
	case Weighing:
		return fmt.Sprintf("weights: %s → %s", e.Before, e.After)
	case Weighed:
		return "weights are " + e.After.String()
	case Moved:
		return fmt.Sprintf("the records are %s, codeflow:traffic and the state follow", e.After)
	case Passed:
		return fmt.Sprintf("step %d passed", e.Step)
	case Blamed:
		return "switching back: " + reasons
	case Aborting:
		return "aborting: the weights go back to what they were"
	case Stopped:
		return "stopped: " + reasons
	case Ended:
		return "the rollout is over: " + e.Text
	case Resumed, Recorded:
		return strings.TrimSuffix(string(e.Event)+": "+e.Text, ": ")
	}
	return e.Text
}

func (p *Plan) String() string {
	if p.atOnceOnly() {
		return p.atOnce()
	}
	if len(p.Steps) == 0 {
		return fmt.Sprintf("guarding %q (%s) for %s, %q is the way back", p.To, short(p.Digest), p.Guard, p.From)
	}
	return fmt.Sprintf("switching from %q to %q (%s): steps %v percent, bake %s, guard %s; at most %.0f requests per second for each target",
		p.From, p.To, short(p.Digest), p.Steps, p.Bake, p.Guard, p.Bearable)
}

// atOnceOnly is true for a plan to take the traffic back and nothing else.
func (p *Plan) atOnceOnly() bool { return len(p.Steps) == 0 && p.Guard == 0 }

func (p *Plan) atOnce() string {
	return fmt.Sprintf("taking the traffic back from %q to %q: the records become %s at once", p.To, p.From, p.Back)
}
