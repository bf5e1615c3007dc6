package ops_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// Everything that keeps a switch from beginning; nothing is changed by it.
func TestSwitchIsRefused(t *testing.T) {
	t.Parallel()
	color := func(name string, change func(c *opstest.Color)) func(s *opstest.State) {
		return func(s *opstest.State) { change(s.Colors[name]) }
	}
	for name, c := range map[string]struct {
		edit func(s *opstest.State)
		want []string
	}{
		"not up": {func(s *opstest.State) { *s.Colors["green"] = opstest.Color{} }, []string{`"green" is not up: run pulumi up -s green`, "must be healthy"}},
		"unsettled": {color("green", func(c *opstest.Color) { c.Release.SettledDigest = opstest.Digest("x") }), []string{
			`"green" is unsettled: its last deployment asked for ba4788b226aa, but ECS settled on 2d711642b726: repair it with pulumi up --refresh -s green`,
		}},
		"being deployed": {color("green", func(c *opstest.Color) { c.Deploying = true }), []string{`"green" is being deployed: wait`}},
		"runs another": {color("green", func(c *opstest.Color) { c.Digests = append(c.Digests, opstest.Digest("x")) }), []string{
			`"green" must run what its stack says, ba4788b226aa, got ba4788b226aa and 2d711642b726`,
		}},
		"one target is missing": {color("green", func(c *opstest.Color) { c.Targets.Healthy = 2 }), []string{
			`"green" must be healthy, all targets of all tasks, got 3 of 3 tasks and 2 of 2 targets healthy`,
		}},
		"a task too few": {color("green", func(c *opstest.Color) { c.Running = 2 }), []string{"got 2 of 3 tasks"}},
		"its alarm":      {color("green", func(c *opstest.Color) { c.Alarms = []string{"bell"} }), []string{`alarms of "green" ring already: bell: find out why`}},
		"the other's alarm": {color("blue", func(c *opstest.Color) { c.Alarms = []string{"bell"} }), []string{
			`alarms of "blue" ring already`, "or set codeflow:traffic yourself",
		}},
		"out by its health check": {func(s *opstest.State) { s.Out = []string{"green"} }, []string{
			`Route 53 leaves "green", whose requests failed last: when it works, send some to its own name`,
		}},
		"refused digest": {func(s *opstest.State) {
			s.SwitchedBack = &ops.SwitchedBack{Color: "green", Digest: opstest.Digest("green"), Reason: "slow"}
		}, []string{`digest ba4788b226aa of "green" was switched back`, "(slow): bring up a release that works, or clear it with ops unblock"}},
		"file and records differ": {func(s *opstest.State) { s.File = ops.Weights{"blue": 90, "green": 10} }, []string{
			"codeflow:traffic must be what the records are, blue 100, got blue 90, green 10",
		}},
		"no traffic yet": {func(s *opstest.State) { s.File, s.Records = nil, nil }, []string{"no colour has traffic yet", "pulumi config set --path 'codeflow:traffic.green' 100"}},
		"three colours": {func(s *opstest.State) {
			s.Records = ops.Weights{"blue": 1, "green": 1, "red": 1}
		}, []string{"the traffic must be on one other colour, got blue, red"}},
		"all at once": {func(s *opstest.State) {
			s.Colors["green"].Deploying, s.Colors["green"].Alarms, s.Colors["green"].Running = true, []string{"bell"}, 1
		}, []string{"is being deployed", "ring already", "must be healthy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.fake.Edit(c.edit)
			var before, after opstest.State
			w.fake.Edit(func(s *opstest.State) { before = *s })
			err := w.Switch(t.Context(), green())
			var refused *ops.RefusedError
			require.ErrorAs(t, err, &refused)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
			w.fake.Edit(func(s *opstest.State) { after = *s })
			assert.Equal(t, before, after)
			entries, err := w.journal.Entries()
			require.NoError(t, err)
			assert.Empty(t, entries)
		})
	}
}

func TestSwitchChecksItsOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]ops.SwitchOptions{
		"steps must rise from 1 or more to 100, got [50 10 100]": {To: "green", Steps: []int{50, 10, 100}},
		"got [10 50]":               {To: "green", Steps: []int{10, 50}},
		"got [0 100]":               {To: "green", Steps: []int{0, 100}},
		"got [100 100]":             {To: "green", Steps: []int{100, 100}},
		"must not be negative":      {To: "green", Bake: -1},
		"the colour to switch to":   {},
		`colour "purple" is not up`: {To: "purple"},
	} {
		assert.ErrorContains(t, newWorld().Switch(t.Context(), opts), want)
	}
}

// Confirm is asked after the checks; no means that nothing is begun.
func TestConfirm(t *testing.T) {
	t.Parallel()
	w, asked := newWorld(), ""
	w.Confirm = func(what string) error { asked = what; return errors.New("the answer was no") }
	require.ErrorContains(t, w.Switch(t.Context(), green()), "the answer was no")
	assert.Equal(t, `switching from "blue" to "green" (ba4788b226aa): steps [10 50 100] percent, bake 5m0s, guard 30m0s; at most 25 requests per second for each target`, asked)
	assert.Empty(t, w.out.String())
}

// Steps that are behind are left out.
func TestSwitchGoesOnFromWhereItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		half := ops.Weights{"blue": 50, "green": 50}
		w.fake.Edit(func(s *opstest.State) { s.File, s.Known, s.Records, s.Load = half, half, half, 30 })
		start := time.Now()
		require.NoError(t, w.Switch(t.Context(), ops.SwitchOptions{To: "green"}))
		assert.Equal(t, 2*time.Minute, time.Since(start))
		assert.NotContains(t, w.out.String(), "blue 90")
	})
}

// Load that grows on the way gets the new colour more tasks; when there are none to be
// had, the rollout stops where it is.
func TestCapacityAtEachStep(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{
		0: "", 9: `"green" lacks capacity for 50 % of 600 requests per second: each target may get 25, so 12 healthy targets are needed, got 9 (after 5m0s): raise scaling.max`,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.fake.Edit(func(s *opstest.State) { s.Colors["green"].Most = most })
			w.after(30*time.Second, func(s *opstest.State) { s.Load = 600 })
			err := w.Switch(t.Context(), green())
			if want == "" {
				require.NoError(t, err)
				assert.Contains(t, w.out.String(), `"green" gets 12 tasks for 50 % of the load, and has 3 healthy`)
				assert.Contains(t, w.out.String(), `"green" gets 24 tasks for 100 % of the load, and has 12 healthy`)
				return
			}
			require.ErrorContains(t, err, want)
			assert.Equal(t, ops.Weights{"blue": 90, "green": 10}, w.records())
			w.fake.Edit(func(s *opstest.State) { s.Colors["green"] = opstest.Healthy("green", 24) })
			require.NoError(t, w.Resume(t.Context()))
		})
	}
}

// The old colour keeps its tasks, and gets more before the traffic goes back to it.
func TestWayBackHasCapacity(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(s *opstest.State)
		want string // in the log
		blue int    // tasks in the end
	}{
		"scaled in":    {func(s *opstest.State) { s.Colors["blue"].Desired = 1 }, `"blue" had scaled in to 1 tasks, and gets back the 3 that it had`, 3},
		"load grew":    {func(s *opstest.State) { s.Load = 120 }, `"blue" gets 5 tasks for 100 % of the load, and has 3 healthy`, 5},
		"no more":      {func(s *opstest.State) { s.Load, s.Colors["blue"].Most = 120, 4 }, `the traffic goes back all the same: "blue" lacks capacity`, 4},
		"all are dead": {func(s *opstest.State) { s.Load, s.Colors["green"].Targets = 120, ops.Targets{Unhealthy: 3} }, "weights: ", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.after(30*time.Minute, c.edit) // in the guard
				w.after(31*time.Minute, func(s *opstest.State) { s.Colors["green"].Alarms = []string{"bell"} })
				back := new(ops.SwitchedBackError)
				require.ErrorAs(t, w.Switch(t.Context(), green()), &back)
				assert.Contains(t, w.out.String(), c.want)
				w.fake.Edit(func(s *opstest.State) { assert.Equal(t, c.blue, s.Colors["blue"].Running) })
				time.Sleep(time.Hour)
			})
		})
	}
}

// Who waits for tasks sees that those that run die.
func TestDiesWhileTasksAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fake.Edit(func(s *opstest.State) { s.Load, s.Colors["green"].Most = 60, 3 })
		w.after(time.Minute, func(s *opstest.State) { s.Load = 180 })
		died := 8 * time.Minute
		w.after(died, func(s *opstest.State) { s.Colors["green"].Targets = ops.Targets{Unhealthy: 3} })
		back := new(ops.SwitchedBackError)
		began := time.Now()
		require.ErrorAs(t, w.Switch(t.Context(), green()), &back)
		assert.Contains(t, w.out.String(), `"green" gets 4 tasks for 50 % of the load, and has 3 healthy`)
		assert.Contains(t, w.out.String(), `switching back: "green" has 0 of 3 targets healthy`)
		assert.Less(t, time.Since(began)-died, 2*time.Minute)
		time.Sleep(time.Hour)
	})
}

// A way back that leads to another release, or past the database, is none.
func TestWayBackIsWhatItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.after(30*time.Minute, func(s *opstest.State) {
			s.Colors["blue"].Digests, s.Colors["green"].Alarms = []string{opstest.Digest("x")}, []string{"bell"}
		})
		require.ErrorContains(t, w.Switch(t.Context(), green()), `"blue" is no way back: it runs 2d711642b726, and had the traffic with 16477688c0e0`)
		require.ErrorContains(t, w.Abort(t.Context()), "was switched back")
	})
	w := newWorld()
	w.Schema = ops.Migrations(fstest.MapFS{
		"00001_a.sql": {Data: []byte("x")}, "00002_b.sql": {Data: []byte("-- irreversible: the column is gone")},
	})
	w.fake.Edit(func(s *opstest.State) {
		s.Colors["blue"].Release.SchemaVersion, s.Colors["green"].Release.SchemaVersion = "1", "2"
		s.Colors["green"].Alarms = []string{"bell"} // or it would begin.
	})
	opts := green()
	require.ErrorContains(t, w.Switch(t.Context(), opts), `from "green" to "blue": the way back is blocked by the database: the release needs schema version 1`)
	opts.OneWay = true
	err := w.Switch(t.Context(), opts)
	require.ErrorContains(t, err, "ring already")
	assert.NotContains(t, err.Error(), "schema")
}

// A cloud that does not answer before anything is begun is given up too.
func TestPreflightHasPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := newWorld(), time.Now()
		w.fake.Hook = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		require.ErrorIs(t, w.Switch(t.Context(), green()), context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}
