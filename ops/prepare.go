package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// situation is everything that a plan is made from.
type situation struct {
	file, records Weights
	to, from      string
	release       Release
	sample        Sample
	refused       *SwitchedBack
	out           []string // see [Cloud]
}

// prepare checks everything before the first step and reports every problem at
// once.
func (c *Controller) prepare(ctx context.Context, opts SwitchOptions) (*Plan, error) {
	what := fmt.Sprintf("switch to %q", opts.To)
	s := &situation{to: opts.To}
	if err := c.readWeights(ctx, s); err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(s.records.carrying(), func(color string) bool { return color == opts.To })
	switch {
	case len(s.records.carrying()) == 0:
		return nil, refused(what, checkWeights(s.file, s.records), fmt.Errorf("no colour has traffic yet: bring %q up, then run "+
			"pulumi config set --path 'codeflow:traffic.%s' 100 and pulumi up on the platform", opts.To, opts.To))
	case len(others) == 0:
		return nil, refused(what, fmt.Errorf("%q has all the traffic already", opts.To))
	case len(others) > 1:
		return nil, refused(what, fmt.Errorf("the traffic must be on one other colour, got %s: leave one in codeflow:traffic", strings.Join(others, ", ")))
	}
	s.from = others[0]
	if err := c.readSample(ctx, s); err != nil {
		return nil, err
	}
	t := c.Thresholds.withDefaults()
	bearable := t.bearable(s.sample.Old, s.sample.OldRequests)
	problems := append(checkColor(s.to, s.sample.New, s.release), checkWeights(s.file, s.records),
		checkSwitchedBack(s.to, s.release, s.refused), checkAlarms(s.to, s.sample.New), checkOut(s.to, s.out), checkAlarms(s.from, s.sample.Old))
	if !opts.OneWay {
		problems = append(problems, c.checkSchema(ctx, s))
	}
	if err := refused(what, problems...); err != nil {
		return nil, err
	}
	now := s.records.Share(s.to)
	steps := slices.DeleteFunc(slices.Clone(opts.Steps), func(share int) bool { return float64(share) < now })
	plan := &Plan{
		To: s.to, From: s.from, Before: s.records, Back: Weights{s.from: 100}, Steps: steps, Digest: s.release.Digest,
		Kept: s.sample.Old.Desired, FromDigests: s.sample.Old.Digests, Bearable: bearable, Bake: opts.Bake, Guard: opts.Guard, Pace: c.Pace.withDefaults(), Thresholds: t,
	}
	if opts.Probe {
		plan.Probes = t.MinBake
	}
	return plan, refused(what, c.checkProbe(opts))
}

func (c *Controller) checkProbe(opts SwitchOptions) error {
	if opts.Probe && c.Probe == nil {
		return errors.New("the colours have no names of their own to probe here: leave --probe out")
	}
	return nil
}

// checkSchema makes sure that the old colour still works with the database, or else
// the way back is none.
func (c *Controller) checkSchema(ctx context.Context, s *situation) error {
	if c.Schema == nil {
		return nil
	}
	old, err := c.Stacks.Release(ctx, s.from)
	if err == nil {
		_, err = wayBack(c.Schema, old.SchemaVersion, s.release.SchemaVersion)
	}
	if err != nil {
		return fmt.Errorf("from %q to %q: %w (--one-way switches all the same)", s.to, s.from, err)
	}
	return nil
}

// prepareGuard makes a plan without steps for the colour that has all the traffic.
func (c *Controller) prepareGuard(ctx context.Context, window time.Duration) (*Plan, error) {
	const what = "guard"
	if window <= 0 {
		return nil, fmt.Errorf("the time to guard must be positive, got %s", window)
	}
	s, t := &situation{}, c.Thresholds.withDefaults()
	if err := c.readWeights(ctx, s); err != nil {
		return nil, err
	}
	carrying := s.records.carrying()
	if len(carrying) != 1 || len(s.records) != 2 {
		return nil, refused(what, fmt.Errorf("one colour must have all the traffic and another be a warm standby with 0, got %s: "+
			"finish the switch first", s.records))
	}
	s.to = carrying[0]
	for color := range s.records {
		if color != s.to {
			s.from = color
		}
	}
	if err := c.readSample(ctx, s); err != nil {
		return nil, err
	}
	problems := append(checkColor(s.to, s.sample.New, s.release), checkWeights(s.file, s.records), checkAlarms(s.to, s.sample.New))
	if s.sample.Old.Targets.Healthy == 0 {
		problems = append(problems, fmt.Errorf("%q is no way back: it has %s: bring it up with pulumi up -s %s", s.from, s.sample.Old.Targets, s.from))
	}
	if err := refused(what, problems...); err != nil {
		return nil, err
	}
	return &Plan{
		To: s.to, From: s.from, Before: s.records, Back: Weights{s.from: 100}, Digest: s.release.Digest,
		Kept: s.sample.Old.Desired, FromDigests: s.sample.Old.Digests, Bearable: t.bearable(s.sample.New, s.sample.NewRequests.over(c.Pace.withDefaults().Window)),
		Guard: window, Pace: c.Pace.withDefaults(), Thresholds: t,
	}, nil
}

func (c *Controller) readWeights(ctx context.Context, s *situation) (err error) {
	return within(ctx, c.Pace.withDefaults().Patience, func(ctx context.Context) error {
		if s.file, err = c.Stacks.Traffic(ctx); err != nil {
			return err
		}
		s.records, err = c.Cloud.Weights(ctx)
		return err
	})
}

func (c *Controller) readSample(ctx context.Context, s *situation) (err error) {
	pace := c.Pace.withDefaults()
	return within(ctx, pace.Patience, func(ctx context.Context) error {
		if s.release, err = c.Stacks.Release(ctx, s.to); err != nil {
			return err
		}
		if s.refused, err = c.Cloud.SwitchedBack(ctx); err != nil {
			return err
		}
		if s.out, err = c.Cloud.Out(ctx); err != nil {
			return err
		}
		s.sample, err = c.sample(ctx, s.to, s.from, pace.Window)
		return err
	})
}

// sample looks at both colours.
func (c *Controller) sample(ctx context.Context, to, from string, window time.Duration) (s Sample, err error) {
	look := func(color string, state *Color, requests *Requests) error {
		var errs [2]error
		*state, errs[0] = c.Cloud.Color(ctx, color)
		*requests, errs[1] = c.Cloud.Requests(ctx, color, window)
		return errors.Join(errs[:]...)
	}
	if err := errors.Join(look(to, &s.New, &s.NewRequests), look(from, &s.Old, &s.OldRequests)); err != nil {
		return s, fmt.Errorf("looking at the colours: %w", err)
	}
	return s, nil
}

// total is the load of both colours over a window, in requests per second.
func (s Sample) total(window time.Duration) float64 {
	return s.NewRequests.over(window).PerSecond() + s.OldRequests.over(window).PerSecond()
}
