package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

// row is what a scenario came to.
type row struct {
	report.Scenario

	start, end time.Time
	switches   []report.Switch
	// after waits for what the scenario has left behind, when all are over.
	after func(context.Context) error
}

// limit is how long a scenario may take at the full rate, three times what the longest
// does.
const limit = 2 * time.Minute

// play goes through a scenario. It tells whether that is over: else no other can begin.
func (r *rehearsal) play(ctx context.Context, s scenario) (played *row, over bool) {
	row := &row{Scenario: report.Scenario{Name: s.name, What: s.what, Outcome: report.Passed, Notes: []string{}}, start: time.Now()}
	r.rows = append(r.rows, row)
	r.say("── %s: %s", s.name, s.what)
	limited, stop := context.WithTimeout(ctx, r.terms.stretched(limit))
	defer stop()
	err := r.ready(limited)
	if err == nil {
		r.begins(time.Now())
		err = s.play(r, limited, row)
	}
	if over = limited.Err() == nil; !over {
		r.begins(row.start)
		err = errors.Join(fmt.Errorf("it was not over within %s", r.terms.stretched(limit).Round(time.Second)), err)
	}
	r.settle(row, err)
	if row.end.IsZero() {
		row.end = time.Now()
	}
	r.failures = append(r.failures, r.load.Failures()...)
	r.say("── %s: %s", s.name, row.Outcome)
	return row, over
}

// unplayed is a scenario that cannot begin.
func (r *rehearsal) unplayed(s scenario, outcome string, why error) *row {
	now := time.Now()
	return &row{
		Scenario: report.Scenario{Name: s.name, What: s.what, Outcome: outcome, Notes: []string{why.Error()}}, start: now, end: now,
	}
}

// settle judges the row when there is an error: by the machine's pace in what the step
// that failed took, or before the time that the error is of.
func (r *rehearsal) settle(row *row, err error) {
	if err == nil {
		return
	}
	span := r.going()
	if missed := (missedAt{}); errors.As(err, &missed) {
		span = traffic.Span{From: missed.at, To: missed.at}
	}
	outcome := witness(r.late).missed(span, r.memory())
	row.Outcome = worse(row.Outcome, outcome)
	row.note("%v", err)
	row.note("%s", r.evidence(since(span, r.memory())))
}

// evidence says how the machine did in a span.
func (r *rehearsal) evidence(s traffic.Span) string {
	said := "the machine kept pace"
	if witness(r.late).starved(s, 0) {
		said = "the machine was too slow"
	}
	return fmt.Sprintf("%s: %.0f %% of its control answers were later than %s from %.1f s to %.1f s, half of them than %s",
		said, 100*r.late(s), r.terms.late.Round(time.Millisecond), r.at(s.From), r.at(s.To), r.pace.Quantile(s, 0.5).Round(time.Millisecond/10))
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
