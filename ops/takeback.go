package ops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// TakeBackOptions say where the traffic goes back to.
type TakeBackOptions struct {
	// To is the colour that gets all of it. Default: where the last switch came from,
	// or the warm standby.
	To string
	// Reason is for the journal and the interlock. Default: "by hand".
	Reason string
	// Force takes it to a colour without healthy targets, too.
	Force bool
}

// TakeBack takes the traffic back to a colour at once, whatever else is the matter:
// nothing is checked but that the colour can answer, and neither the engine nor the
// state is needed until the traffic is back. An unfinished switch goes back with it.
func (c *Controller) TakeBack(ctx context.Context, opts TakeBackOptions) error {
	if opts.Reason == "" {
		opts.Reason = "by hand"
	}
	entries, err := c.Journal.Entries()
	if err != nil {
		return err
	}
	previous := Fold(entries)
	if previous.Unfinished() && (opts.To == "" || opts.To == previous.Plan.From) {
		return c.blame(ctx, &run{c: c, state: previous}, opts, nil)
	}
	plan, err := c.planBack(ctx, opts, previous)
	if err != nil {
		return err
	}
	file, err := c.Stacks.Traffic(ctx)
	if err != nil || file.equal(plan.Before) {
		file = nil // without a stack file there is nothing to tell.
	}
	now := time.Now().UTC()
	started := Entry{Rollout: now.Format(rolloutFormat), Event: Started, Time: now, Plan: plan, File: file}
	return c.blame(ctx, &run{c: c, state: Fold([]Entry{started})}, opts, &started)
}

// blame confirms, and takes a rollout back.
func (c *Controller) blame(ctx context.Context, r *run, opts TakeBackOptions, started *Entry) error {
	plan := &r.state.Plan
	r.decided = true
	if c.Confirm != nil {
		if err := c.Confirm(plan.atOnce()); err != nil {
			return refused("the way back", err)
		}
	}
	if started != nil {
		if err := r.record(*started); err != nil {
			return err
		}
	}
	plan.Force = plan.Force || opts.Force
	if len(r.state.Blame) == 0 {
		if err := r.record(Entry{Event: Blamed, Reasons: []string{opts.Reason}}); err != nil {
			return err
		}
	}
	// Whatever codeflow:traffic says here, the newest decision counts.
	if err := r.adopt(ctx, true); err != nil {
		if err := r.noted("codeflow:traffic of this checkout is not what the rollout left: %v", err); err != nil {
			return err
		}
	}
	return r.run(ctx)
}

// planBack finds out which colour loses the traffic.
func (c *Controller) planBack(ctx context.Context, opts TakeBackOptions, previous *Rollout) (*Plan, error) {
	const what = "taking the traffic back"
	records, err := c.Cloud.Weights(ctx)
	if err != nil {
		return nil, err
	}
	carrying := records.carrying()
	to := opts.To
	switch _, has := records[to]; {
	case len(records) != 2:
		return nil, refused(what, fmt.Errorf("two colours must have records, got %s: set codeflow:traffic and run pulumi up", records))
	case to != "" && !has:
		return nil, refused(what, fmt.Errorf("%q has no record: --to must be one of %v", to, slices.Sorted(maps.Keys(records))))
	case to == "" && len(carrying) == 1:
		to = records.other(carrying[0])
	case to == "" && previous != nil && records[previous.Plan.From] > 0:
		to = previous.Plan.From
	case to == "":
		return nil, refused(what, errors.New("both colours have traffic, and no switch says where it came from: add --to"))
	case len(carrying) == 1 && carrying[0] == to:
		return nil, refused(what, fmt.Errorf("%q has all the traffic already", to))
	}
	bad := records.other(to)
	plan := &Plan{
		To: bad, From: to, Before: records, Back: Weights{to: 100}, Force: opts.Force, Pace: c.Pace.withDefaults(), Thresholds: c.Thresholds.withDefaults(),
	}
	_ = within(ctx, plan.Pace.Interval, func(ctx context.Context) error {
		color, err := c.Cloud.Color(ctx, bad)
		if err == nil && len(color.Digests) == 1 {
			plan.Digest = color.Digests[0]
		}
		return err
	})
	return plan, nil
}
