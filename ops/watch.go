package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// watch takes samples until the window is over and the last one is good. Threshold
// bad ones in a row, or an alarm, put the blame on the new colour.
//
// The next sample is an interval away, so a colour that becomes bad is blamed after
// threshold intervals and looks at the latest.
func (r *run) watch(ctx context.Context, window time.Duration, threshold int) error {
	plan := &r.state.Plan
	end := time.Now().Add(window)
	bad, held := 0, ""
	for {
		sample, err := r.look(ctx)
		if err != nil {
			return err
		}
		over := !time.Now().Before(end)
		verdict := plan.Thresholds.Judge(plan, sample)
		switch {
		case len(verdict.Blame) > 0:
			bad++
			if bad >= threshold || verdict.Alarmed {
				return r.record(Entry{Event: Blamed, Reasons: verdict.Blame})
			}
			err = r.noted("bad sample %d of %d: %s", bad, threshold, strings.Join(verdict.Blame, "; "))
		case len(verdict.Hold) > 0:
			if over {
				return holding(verdict.Hold)
			}
			if text := strings.Join(verdict.Hold, "; "); held == "" {
				held = text
				err = r.noted("holding: %s", text)
			}
		default:
			if over {
				return r.silence(sample)
			}
			bad, held = 0, ""
		}
		if err != nil {
			return err
		}
		if err := pause(ctx, plan.Pace.Interval); err != nil {
			return err
		}
	}
}

// silence notes that a watch proved little.
func (r *run) silence(s Sample) error {
	if s.NewRequests.Count > 0 {
		return nil
	}
	return r.noted("%q got no requests: only its health was watched", r.state.Plan.To)
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
				sample, err = r.c.sample(ctx, plan.To, plan.From, plan.Pace.Window)
			}
			return err
		})
		var byHand *byHandError
		if err == nil || errors.As(err, &byHand) || ctx.Err() != nil {
			return sample, err
		}
		last = err
	}
	return Sample{}, fmt.Errorf("the colours cannot be seen: %w", last)
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
