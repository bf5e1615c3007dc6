package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
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
	window := time.Duration(float64(counting) * float64(r.sandbox.TimeScale())) // AWS's time.
	requests, err := r.sandbox.Account.Requests(ctx, color, window)
	if err != nil {
		return s, err
	}
	state, err := r.sandbox.Account.Color(ctx, color)
	if err != nil {
		return s, err
	}
	weights, err := r.sandbox.Account.Weights(ctx)
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
	all.RateAsked, all.RateReached = r.opts.Rate, r.load.Rate()
	for i, s := range all.Samples {
		end := r.began.Add(time.Duration(s.At * float64(time.Second)))
		seen := r.load.Totals(end.Add(-counting), end)
		all.Samples[i].Client = report.ClientSample{
			SentPerSecond: float64(seen.Sent) / counting.Seconds(), FailedPerSecond: float64(seen.Failed) / counting.Seconds(),
			RetriedPerSecond: float64(seen.Retried) / counting.Seconds(), P95Seconds: seen.P95.Seconds(),
		}
	}
	var failures []error
	for _, row := range r.rows {
		seen := r.load.Totals(row.start, row.end)
		row.Start, row.End, row.Sent, row.Failed, row.Retried = r.at(row.start), r.at(row.end), seen.Sent, seen.Failed, seen.Retried
		if row.Failed > row.AllowedFailures {
			row.settle(fmt.Errorf("%d requests failed, %d may: %s", row.Failed, row.AllowedFailures, r.examples(row)))
		}
		if row.Outcome == report.Failed {
			failures = append(failures, fmt.Errorf("scenario %q failed: %s", row.Name, strings.Join(row.Notes, "; ")))
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
	fmt.Fprintln(r.opts.Out, report.Summary(*all, dir+"/"+report.HTMLFile))
	return errors.Join(failures...)
}

// examples are some of the requests that failed in a scenario.
func (r *rehearsal) examples(row *row) string {
	var some []string
	for _, f := range r.load.Failures() {
		if !f.At.Before(row.start) && f.At.Before(row.end) && len(some) < 3 {
			some = append(some, f.Kind+": "+f.What)
		}
	}
	return strings.Join(some, "; ")
}
