// The way back by hand, and what a watch does when it knows too little.
package ops_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// engineAway lets everything fail that needs the engine or the state.
func (w *world) engineAway(away *bool) {
	w.fake.Hook = func(_ context.Context, point string) error {
		if *away && (point == "preview" || point == "refresh" || point == "read outputs") {
			return errors.New("no engine")
		}
		return nil
	}
}

// The records are set within seconds, whatever preflight would say and though the engine
// is away; the stack is told later.
func TestTakeBack(t *testing.T) {
	t.Parallel()
	both := ops.Weights{"blue": 50, "green": 50}
	for name, c := range map[string]struct {
		weights ops.Weights
		opts    ops.TakeBackOptions
		want    ops.Weights
		refused string
	}{
		"after a switch": {ops.Weights{"blue": 0, "green": 100}, ops.TakeBackOptions{}, ops.Weights{"blue": 100}, ""},
		"on the way":     {both, ops.TakeBackOptions{To: "blue"}, ops.Weights{"blue": 100}, ""},
		"which way":      {both, ops.TakeBackOptions{}, both, "add --to"},
		"there already":  {ops.Weights{"blue": 100, "green": 0}, ops.TakeBackOptions{To: "blue"}, ops.Weights{"blue": 100, "green": 0}, "has all the traffic already"},
		"no record":      {ops.Weights{"green": 100}, ops.TakeBackOptions{}, ops.Weights{"green": 100}, "two colours must have records"},
		"another colour": {both, ops.TakeBackOptions{To: "red"}, both, "--to must be one of [blue green]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, away, began := newWorld(), true, time.Now()
				w.fake.Edit(func(s *opstest.State) {
					s.File, s.Known, s.Records = c.weights, c.weights, c.weights
					s.Colors["green"].Alarms, s.Colors["blue"].Deploying = []string{"bell"}, true
				})
				w.engineAway(&away)
				err := w.TakeBack(t.Context(), c.opts)
				require.Equal(t, c.want, w.records())
				if c.refused != "" {
					refused := new(ops.RefusedError)
					require.ErrorAs(t, err, &refused)
					require.ErrorContains(t, err, c.refused)
					return
				}
				require.ErrorContains(t, err, "is unfinished with blue 100: no engine")
				w.fake.Edit(func(s *opstest.State) { assert.Equal(t, opstest.Digest("green"), s.SwitchedBack.Digest) })
				assert.Less(t, time.Since(began), time.Minute)
				require.ErrorContains(t, w.Switch(t.Context(), green()), "codeflow:traffic and the state have yet to be told")
				away = false
				require.ErrorContains(t, w.Resume(t.Context()), "was switched back from \"green\": by hand")
				w.fake.Edit(func(s *opstest.State) {
					assert.Equal(t, c.want, s.File)
					assert.Equal(t, c.want, s.Known)
				})
			})
		})
	}
}

// A switch that is under way goes back with it.
func TestTakeBackEndsASwitch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, stop := context.WithTimeout(t.Context(), 8*time.Minute)
		defer stop()
		require.ErrorContains(t, w.Switch(ctx, green()), "is unfinished")
		w.fake.Edit(func(s *opstest.State) { s.Colors["blue"].Targets = ops.Targets{Unhealthy: 3} })
		require.ErrorContains(t, w.TakeBack(t.Context(), ops.TakeBackOptions{}), `"blue" is no way back`)
		w.fake.Edit(func(s *opstest.State) { s.Colors["blue"] = opstest.Healthy("blue", 3) })
		w.fake.Edit(func(s *opstest.State) { s.File = ops.Weights{"blue": 44, "green": 66} }) // the newest decision counts.
		require.ErrorContains(t, w.TakeBack(t.Context(), ops.TakeBackOptions{}), "by hand")
		assert.Equal(t, ops.Weights{"blue": 100}, w.records())
		require.ErrorContains(t, w.Resume(t.Context()), "there is no unfinished rollout")
	})
}

// Somebody else's weights are not overwritten, in the last moment either.
func TestTakeBackCompares(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hand, now := ops.Weights{"blue": 70, "green": 30}, ops.Weights{"blue": 0, "green": 100}
	w.fake.Edit(func(s *opstest.State) { s.File, s.Known, s.Records = now, now, now })
	w.fake.Hook = func(_ context.Context, point string) error {
		if point == "set records" {
			w.fake.Edit(func(s *opstest.State) { s.Records = hand })
		}
		return nil
	}
	require.ErrorContains(t, w.TakeBack(t.Context(), ops.TakeBackOptions{}), "weights were changed by hand")
	assert.Equal(t, hand, w.records())
}

// A bake that knows too little goes on, and stops in the end.
func TestTooLittleIsKnown(t *testing.T) {
	t.Parallel()
	quiet := func(s *opstest.State) { s.Load = 0.05 }
	unknown := func(s *opstest.State) { s.Colors["green"].Unknown = "CloudWatch answers InternalError for requests" }
	for name, c := range map[string]struct {
		edit  func(s *opstest.State)
		probe bool
		after time.Duration // until it is well again; 0: never
		want  string
	}{
		"few requests":        {quiet, false, 0, `too little is known to go on: "green" answered `},
		"no requests":         {func(s *opstest.State) { s.Load = 0 }, false, 0, `"green" answered 0 requests in this watch, 100 are needed to call it good`},
		"few, with probes":    {quiet, true, 0, ""},
		"few, and then more":  {quiet, false, 10 * time.Minute, ""},
		"unknown":             {unknown, false, 0, `the requests of "green" are not known: CloudWatch answers InternalError`},
		"unknown for a while": {unknown, false, 5 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, sent, began := newWorld(), 0, time.Now()
				opts := green()
				opts.Probe = c.probe
				w.Probe = func(context.Context, string) error {
					sent++
					w.fake.Edit(func(s *opstest.State) { s.Load, s.Only = float64(sent)/60, "green" }) // all are of this minute.
					return nil
				}
				w.after(time.Second, c.edit)
				if c.after > 0 {
					w.after(c.after, func(s *opstest.State) { s.Load, s.Colors["green"].Unknown = 60, "" })
				}
				err := w.Switch(t.Context(), opts)
				if c.probe {
					assert.Equal(t, 300, sent, "100 in each bake")
				}
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.want)
				unfinished := new(ops.UnfinishedError)
				require.ErrorAs(t, err, &unfinished)
				assert.Equal(t, ops.Weights{"blue": 90, "green": 10}, w.records())
				assert.Equal(t, 16*time.Minute, time.Since(began), "ten more than a bake takes")
			})
		})
	}
}

func TestAllProbesFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		opts := green()
		opts.Probe = true
		w.fake.Edit(func(s *opstest.State) { s.Load = 0 })
		require.ErrorContains(t, w.Switch(t.Context(), opts), "no names of their own to probe here")
		w.Probe = func(context.Context, string) error { return errors.New("no answer") }
		require.ErrorContains(t, w.Switch(t.Context(), opts), `all 3 probes of "green" fail: no answer`)
	})
}

// What few requests say.
func TestFewRequests(t *testing.T) {
	t.Parallel()
	well := ops.Color{Targets: ops.Targets{Healthy: 2}, Digests: []string{"d"}}
	for name, c := range map[string]struct {
		requests ops.Requests
		blame    string
		hold     string
	}{
		"all 4 fail":     {ops.Requests{Count: 4, Errors: 4}, `all 4 requests to "green" fail`, ""},
		"one fails":      {ops.Requests{Count: 1, Errors: 1}, "", "answered 1 requests in this watch"},
		"19 take 30 s":   {ops.Requests{Count: 19, P95: 30 * time.Second}, "", "answered 19 requests in this watch"},
		"20 take 30 s":   {ops.Requests{Count: 20, P95: 30 * time.Second}, `p95 of "green" is 30s, more than 2s`, ""},
		"none":           {ops.Requests{}, "", "answered 0 requests in this watch"},
		"not known":      {ops.Requests{Count: 500, P95: time.Millisecond, Unknown: "late"}, "", `the requests of "green" are not known: late`},
		"enough":         {ops.Requests{Count: 500, P95: time.Millisecond}, "", ""},
		"only balancers": {ops.Requests{Errors: 7}, `all 7 requests to "green" fail`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := ops.Defaults().Judge(&ops.Plan{From: "blue", To: "green", Digest: "d"}, ops.Sample{
				New: well, Old: well, NewRequests: c.requests, OldRequests: ops.Requests{Count: 500, P95: time.Millisecond},
			})
			for want, got := range map[string][]string{c.blame: v.Blame, c.hold: v.Hold} {
				if want == "" {
					continue
				}
				require.Len(t, got, 1)
				assert.Contains(t, got[0], want)
			}
			assert.Equal(t, c.blame == "" && c.hold == "", len(v.Blame)+len(v.Hold) == 0)
		})
	}
}
