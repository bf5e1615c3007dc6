package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// backTries is how often the way back is tried before the controller gives up.
const backTries = 3

// goBack brings the traffic back: first the records, since seconds count, then the
// digest is refused, and then the stack is told.
func (r *run) goBack(ctx context.Context) error {
	if err := r.leave(ctx); err != nil {
		return err
	}
	if len(r.state.Blame) == 0 {
		if err := r.tell(ctx); err != nil {
			return err
		}
		return r.record(Entry{Event: Ended, Text: Aborted})
	}
	plan := &r.state.Plan
	if !r.state.Recorded && plan.Digest != "" {
		digest := &SwitchedBack{
			Color: plan.To, Digest: plan.Digest, Reason: strings.Join(r.state.Blame, "; "), Time: time.Now().UTC().Truncate(time.Second),
		}
		if err := within(ctx, plan.Pace.Patience, func(ctx context.Context) error { return r.c.Cloud.SetSwitchedBack(ctx, digest) }); err != nil {
			return fmt.Errorf("refusing digest %s: %w", short(plan.Digest), err)
		}
		if err := r.record(Entry{Event: Recorded, Text: fmt.Sprintf("digest %s of %q is refused from now on", short(plan.Digest), plan.To)}); err != nil {
			return err
		}
	}
	if err := r.tell(ctx); err != nil {
		return err
	}
	after, err := r.halfOpen(ctx)
	if err != nil {
		return err
	}
	if err := r.record(Entry{Event: Ended, Text: WasSwitched}); err != nil {
		return err
	}
	return &SwitchedBackError{plan.To, plan.Digest, r.state.Blame, after}
}

// leave takes the traffic back by setting the records. When that fails, every other
// try is an update of the stack.
func (r *run) leave(ctx context.Context) error {
	target := r.state.target()
	if !r.state.at(target) {
		if err := r.room(ctx); err != nil {
			return err
		}
	}
	for try := 1; !r.state.at(target); try++ {
		err := r.open(ctx)
		switch {
		case err != nil:
		case try%2 == 1:
			err = r.move(ctx, target)
		default:
			err = r.weigh(ctx, target)
		}
		if err = r.again(ctx, try, "bring the traffic back", err); err != nil {
			return err
		}
	}
	return nil
}

// tell makes codeflow:traffic and the state what the records are.
func (r *run) tell(ctx context.Context) error {
	for try := 1; r.state.Behind != nil || r.state.Pending != nil; try++ {
		if err := r.again(ctx, try, "tell the stack", r.weigh(ctx, r.state.Applied)); err != nil {
			return err
		}
	}
	return nil
}

// again notes a try that failed, and waits. It returns the error of the last one.
func (r *run) again(ctx context.Context, try int, what string, err error) error {
	var byHand *byHandError
	if err == nil || errors.As(err, &byHand) || ctx.Err() != nil || try >= backTries {
		return err
	}
	if err := r.noted("try %d of %d to %s failed: %v", try, backTries, what, err); err != nil {
		return err
	}
	return pause(ctx, r.state.Plan.Pace.Interval)
}

// open fails when the old colour has no healthy targets while the new one has some, or
// runs something else than when it had traffic and nobody has decided.
// When they cannot be seen, what was seen last counts.
func (r *run) open(ctx context.Context) error {
	plan := &r.state.Plan
	if plan.Force {
		return nil
	}
	var old, fresh Color
	if err := within(ctx, plan.Pace.Patience, func(ctx context.Context) (err error) {
		if old, err = r.c.Cloud.Color(ctx, plan.From); err == nil {
			fresh, err = r.c.Cloud.Color(ctx, plan.To)
		}
		return err
	}); err != nil || fresh.Targets.Healthy == 0 {
		return nil //nolint:nilerr // what was seen last counts.
	}
	if old.Targets.Healthy == 0 {
		return holding([]string{noWayBack(plan.From, old.Targets)})
	}
	if r.decided || r.state.Applied[plan.From] > 0 {
		return nil
	}
	return plan.unproven(old)
}

// halfOpen looks at the old colour once no resolver sends requests to the new one
// any more, and returns what is wrong with it.
func (r *run) halfOpen(ctx context.Context) (string, error) {
	plan := &r.state.Plan
	if err := r.record(Entry{Event: Watching, Text: fmt.Sprintf("waiting %s until resolvers know, then looking at %q", plan.Pace.TTL, plan.From)}); err != nil {
		return "", err
	}
	if err := pause(ctx, plan.Pace.TTL); err != nil {
		return "", err
	}
	sample, err := r.look(ctx)
	var byHand *byHandError
	switch {
	case errors.As(err, &byHand):
		return err.Error(), nil // the traffic is back: what came later is not ours
	case err != nil:
		return "", err
	}
	old := sample.Old
	switch {
	case len(old.Alarms) > 0:
		return fmt.Sprintf("alarms of %q ring: %s", plan.From, strings.Join(old.Alarms, ", ")), nil
	case old.Targets.Unhealthy > 0 || old.Targets.Healthy == 0:
		return fmt.Sprintf("%q has %s", plan.From, old.Targets), nil
	}
	return "", r.noted("%q is well: %s", plan.From, old.Targets)
}
