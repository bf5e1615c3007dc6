package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// weigh leads the weights to where they are to be. It changes nothing that
// somebody else changed.
func (r *run) weigh(ctx context.Context, to Weights) error {
	pace := r.state.Plan.Pace
	return within(ctx, pace.Update, func(ctx context.Context) error {
		file, records, err := r.verified(ctx)
		if err != nil {
			return err
		}
		if r.state.Pending != nil || r.state.Behind != nil {
			// The last update was cut off, or the records were set without it: the state
			// may not know them.
			if err := r.c.Stacks.Refresh(ctx); err != nil {
				return err
			}
		}
		for _, next := range route(records, to) {
			if err := r.update(ctx, file, records, next); err != nil {
				return err
			}
			file, records = next, next
		}
		return nil
	})
}

// move sets the records at once, which needs neither the engine nor the state. The
// stack is to be told afterwards.
func (r *run) move(ctx context.Context, to Weights) error {
	return within(ctx, r.state.Plan.Pace.Patience, func(ctx context.Context) error {
		file, records, err := r.verified(ctx)
		if err != nil {
			return err
		}
		if err := r.record(Entry{Event: Weighing, Before: records, File: file, After: to}); err != nil {
			return err
		}
		if err := r.c.Cloud.SetWeights(ctx, records, to); errors.Is(err, ErrTrafficChanged) {
			return &byHandError{"the records", records.String(), "others"}
		} else if err != nil {
			return err
		}
		return r.record(Entry{Event: Moved, File: file, After: to})
	})
}

// update makes one update of the weights.
func (r *run) update(ctx context.Context, file, records, next Weights) error {
	if err := r.record(Entry{Event: Weighing, Before: records, File: file, After: next}); err != nil {
		return err
	}
	if !file.equal(next) {
		if err := r.c.Stacks.SetTraffic(ctx, file, next); errors.Is(err, ErrTrafficChanged) {
			return &byHandError{"codeflow:traffic", file.String(), "another value"}
		} else if err != nil {
			return err
		}
	}
	if err := r.c.Stacks.Apply(ctx); err != nil {
		return err
	}
	got, err := r.c.Cloud.Weights(ctx)
	if err != nil {
		return err
	}
	if !got.equal(next) {
		return fmt.Errorf("after the update the records must be %s, got %s: the state does not know the records; run pulumi refresh on the platform", next, got)
	}
	return r.record(Entry{Event: Weighed, After: next})
}

// adopt brings codeflow:traffic of this checkout to what the rollout left, when another
// one has worked on it last: here it is as it was committed, and nobody's decision.
func (r *run) adopt(ctx context.Context, always bool) error {
	journal, ok := r.c.Journal.(interface{ Foreign() bool })
	if !always && (!ok || !journal.Foreign()) {
		return nil
	}
	file, err := r.c.Stacks.Traffic(ctx)
	left := cmp.Or(r.state.Pending, r.state.Behind, &Change{File: r.state.Applied})
	if err != nil || file.equal(left.File) || file.equal(left.After) {
		return err
	}
	if err := r.c.Stacks.SetTraffic(ctx, file, left.File); err != nil {
		return err
	}
	return r.noted("codeflow:traffic of this checkout was %s, and is %s as the rollout left it", file, left.File)
}

// verified reads the weights and fails when they are not what the controller left:
// exactly so, or anything that a cut off update may have left.
func (r *run) verified(ctx context.Context) (file, records Weights, err error) {
	if file, err = r.c.Stacks.Traffic(ctx); err != nil {
		return nil, nil, err
	}
	if records, err = r.c.Cloud.Weights(ctx); err != nil {
		return nil, nil, err
	}
	pending := cmp.Or(r.state.Pending, r.state.Behind, &Change{r.state.Applied, r.state.Applied, r.state.Applied})
	rule := pending.After.String()
	if r.state.Pending != nil {
		rule = fmt.Sprintf("between %s and %s", pending.Before, pending.After)
	}
	if !file.equal(pending.File) && !file.equal(pending.After) {
		return nil, nil, &byHandError{"codeflow:traffic", rule, file.String()}
	}
	if !records.between(pending.Before, pending.After) {
		return nil, nil, &byHandError{"the records", rule, records.String()}
	}
	return file, records, nil
}
