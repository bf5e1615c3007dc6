package rehearsal

import (
	"context"
	"fmt"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
)

// row is what a scenario came to.
type row struct {
	report.Scenario

	start, end time.Time
	switches   []report.Switch
	// after waits for what the scenario has left behind, when all are over.
	after func(context.Context) error
}

// play goes through a scenario.
func (r *rehearsal) play(ctx context.Context, s scenario) {
	row := &row{Scenario: report.Scenario{Name: s.name, What: s.what, Outcome: report.Passed, Notes: []string{}}, start: time.Now()}
	r.rows = append(r.rows, row)
	r.say("── %s: %s", s.name, s.what)
	row.settle(s.play(r, ctx, row))
	if row.end.IsZero() {
		row.end = time.Now()
	}
	r.say("── %s: %s", s.name, row.Outcome)
}

// settle fails the row when there is an error.
func (row *row) settle(err error) {
	if err != nil {
		row.Outcome = report.Failed
		row.note("%v", err)
	}
}

func (row *row) skip(why string) {
	row.Outcome = report.Skipped
	row.note("%s", why)
}

func (row *row) note(format string, args ...any) {
	row.Notes = append(row.Notes, fmt.Sprintf(format, args...))
}

func (row *row) detected(after time.Duration) { row.SecondsToDetect = seconds(after) }
func (row *row) safe(after time.Duration)     { row.SecondsToSafe = seconds(after) }

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

// switched notes how much of a switch was waiting, which AWS's time makes longer,
// and how much was our own.
func (row *row) switched(from, to string, took time.Duration, journal []ops.Entry) {
	s := report.Switch{From: from, To: to, Seconds: took.Seconds()}
	for _, e := range journal {
		if e.Event == ops.Started {
			steps := float64(len(e.Plan.Steps))
			s.TTLSeconds, s.BakeSeconds = steps*e.Plan.Pace.TTL.Seconds(), steps*e.Plan.Bake.Seconds()+e.Plan.Guard.Seconds()
		}
	}
	s.OwnSeconds = s.Seconds - s.TTLSeconds - s.BakeSeconds
	row.switches = append(row.switches, s)
}

// health is the status that a task tells of itself.
func (r *rehearsal) health(ctx context.Context) (string, error) {
	var health struct{ Status string }
	_, err := r.sandbox.Get(ctx, "/health", &health)
	return health.Status, err
}
