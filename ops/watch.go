package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// watch takes samples until the window is over, enough is known and the last one is
// good, which it returns. When as many of the last samples are bad as the threshold, or
// one is gravely bad, the blame is put on the new colour.
//
// The next sample is an interval away, so a colour that becomes bad is blamed after
// threshold intervals and looks at the latest.
func (r *run) watch(ctx context.Context, w watching) (Sample, error) {
	plan := &r.state.Plan
	begun := time.Now()
	end := begun.Add(w.window)
	var bad []bool
	held := ""
	probed := &probes{}
	for {
		probed.send(ctx, r, w)
		sample, err := r.look(ctx)
		if err != nil {
			return sample, err
		}
		sample.Since, sample.Guarding = begun, w.guarding
		over, late := !time.Now().Before(end), !time.Now().Before(end.Add(plan.Pace.Extra))
		verdict := plan.Thresholds.Judge(plan, sample)
		probed.judge(plan, &verdict)
		bad = append(bad, len(verdict.Blame) > 0)
		bad = bad[max(0, len(bad)-looks):]
		count := len(slices.DeleteFunc(slices.Clone(bad), func(b bool) bool { return !b }))
		switch {
		case len(verdict.Blame) > 0:
			if count >= w.threshold || verdict.Grave {
				return sample, r.record(Entry{Event: Blamed, Reasons: verdict.Blame})
			}
			err = r.noted("bad sample %d of %d: %s", count, w.threshold, strings.Join(verdict.Blame, "; "))
		case len(verdict.Hold) > 0:
			if over && !verdict.Waits {
				return sample, holding(verdict.Hold)
			}
			if late {
				return sample, fmt.Errorf("too little is known to go on: %s", strings.Join(verdict.Hold, "; "))
			}
			if text := strings.Join(verdict.Hold, "; "); held == "" && (over || !verdict.Waits) {
				held = text
				err = r.noted("holding: %s", text)
			}
		case over:
			return sample, r.silence(sample, w)
		default:
			held = ""
		}
		if err == nil {
			err = pause(ctx, plan.Pace.Interval)
		}
		if err != nil {
			return sample, err
		}
	}
}

// watching says how to watch.
type watching struct {
	window    time.Duration
	threshold int  // bad samples of the last looks
	guarding  bool // few requests do not matter
}

// silence notes that a watch proved little.
func (r *run) silence(s Sample, w watching) error {
	few := s.NewRequests.during(s.Since).all
	if w.window == 0 || few >= r.state.Plan.Thresholds.MinBake {
		return nil
	}
	return r.noted("%q got %d requests meanwhile: little more than its health was watched", r.state.Plan.To, few)
}

func (r *run) noted(format string, args ...any) error {
	return r.record(Entry{Event: Noted, Text: fmt.Sprintf(format, args...)})
}

func holding(reasons []string) error {
	return fmt.Errorf("it can neither go on nor back: %s", strings.Join(reasons, "; "))
}

// look samples, and makes sure that the weights are still the controller's. It
// tries again when the cloud does not answer.
func (r *run) look(ctx context.Context) (Sample, error) {
	plan := &r.state.Plan
	var last error
	for blind := range blindThreshold {
		if blind > 0 {
			if err := r.noted("cannot see (%d of %d): %v", blind, blindThreshold, last); err != nil {
				return Sample{}, err
			}
			if err := pause(ctx, plan.Pace.Interval); err != nil {
				return Sample{}, err
			}
		}
		var sample Sample
		err := within(ctx, plan.Pace.Patience, func(ctx context.Context) (err error) {
			if _, _, err = r.verified(ctx); err == nil {
				sample, err = r.c.sample(ctx, plan.To, plan.From, r.history())
			}
			return err
		})
		var byHand *byHandError
		if err == nil {
			return sample, r.keep(ctx, sample.Old)
		}
		if errors.As(err, &byHand) || ctx.Err() != nil {
			return sample, err
		}
		last = err
	}
	return Sample{}, fmt.Errorf("the colours cannot be seen: %w", last)
}

// history is how far back requests are asked for.
func (r *run) history() time.Duration {
	return max(r.state.Plan.Pace.Window, min(longest, time.Since(r.state.Begun)))
}

// within gives a use of the cloud its time.
func within(ctx context.Context, limit time.Duration, use func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return use(limited)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
