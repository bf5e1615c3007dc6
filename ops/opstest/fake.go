// Package opstest stands in for an account and its stacks in tests of the traffic
// controller, and holds the tests that every [ops.Cloud] must pass.
package opstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Fake is an account and its stacks in memory. It implements [ops.Cloud] and
// [ops.Stacks].
type Fake struct {
	// Hook is called at the beginning of every call and before every single change
	// of the account or the state, with what is about to happen. Its error is the
	// call's; a panic in it is a crash at that point.
	Hook func(ctx context.Context, point string) error

	mu sync.Mutex
	s  State
}

// State is what a fake knows. It survives a crash as JSON.
type State struct {
	Colors       map[string]*Color
	File         ops.Weights // codeflow:traffic
	Known        ops.Weights // the records in the state of the platform
	Records      ops.Weights // the real ones
	SwitchedBack *ops.SwitchedBack
	Out          []string      // colours whose health checks fail
	Load         float64       // requests per second of all clients together
	Only         string        // the colour that they all go to; "": they follow the records
	Minute       time.Duration // how long a minute of requests takes; 0: a minute
}

// Color is a colour and how it answers.
type Color struct {
	ops.Color
	Release ops.Release
	Errors  float64 // share of 5xx
	P95     time.Duration
	Unknown string // why its requests are not known
	Most    int    // tasks that can be had; 0: any number
}

// Healthy is a colour that is up with a number of tasks.
func Healthy(name string, tasks int) *Color {
	digest, task := Digest(name), "arn:aws:ecs:eu-central-1:123456789012:task-definition/codeflow-"+name
	return &Color{
		Color: ops.Color{
			Targets: ops.Targets{Healthy: tasks}, Desired: tasks, Running: tasks,
			TaskDefinition: task + ":2", Digests: []string{digest},
		},
		Release: ops.Release{
			Digest: digest, SettledDigest: digest, TaskDefinition: task + ":2", SettledTaskDefinition: task + ":2",
			PreviousDigest: Digest(name + " before"), PreviousTaskDefinition: task + ":1",
		},
		P95: 100 * time.Millisecond,
	}
}

// Digest is an image's digest made from a text.
func Digest(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

// New is an account in which blue has the traffic and green is up, three tasks
// each, under 60 requests per second.
func New() *Fake {
	blue := ops.Weights{"blue": 100}
	return Restore(State{
		Colors: map[string]*Color{"blue": Healthy("blue", 3), "green": Healthy("green", 3)},
		File:   blue, Known: blue, Records: blue, Load: 60,
	})
}

// Restore is an account in a given state.
func Restore(s State) *Fake { return &Fake{s: s} }

// Edit reads or changes the account, as others than the controller do.
func (f *Fake) Edit(edit func(s *State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.s)
}

func (f *Fake) at(ctx context.Context, point string) error {
	if f.Hook == nil {
		return ctx.Err()
	}
	return f.Hook(ctx, point)
}

// locked calls the hook without the account's lock, so that the hook may wait or
// change the account.
func (f *Fake) locked(ctx context.Context, point string, use func() error) error {
	if err := f.at(ctx, point); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return use()
}

func (f *Fake) color(ctx context.Context, name, point string, use func(*Color)) error {
	return f.locked(ctx, point, func() error {
		c, ok := f.s.Colors[name]
		if !ok {
			return fmt.Errorf("colour %q is not up", name)
		}
		use(c)
		return nil
	})
}

// Color implements [ops.Cloud].
func (f *Fake) Color(ctx context.Context, name string) (state ops.Color, err error) {
	err = f.color(ctx, name, "read color", func(c *Color) {
		state = c.Color
		state.Digests, state.Alarms = slices.Clone(c.Digests), slices.Clone(c.Alarms)
	})
	return state, err
}

// Requests implements [ops.Cloud]: the load follows the records as they are now.
func (f *Fake) Requests(ctx context.Context, name string, window time.Duration) (r ops.Requests, err error) {
	err = f.color(ctx, name, "read requests", func(c *Color) {
		r = f.s.requests(name, c, window)
	})
	return r, err
}

// requests are alike in every minute, and as many in all as the load says.
func (s *State) requests(name string, c *Color, window time.Duration) ops.Requests {
	each := cmp.Or(s.Minute, time.Minute)
	n := max(1, int(math.Ceil(float64(window)/float64(each))))
	end := time.Now().Truncate(each)
	count := s.Load * 60 * s.share(name)
	minutes := make([]ops.Minute, n)
	until := func(i int, each float64) int { return int(math.Round(float64(i) * each)) }
	for i := range minutes {
		m := ops.Minute{
			Start: end.Add(time.Duration(i-n) * each), Count: until(i+1, count) - until(i, count),
			Errors: until(i+1, count*c.Errors) - until(i, count*c.Errors),
		}
		if m.Count > 0 {
			m.P50, m.P95, m.P99 = c.P95/2, c.P95, 2*c.P95
		}
		minutes[i] = m
	}
	r := ops.Sum(minutes, each)
	r.Unknown = c.Unknown
	return r
}

// share is the part of the load that a colour gets.
func (s *State) share(color string) float64 {
	switch s.Only {
	case "":
		return s.Answers()[color]
	case color:
		return 1
	}
	return 0
}

// Weights implements [ops.Cloud].
func (f *Fake) Weights(ctx context.Context) (w ops.Weights, err error) {
	err = f.locked(ctx, "read records", func() error { w = maps.Clone(f.s.Records); return nil })
	return w, err
}

// Out implements [ops.Cloud].
func (f *Fake) Out(ctx context.Context) (out []string, err error) {
	err = f.locked(ctx, "read health checks", func() error { out = slices.Clone(f.s.Out); return nil })
	return out, err
}

// SetWeights implements [ops.Cloud].
func (f *Fake) SetWeights(ctx context.Context, was, weights ops.Weights) error {
	if err := f.locked(ctx, "set records", func() error {
		if !maps.Equal(f.s.Records, was) {
			return ops.ErrTrafficChanged
		}
		for color := range weights {
			if _, ok := was[color]; !ok {
				return fmt.Errorf("colour %q has no record", color)
			}
		}
		f.s.Records = maps.Clone(weights)
		return nil
	}); err != nil {
		return err
	}
	return f.at(ctx, "set the records")
}

// SwitchedBack implements [ops.Cloud].
func (f *Fake) SwitchedBack(ctx context.Context) (s *ops.SwitchedBack, err error) {
	err = f.locked(ctx, "read switched-back", func() error { s = f.s.SwitchedBack; return nil })
	return s, err
}

// SetSwitchedBack implements [ops.Cloud].
func (f *Fake) SetSwitchedBack(ctx context.Context, s *ops.SwitchedBack) error {
	if err := f.locked(ctx, "write switched-back", func() error { f.s.SwitchedBack = s; return nil }); err != nil {
		return err
	}
	return f.at(ctx, "wrote switched-back")
}

// Deploy implements [ops.Cloud]. The tasks are the new ones in no time; those of a
// task definition that the release does not know run a digest of its name.
func (f *Fake) Deploy(ctx context.Context, name, task string) error {
	return f.color(ctx, name, "deploy", func(c *Color) {
		digest := Digest(task)
		switch task {
		case c.Release.TaskDefinition:
			digest = c.Release.Digest
		case c.Release.PreviousTaskDefinition:
			digest = c.Release.PreviousDigest
		}
		c.TaskDefinition, c.Digests = task, []string{digest}
	})
}

// Scale implements [ops.Cloud]. The tasks are there in no time.
func (f *Fake) Scale(ctx context.Context, name string, tasks int) error {
	return f.color(ctx, name, "scale", func(c *Color) {
		c.Desired = tasks
		if c.Most > 0 {
			tasks = min(tasks, c.Most)
		}
		c.Running, c.Targets.Healthy = tasks, tasks-c.Targets.Unhealthy-c.Targets.Starting
	})
}

// Answers is how Route 53 spreads new questions, as shares of 1: by weight over
// the colours with healthy targets, over those with weight 0 when no other is
// healthy, and over all when none is.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
func (s *State) Answers() map[string]float64 {
	healthy, any := func(c string) bool { return s.Colors[c].Targets.Healthy > 0 }, func(string) bool { return true }
	weighted, standby := func(c string) bool { return s.Records[c] > 0 }, func(c string) bool { return s.Records[c] == 0 }
	for _, rule := range []struct{ well, kind func(string) bool }{{healthy, weighted}, {healthy, standby}, {any, weighted}, {any, any}} {
		shares, total := map[string]float64{}, 0.0
		for color, weight := range s.Records {
			if rule.well(color) && rule.kind(color) {
				shares[color] = max(float64(weight), 1)
				total += shares[color]
			}
		}
		for color := range shares {
			shares[color] /= total
		}
		if len(shares) > 0 {
			return shares
		}
	}
	return nil
}
