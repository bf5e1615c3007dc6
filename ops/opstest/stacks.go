package opstest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Traffic implements [ops.Stacks].
func (f *Fake) Traffic(ctx context.Context) (w ops.Weights, err error) {
	err = f.locked(ctx, "read file", func() error { w = maps.Clone(f.s.File); return nil })
	return w, err
}

// SetTraffic implements [ops.Stacks].
func (f *Fake) SetTraffic(ctx context.Context, was, weights ops.Weights) error {
	if err := f.locked(ctx, "write file", func() error {
		if !maps.Equal(f.s.File, was) {
			return ops.ErrTrafficChanged
		}
		f.s.File = maps.Clone(weights)
		return nil
	}); err != nil {
		return err
	}
	return f.at(ctx, "wrote file")
}

// Apply implements [ops.Stacks]. As the engine does, it changes the records that
// differ from the state one by one, writes each into the state afterwards, and
// removes records last. Between two changes the account is free for others.
func (f *Fake) Apply(ctx context.Context) error {
	if err := f.locked(ctx, "preview", f.interlock); err != nil {
		return err
	}
	for _, removing := range []bool{false, true} {
		for _, color := range f.differing(removing) {
			if err := f.locked(ctx, "change record of "+color, func() error { return f.change(color) }); err != nil {
				return err
			}
			if err := f.locked(ctx, "write state of "+color, func() error { f.learn(color); return nil }); err != nil {
				return err
			}
		}
	}
	return f.locked(ctx, "updated", func() error { return nil })
}

// interlock is the program's.
func (f *Fake) interlock() error {
	for color, weight := range f.s.File {
		c, s := f.s.Colors[color], f.s.SwitchedBack
		if c == nil {
			return fmt.Errorf("stack %q has no outputs", color)
		}
		if s != nil && weight > 0 && s.Digest == c.Release.Digest {
			return fmt.Errorf("traffic for %q is refused: its digest was switched back", color)
		}
	}
	return nil
}

func (f *Fake) differing(removing bool) (colors []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.s.File
	if removing {
		list = f.s.Known
	}
	for _, color := range slices.Sorted(maps.Keys(list)) {
		weight, wanted := f.s.File[color]
		known, has := f.s.Known[color]
		if removing && !wanted || !removing && (!has || known != weight) {
			colors = append(colors, color)
		}
	}
	return colors
}

// change brings a real record to what the file says.
func (f *Fake) change(color string) error {
	records := maps.Clone(f.s.Records)
	_, known := f.s.Known[color]
	_, exists := records[color]
	weight, wanted := f.s.File[color]
	switch {
	case wanted && !known && exists:
		return fmt.Errorf("record of %q exists already", color)
	case wanted:
		records[color] = weight
	default:
		delete(records, color)
	}
	f.s.Records = records
	return nil
}

func (f *Fake) learn(color string) {
	known := maps.Clone(f.s.Known)
	if weight, ok := f.s.Records[color]; ok {
		known[color] = weight
	} else {
		delete(known, color)
	}
	f.s.Known = known
}

// Refresh implements [ops.Stacks].
func (f *Fake) Refresh(ctx context.Context) error {
	return f.locked(ctx, "refresh", func() error { f.s.Known = maps.Clone(f.s.Records); return nil })
}

// Release implements [ops.Stacks].
func (f *Fake) Release(ctx context.Context, name string) (r ops.Release, err error) {
	err = f.locked(ctx, "read outputs", func() error {
		if c, ok := f.s.Colors[name]; ok {
			r = c.Release
		}
		return nil
	})
	return r, err
}
