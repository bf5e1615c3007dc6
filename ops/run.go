package ops

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// run carries out a rollout. Its state is always what the journal says.
type run struct {
	c     *Controller
	state *Rollout

	unscalable bool // the old colour's tasks cannot be kept
	decided    bool // somebody wants the traffic back
}

// record writes an entry down, shows it, and changes the state by it.
func (r *run) record(e Entry) error {
	if err := r.c.record(r.state.ID, e); err != nil {
		return err
	}
	e.Rollout = r.state.ID
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	r.state.note(e)
	return nil
}

// run goes on until the rollout ends, or says why it does not.
func (r *run) run(ctx context.Context) error {
	err := r.advance(ctx)
	var switchedBack *SwitchedBackError
	if err == nil || errors.As(err, &switchedBack) {
		return err
	}
	if ctx.Err() != nil {
		err = errInterrupted
	}
	// The reason is for people; the state needs no such entry.
	stopped := r.record(Entry{Event: Stopped, Reasons: []string{err.Error()}})
	if lost := new(LockedError); errors.As(stopped, &lost) {
		return fmt.Errorf("the rollout is somebody else's: %w", lost)
	}
	return &UnfinishedError{r.state.ID, r.state.Applied, errors.Join(err, stopped)}
}

func (r *run) advance(ctx context.Context) error {
	plan := &r.state.Plan
	for r.state.Passed < len(plan.Steps) && !r.state.back() {
		if err := r.step(ctx, r.state.Passed); err != nil {
			return err
		}
	}
	if !r.state.back() && plan.Guard > 0 {
		if err := r.guard(ctx); err != nil {
			return err
		}
	}
	if r.state.back() {
		return r.goBack(ctx)
	}
	return r.record(Entry{Event: Ended, Text: Done})
}

// step gives the new colour its next share and watches it.
func (r *run) step(ctx context.Context, step int) error {
	plan := &r.state.Plan
	weights := plan.weights(step)
	if !r.state.at(weights) {
		if err := r.ready(ctx, plan.Steps[step]); err != nil || r.state.back() {
			return err
		}
		if err := r.weigh(ctx, weights); err != nil {
			return err
		}
	}
	window := plan.Pace.TTL + plan.Bake
	if err := r.record(Entry{Event: Watching, Text: fmt.Sprintf("watching %q at %d percent for %s (%s until resolvers know, then the bake)",
		plan.To, plan.Steps[step], window, plan.Pace.TTL)}); err != nil {
		return err
	}
	if _, err := r.watch(ctx, watching{window: window, threshold: bakeThreshold}); err != nil || r.state.back() {
		return err
	}
	return r.record(Entry{Event: Passed, Step: step + 1})
}

// ready looks once more before the new colour gets more traffic.
func (r *run) ready(ctx context.Context, share int) error {
	plan := &r.state.Plan
	sample, err := r.watch(ctx, watching{threshold: bakeThreshold, guarding: true})
	if err != nil || r.state.back() {
		return err
	}
	return r.roomy(ctx, plan.To, float64(share), plan.Pace.Update, sample)
}

func (r *run) guard(ctx context.Context) error {
	plan := &r.state.Plan
	if err := r.record(Entry{Event: Watching, Text: fmt.Sprintf("guarding %q for %s: %d bad samples in a row or a grave one bring %q back, which stays warm",
		plan.To, plan.Guard, guardThreshold, plan.From)}); err != nil {
		return err
	}
	_, err := r.watch(ctx, watching{window: plan.Guard, threshold: guardThreshold, guarding: true})
	return err
}

// at is true when the weights are known to be there.
func (r *Rollout) at(weights Weights) bool {
	return r.Pending == nil && r.Applied.equal(weights)
}
