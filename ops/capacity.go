package ops

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// keep lets the old colour keep the tasks that it had, so that it can take the traffic
// back. Its autoscaling takes them away as its load goes, and is asked again by each look;
// a raised minimum would have to be put back by somebody.
func (r *run) keep(ctx context.Context, old Color) error {
	plan := &r.state.Plan
	if old.Desired >= plan.Kept || old.Deploying || r.state.back() || r.unscalable {
		return nil
	}
	if err := r.c.Cloud.Scale(ctx, plan.From, plan.Kept); err != nil {
		r.unscalable = true
		return r.noted("%q has %d tasks of the %d that it had, and they cannot be kept: %v", plan.From, old.Desired, plan.Kept, err)
	}
	return r.noted("%q had scaled in to %d tasks, and gets back the %d that it had", plan.From, old.Desired, plan.Kept)
}

// roomy makes sure that a colour has as many healthy targets as its share of the load
// needs: it gets more tasks, and is waited for.
func (r *run) roomy(ctx context.Context, color string, share float64, patience time.Duration, s Sample) error {
	plan := &r.state.Plan
	load := s.total(plan.Pace.Window) * share / 100
	need := needed(load, plan.Bearable)
	state := map[string]Color{plan.To: s.New, plan.From: s.Old}[color]
	if state.Targets.Healthy >= need {
		return nil
	}
	lacks := func(why string) error {
		return fmt.Errorf("%q lacks capacity for %.0f %% of %.0f requests per second: each target may get %.0f, so %d healthy targets are needed, got %d (%s): "+
			"raise scaling.max of codeflow:color, and the Fargate quota of the account when tasks do not start", color, share,
			s.total(plan.Pace.Window), plan.Bearable, need, state.Targets.Healthy, why)
	}
	if state.Desired < need {
		if err := r.c.Cloud.Scale(ctx, color, need); err != nil {
			return lacks(err.Error())
		}
	}
	if err := r.noted("%q gets %d tasks for %.0f %% of the load, and has %d healthy", color, need, share, state.Targets.Healthy); err != nil {
		return err
	}
	died := false
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := pause(ctx, plan.Pace.Interval); err != nil {
			return err
		}
		if err := within(ctx, plan.Pace.Patience, func(ctx context.Context) error {
			now, err := r.c.Cloud.Color(ctx, color)
			if err == nil {
				state = now
			}
			return err
		}); err != nil {
			continue
		}
		switch dead := color == plan.To && state.Targets.Healthy == 0; {
		case state.Targets.Healthy >= need:
			return nil
		case dead && died: // twice in a row: its share of the traffic does not wait for tasks
			return r.record(Entry{Event: Blamed, Reasons: []string{fmt.Sprintf("%q has %s", color, state.Targets)}})
		default:
			died = dead
		}
	}
	return lacks(fmt.Sprintf("after %s", patience))
}

// room raises the old colour before the traffic goes back to it, unless the new one
// cannot answer at all, or somebody waits. It does not keep the traffic for long.
func (r *run) room(ctx context.Context) error {
	plan := &r.state.Plan
	if plan.Bearable == 0 || plan.atOnceOnly() {
		return nil
	}
	var sample Sample
	if err := within(ctx, plan.Pace.Patience, func(ctx context.Context) (err error) {
		sample, err = r.c.sample(ctx, plan.To, plan.From, plan.Pace.Window)
		return err
	}); err != nil || sample.New.Targets.Healthy == 0 {
		return nil //nolint:nilerr // what cannot be seen does not stop the way back.
	}
	if err := r.roomy(ctx, plan.From, 100, 2*plan.Pace.TTL, sample); err != nil && ctx.Err() == nil {
		return r.noted("the traffic goes back all the same: %v", err)
	}
	return ctx.Err()
}

// unproven is why a colour that the traffic came from is no way back any more: it runs
// something else now.
func (p *Plan) unproven(old Color) error {
	if len(p.FromDigests) == 0 || len(old.Digests) == 0 || slices.Equal(old.Digests, p.FromDigests) {
		return nil
	}
	return fmt.Errorf("%q is no way back: it runs %s, and had the traffic with %s: ops switch --abort goes back all the same", p.From, digests(old.Digests), digests(p.FromDigests))
}
