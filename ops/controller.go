package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// rolloutFormat is how a rollout is named, by when it began.
const rolloutFormat = "20060102T150405.000"

// Controller moves traffic. Only one may work at a time, which is who has the
// journal.
type Controller struct {
	Cloud   Cloud
	Stacks  Stacks
	Journal Journal
	// Out gets the decisions, one a line. Required.
	Out io.Writer
	// Confirm is asked before traffic moves, nil: yes. An error is the reason why not.
	Confirm    func(what string) error
	Pace       Pace
	Thresholds Thresholds
	// Schema of the database, nil: it is not looked at before a switch.
	Schema Schema
	// Probe sends a request of its own to a colour, nil: it cannot.
	Probe func(ctx context.Context, color string) error
}

// Switch moves the traffic to a colour, step by step. Its errors are
// [RefusedError] when nothing was begun, [SwitchedBackError] and
// [UnfinishedError].
func (c *Controller) Switch(ctx context.Context, opts SwitchOptions) error {
	if err := opts.validate(); err != nil {
		return err
	}
	if err := c.free(); err != nil {
		return err
	}
	plan, err := c.prepare(ctx, opts)
	if err != nil {
		return err
	}
	return c.begin(ctx, plan)
}

// Announced does what codeflow:traffic says and the records do not yet: it switches
// to the colour that has all the weight there. Nothing is done when both are the
// same. When the switch is refused, codeflow:traffic is as it was.
func (c *Controller) Announced(ctx context.Context, opts SwitchOptions) error {
	s := &situation{}
	if err := c.readWeights(ctx, s); err != nil || s.file.equal(s.records) {
		return err
	}
	carrying := s.file.carrying()
	if len(carrying) != 1 {
		return refused("what codeflow:traffic says", fmt.Errorf("one colour must have all the weight, got %s: "+
			"a share is a step of a switch, see --to and --steps", s.file))
	}
	opts.To = carrying[0]
	if err := c.Stacks.SetTraffic(ctx, s.file, s.records); err != nil {
		return err
	}
	err := c.Switch(ctx, opts)
	if refusal := new(RefusedError); errors.As(err, &refusal) {
		err = errors.Join(err, c.Stacks.SetTraffic(ctx, s.records, s.file))
	}
	return err
}

// Idle is the colour to bring a release up on. It is refused while a switch is not
// over, or codeflow:traffic is not what the records are: an update of the platform
// would move the traffic then.
func (c *Controller) Idle(ctx context.Context, colors []string) (string, error) {
	s := &situation{}
	if err := c.readWeights(ctx, s); err != nil {
		return "", err
	}
	color, err := s.records.Idle(colors)
	return color, errors.Join(err, refused("bringing a release up", checkWeights(s.file, s.records)))
}

// Guard watches the colour that has the traffic for some time. The warm standby is
// the way back.
func (c *Controller) Guard(ctx context.Context, window time.Duration) error {
	if err := c.free(); err != nil {
		return err
	}
	plan, err := c.prepareGuard(ctx, window)
	if err != nil {
		return err
	}
	return c.begin(ctx, plan)
}

// Resume goes on with an unfinished rollout where its journal ends. A watch that
// was interrupted begins anew, since nobody watched in between.
func (c *Controller) Resume(ctx context.Context) error {
	r, err := c.unfinished()
	if err != nil {
		return err
	}
	if err := r.record(Entry{Event: Resumed}); err != nil {
		return err
	}
	if err := r.adopt(ctx, false); err != nil {
		return err
	}
	return r.run(ctx)
}

// Abort ends an unfinished rollout: the weights go back to what they were before
// it. When it was switching back, it goes on with that. Weights that were changed
// by hand stay.
func (c *Controller) Abort(ctx context.Context) error {
	r, err := c.unfinished()
	if err != nil {
		return err
	}
	r.decided = true
	if !r.state.back() {
		if err := r.record(Entry{Event: Aborting}); err != nil {
			return err
		}
	}
	if err := r.adopt(ctx, false); err != nil {
		return err
	}
	err = r.run(ctx)
	var byHand *byHandError
	if errors.As(err, &byHand) {
		return r.record(Entry{Event: Ended, Text: LeftByHand})
	}
	return err
}

// Unblock lets a digest that was switched back have traffic again.
func (c *Controller) Unblock(ctx context.Context, reason string) error {
	refusedDigest, err := c.Cloud.SwitchedBack(ctx)
	if err != nil {
		return fmt.Errorf("reading which digest is refused: %w", err)
	}
	if refusedDigest == nil {
		return refused("unblock", errors.New("no digest is refused"))
	}
	if err := c.record("", Entry{Event: Unblocked, Text: fmt.Sprintf("digest %s of %q may have traffic again: %s",
		short(refusedDigest.Digest), refusedDigest.Color, reason)}); err != nil {
		return err
	}
	return c.Cloud.SetSwitchedBack(ctx, nil)
}

// begin writes the plan down and carries it out.
func (c *Controller) begin(ctx context.Context, plan *Plan) error {
	if c.Confirm != nil {
		if err := c.Confirm(plan.String()); err != nil {
			return refused("the rollout", err)
		}
	}
	r := &run{c: c}
	now := time.Now().UTC()
	started := Entry{Rollout: now.Format(rolloutFormat), Event: Started, Time: now, Plan: plan}
	r.state = Fold([]Entry{started})
	if err := r.record(started); err != nil {
		return err
	}
	return r.run(ctx)
}

// free fails when the last rollout is not finished.
func (c *Controller) free() error {
	entries, err := c.Journal.Entries()
	if err != nil {
		return err
	}
	if r := Fold(entries); r.Unfinished() {
		return refused("a new rollout", fmt.Errorf("%s: finish it with ops switch --resume or --abort", r.Explain()))
	}
	return nil
}

func (c *Controller) unfinished() (*run, error) {
	entries, err := c.Journal.Entries()
	if err != nil {
		return nil, err
	}
	state := Fold(entries)
	if !state.Unfinished() {
		return nil, errors.New("there is no unfinished rollout: see ops status")
	}
	return &run{c: c, state: state}, nil
}

// record writes an entry down and shows it.
func (c *Controller) record(rollout string, e Entry) error {
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	e.Rollout = rollout
	if err := c.Journal.Append(e); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.Out, "%s %s\n", e.Time.Local().Format(time.TimeOnly), e)
	return nil
}
