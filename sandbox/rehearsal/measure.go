package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

// sampling is how often the colours are looked at, and over how much real time
// their requests are counted.
const sampling, counting = 500 * time.Millisecond, time.Second

// sample looks at the colours until the context ends.
func (r *rehearsal) sample(ctx context.Context) {
	ticker := time.NewTicker(sampling)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			colors := map[string]report.ColorSample{}
			for _, color := range []string{"blue", "green"} {
				if s, err := r.look(ctx, color); err == nil { // a gap in the plot.
					colors[color] = s
				}
			}
			r.mu.Lock()
			r.report.Samples = append(r.report.Samples, report.Sample{At: r.at(now), Colors: colors})
			r.mu.Unlock()
		}
	}
}

func (r *rehearsal) look(ctx context.Context, color string) (s report.ColorSample, err error) {
	requests, err := r.traffic.Requests(ctx, color, counting)
	if err != nil {
		return s, err
	}
	state, err := r.traffic.Color(ctx, color)
	if err != nil {
		return s, err
	}
	weights, err := r.traffic.Weights(ctx)
	return report.ColorSample{
		RequestsPerSecond: float64(requests.Count) / counting.Seconds(), ErrorsPerSecond: float64(requests.Errors) / counting.Seconds(),
		P95Seconds: requests.P95.Seconds(), Weight: float64(weights[color]), HealthyTargets: state.Targets.Healthy,
	}, err
}

// exposed is from when until when a colour had a share of the traffic, after a time:
// to half a second.
func (r *rehearsal) exposed(color string, after time.Time) (from, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.report.Samples {
		at := r.began.Add(time.Duration(s.At * float64(time.Second)))
		switch has := s.Colors[color].Weight > 0; {
		case at.Before(after):
		case has && from.IsZero():
			from = at
		case !has && !from.IsZero() && until.IsZero():
			until = at
		}
	}
	return from, until
}

// at is a time in seconds since the beginning.
func (r *rehearsal) at(t time.Time) float64 { return t.Sub(r.began).Seconds() }

// write adds up what the clients saw, judges the scenarios by it and writes the
// report.
func (r *rehearsal) write() error {
	all := &r.report
	all.Started, all.Seconds = r.began.UTC().Truncate(time.Second), time.Since(r.began).Seconds()
	all.Machine, all.TimeScale = report.ThisMachine(), float64(r.sandbox.TimeScale())
	all.RateWanted, all.RateBorne, all.LateSeconds = r.opts.Rate, r.terms.borne, r.terms.late.Seconds()
	if r.load != nil {
		all.RateAsked, all.RateReached = r.terms.rate, r.load.Rate()
		r.failures = append(r.failures, r.load.Failures()...)
	}
	for i, s := range all.Samples {
		end := r.began.Add(time.Duration(s.At * float64(time.Second)))
		seen := r.load.Totals(end.Add(-counting), end)
		all.Samples[i].Client = report.ClientSample{
			SentPerSecond: float64(seen.Sent) / counting.Seconds(), FailedPerSecond: float64(seen.Failed) / counting.Seconds(),
			RetriedPerSecond: float64(seen.Retried) / counting.Seconds(), P95Seconds: seen.P95.Seconds(),
		}
		all.Samples[i].ControlP95Seconds = r.pace.Quantile(traffic.Span{From: end.Add(-counting), To: end}, 0.95).Seconds()
	}
	var failures []error
	var unjudged []string
	for _, row := range r.rows {
		row.Start, row.End = r.at(row.start), r.at(row.end)
		if r.load != nil {
			r.count(row)
		}
		if row.Outcome == report.Failed {
			failures = append(failures, fmt.Errorf("scenario %q failed: %s", row.Name, strings.Join(row.Notes, "; ")))
		}
		if row.Outcome == report.NotJudged {
			unjudged = append(unjudged, row.Name)
		}
		all.Scenarios = append(all.Scenarios, row.Scenario)
		all.Switches = append(all.Switches, row.switches...)
	}
	dir := r.sandbox.Dir()
	if err := report.Write(dir, *all); err != nil {
		return err
	}
	if err := report.WriteTable(r.opts.Out, *all); err != nil {
		return err
	}
	for _, s := range all.Switches {
		fmt.Fprintln(r.opts.Out, s.Sentence(all.TimeScale))
	}
	calls, err := r.sandbox.Account.Calls()
	if err == nil {
		err = awsapi.WriteCounts(r.opts.Out, calls)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(r.opts.Out, all.Pace())
	fmt.Fprintln(r.opts.Out, report.Summary(*all, dir+"/"+report.HTMLFile))
	if len(failures) == 0 && len(unjudged) > 0 {
		return fmt.Errorf("%w for %s", ErrTooSlow, strings.Join(unjudged, ", "))
	}
	return errors.Join(failures...)
}

// count judges a row by its requests.
func (r *rehearsal) count(row *row) {
	seen, span := r.load.Totals(row.start, row.end), traffic.Span{From: row.start, To: row.end}
	row.Sent, row.Failed, row.Lost, row.Retried, row.Late = seen.Sent, seen.Failed, seen.Lost, seen.Retried, r.late(span)
	lost := r.load.Lost(row.start, row.end)
	outcome, excused := witness(r.late).requests(row.Failed, row.AllowedFailures, lost, r.memory())
	row.Outcome = worse(row.Outcome, outcome)
	if outcome == report.Passed {
		return
	}
	row.note("%d requests failed, %d may; %d were lost, %d of them while the machine was too slow: %s",
		row.Failed, row.AllowedFailures, len(lost), excused, r.examples(span))
	row.note("%s", r.evidence(span))
}

// examples are some of the requests that failed in a span.
func (r *rehearsal) examples(s traffic.Span) string {
	var some []string
	for _, f := range r.failures {
		if !f.At.Before(s.From) && f.At.Before(s.To) && len(some) < 3 {
			some = append(some, f.Kind+": "+f.What)
		}
	}
	return strings.Join(some, "; ")
}
