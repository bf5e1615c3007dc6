// The controller against an account in memory, on synctest's clock. It does not
// prove that AWS behaves like that account; ops/aws and the sandbox do their part.
package ops_test

import (
	"bytes"
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

// world is a controller and its account.
type world struct {
	*ops.Controller
	fake    *opstest.Fake
	journal *opstest.Journal
	out     *bytes.Buffer
}

func newWorld() *world {
	w := &world{fake: opstest.New(), journal: &opstest.Journal{}, out: &bytes.Buffer{}}
	w.Controller = &ops.Controller{Cloud: w.fake, Stacks: w.fake, Journal: w.journal, Out: w.out}
	return w
}

func (w *world) records() (weights ops.Weights) {
	w.fake.Edit(func(s *opstest.State) { weights = s.Records })
	return weights
}

// after changes the account after a time.
func (w *world) after(d time.Duration, edit func(s *opstest.State)) {
	go func() {
		time.Sleep(d)
		w.fake.Edit(edit)
	}()
}

func green() ops.SwitchOptions {
	return ops.SwitchOptions{To: "green", Bake: 5 * time.Minute, Guard: 30 * time.Minute}
}

func TestSwitchEndsWithTheOldColourWarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := newWorld(), time.Now()
		require.NoError(t, w.Switch(t.Context(), green()))
		assert.Equal(t, ops.Weights{"blue": 0, "green": 100}, w.records())
		assert.Equal(t, 3*(time.Minute+5*time.Minute)+30*time.Minute, time.Since(start))
		assert.Contains(t, w.out.String(), "weights: blue 100 → blue 90, green 10")
		assert.Contains(t, w.out.String(), "the rollout is over: done")
		var refused *ops.RefusedError
		require.ErrorAs(t, w.Switch(t.Context(), green()), &refused)
		assert.ErrorContains(t, refused, `"green" has all the traffic already`)
	})
}

// What goes wrong during a bake, and the reason that is given.
func TestSwitchGoesBack(t *testing.T) {
	t.Parallel()
	edit := func(change func(c *opstest.Color)) func(*opstest.State) {
		return func(s *opstest.State) { change(s.Colors["green"]) }
	}
	for name, c := range map[string]struct {
		edit func(*opstest.State)
		want string
	}{
		"errors":            {edit(func(c *opstest.Color) { c.Errors = 0.05 }), `"green" answers 5.0 % with 5xx, more than 1.0 %`},
		"slow":              {edit(func(c *opstest.Color) { c.P95 = 2100 * time.Millisecond }), `p95 of "green" is 2.1s, more than 2s`},
		"slower than blue":  {edit(func(c *opstest.Color) { c.P95 = 300 * time.Millisecond }), `half of the requests take 3.0 times as long on "green" as on "blue"`},
		"more errors":       {edit(func(c *opstest.Color) { c.Errors = 0.009 }), `with 5xx, "blue" only 0.00 % of `},
		"alarm":             {edit(func(c *opstest.Color) { c.Alarms = []string{"codeflow-green-5xx"} }), `alarms of "green" ring: codeflow-green-5xx`},
		"unhealthy":         {edit(func(c *opstest.Color) { c.Targets = ops.Targets{Healthy: 2, Unhealthy: 1} }), `"green" has 2 of 3 targets healthy`},
		"no target":         {edit(func(c *opstest.Color) { c.Targets = ops.Targets{} }), `"green" has 0 of 0 targets healthy`},
		"another digest":    {edit(func(c *opstest.Color) { c.Digests = []string{opstest.Digest("x")} }), `"green" runs 2d711642b726 instead of `},
		"blue has no load":  {func(s *opstest.State) { s.Colors["green"].Errors = 0.5; s.Load = 0.5 }, `% with 5xx, more than 1.0 %`},
		"two problems once": {edit(func(c *opstest.Color) { c.Errors = 0.05; c.P95 = 3 * time.Second }), `5xx, more than 1.0 %; p95 of "green" is 3s`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.after(8*time.Minute, c.edit) // in the second bake, at half the traffic
				err := w.Switch(t.Context(), green())
				var back *ops.SwitchedBackError
				require.ErrorAs(t, err, &back)
				assert.ErrorContains(t, err, c.want)
				assert.Empty(t, back.After)
				assert.Equal(t, ops.Weights{"blue": 100}, w.records())
				w.fake.Edit(func(s *opstest.State) {
					require.NotNil(t, s.SwitchedBack)
					assert.Equal(t, "green", s.SwitchedBack.Color)
					assert.Equal(t, opstest.Digest("green"), s.SwitchedBack.Digest)
					assert.Contains(t, s.SwitchedBack.Reason, c.want)
					*s.Colors["green"] = *opstest.Healthy("green", 3)
				})
				require.ErrorContains(t, w.Switch(t.Context(), green()), "clear it with ops unblock")
				require.NoError(t, w.Unblock(t.Context(), "a false alarm"))
				require.ErrorContains(t, w.Unblock(t.Context(), "again"), "no digest is refused")
				w.fake.Edit(func(s *opstest.State) { s.Load = 60 })
				require.NoError(t, w.Switch(t.Context(), green()))
			})
		})
	}
}

// The guard is patient with samples and not with alarms, and says whether the old
// colour is well afterwards.
func TestGuardIsACircuitBreaker(t *testing.T) {
	t.Parallel()
	const guardBegins = 18 * time.Minute
	for name, c := range map[string]struct {
		lasts time.Duration
		edit  func(s *opstest.State)
		back  time.Duration // from the first bad sample to the error; 0: none
		after string
	}{
		"four bad samples": {39 * time.Second, func(s *opstest.State) { s.Colors["green"].P95 = 3 * time.Second }, 0, ""},
		"five bad samples": {41 * time.Second, func(s *opstest.State) { s.Colors["green"].P95 = 3 * time.Second }, 40*time.Second + time.Minute, ""},
		"an alarm":         {time.Second, func(s *opstest.State) { s.Colors["green"].Alarms = []string{"bell"} }, time.Minute, ""},
		"both are bad": {time.Hour, func(s *opstest.State) {
			s.Colors["green"].Targets, s.Colors["blue"].Targets = ops.Targets{Unhealthy: 3}, ops.Targets{Healthy: 2, Unhealthy: 1}
		}, time.Minute, `"blue" has 2 of 3 targets healthy`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, start := newWorld(), time.Now()
				w.after(guardBegins+100*time.Second-time.Millisecond, c.edit)
				w.after(guardBegins+100*time.Second+c.lasts, func(s *opstest.State) {
					s.Colors["green"], s.Colors["blue"] = opstest.Healthy("green", 3), opstest.Healthy("blue", 3)
				})
				err := w.Switch(t.Context(), green())
				if c.back == 0 {
					require.NoError(t, err)
					assert.Contains(t, w.out.String(), "bad sample 4 of 5")
					return
				}
				var back *ops.SwitchedBackError
				require.ErrorAs(t, err, &back)
				assert.Equal(t, c.after, back.After)
				assert.Equal(t, guardBegins+100*time.Second+c.back, time.Since(start))
				time.Sleep(time.Hour) // until the edits are over
			})
		})
	}
}

func TestGuardAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		require.ErrorContains(t, w.Guard(t.Context(), time.Minute), "a warm standby with 0, got blue 100")
		require.ErrorContains(t, w.Guard(t.Context(), 0), "must be positive")
		opts := green()
		opts.Guard = 0
		require.NoError(t, w.Switch(t.Context(), opts))
		require.NoError(t, w.Guard(t.Context(), 10*time.Minute))
		w.after(time.Minute, func(s *opstest.State) { s.Colors["green"].Alarms = []string{"bell"} })
		var back *ops.SwitchedBackError
		require.ErrorAs(t, w.Guard(t.Context(), 10*time.Minute), &back)
		assert.Equal(t, ops.Weights{"blue": 100}, w.records())
	})
}

// When the old colour is no better, the controller neither goes on nor back.
func TestHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(s *opstest.State)
		want string
	}{
		"no way back": {func(s *opstest.State) {
			s.Colors["blue"].Targets, s.Colors["green"].Errors = ops.Targets{Unhealthy: 3}, 0.1
		}, `"blue" is no way back: it has 0 of 3 targets healthy`},
		"both fail": {func(s *opstest.State) {
			s.Colors["blue"].Errors, s.Colors["green"].Errors = 0.3, 0.3
		}, "both colours answer with errors"},
		"both are slow": {func(s *opstest.State) {
			s.Colors["blue"].P95, s.Colors["green"].P95 = 3*time.Second, 3*time.Second
		}, "both colours are slow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.after(8*time.Minute, c.edit)
				err := w.Switch(t.Context(), green())
				var unfinished *ops.UnfinishedError
				require.ErrorAs(t, err, &unfinished)
				assert.ErrorContains(t, err, c.want)
				assert.Equal(t, ops.Weights{"blue": 50, "green": 50}, w.records())
				w.fake.Edit(func(s *opstest.State) {
					s.Colors = map[string]*opstest.Color{"blue": opstest.Healthy("blue", 3), "green": opstest.Healthy("green", 3)}
				})
				require.ErrorContains(t, w.Switch(t.Context(), green()), "finish it with ops switch --resume or --abort")
				require.NoError(t, w.Resume(t.Context()))
				assert.Equal(t, ops.Weights{"blue": 0, "green": 100}, w.records())
			})
		})
	}
}

// An abort does not bring the traffic to a colour that cannot answer.
func TestAbortNeedsAWayBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, stop := context.WithTimeout(t.Context(), 8*time.Minute)
		defer stop()
		require.ErrorContains(t, w.Switch(ctx, green()), "is unfinished")
		w.fake.Edit(func(s *opstest.State) { s.Colors["blue"].Targets = ops.Targets{Unhealthy: 3} })
		require.ErrorContains(t, w.Abort(t.Context()), `it can neither go on nor back: "blue" is no way back: it has 0 of 3 targets healthy`)
		assert.Equal(t, ops.Weights{"blue": 50, "green": 50}, w.records())
		w.fake.Edit(func(s *opstest.State) { s.Colors["blue"] = opstest.Healthy("blue", 3) })
		require.NoError(t, w.Abort(t.Context()))
		assert.Equal(t, ops.Weights{"blue": 100}, w.records())
	})
}

func TestWeightsChangedByHandStay(t *testing.T) {
	t.Parallel()
	hand := ops.Weights{"blue": 70, "green": 30}
	for name, edit := range map[string]func(s *opstest.State){
		"records": func(s *opstest.State) { s.Records = hand },
		"file":    func(s *opstest.State) { s.File = hand },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.after(8*time.Minute, edit)
				err := w.Switch(t.Context(), green())
				var unfinished *ops.UnfinishedError
				require.ErrorAs(t, err, &unfinished)
				assert.ErrorContains(t, err, "weights were changed by hand")
				assert.ErrorContains(t, err, "must be blue 50, green 50, got blue 70, green 30")
				require.ErrorContains(t, w.Resume(t.Context()), "changed by hand")
				require.NoError(t, w.Abort(t.Context()))
				assert.Contains(t, w.out.String(), "the weights were left as they were set by hand")
				w.fake.Edit(func(s *opstest.State) {
					assert.Contains(t, []ops.Weights{s.File, s.Records}, hand)
				})
			})
		})
	}
}

func TestInterruptedIsResumable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, stop := context.WithTimeout(t.Context(), 8*time.Minute)
		defer stop()
		err := w.Switch(ctx, green())
		require.ErrorContains(t, err, "is unfinished with blue 50, green 50: it was interrupted: see ops status")
		status, err := w.Status(t.Context(), []string{"blue", "green"}, nil)
		require.NoError(t, err)
		assert.Contains(t, status.Explanation[0], "go on with ops switch --resume, or put the weights back to blue 100 with ops switch --abort")
		assert.Contains(t, status.Explanation[1], "1 of 3 steps passed; it stopped because it was interrupted")
		require.NoError(t, w.Abort(t.Context()))
		assert.Equal(t, ops.Weights{"blue": 100}, w.records())
		require.ErrorContains(t, w.Resume(t.Context()), "there is no unfinished rollout")
		w.fake.Edit(func(s *opstest.State) { assert.Nil(t, s.SwitchedBack, "an abort blames nobody") })
	})
}

// The cloud is out of reach: for a while, and for good.
func TestBlind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lasts time.Duration
		want  string
	}{"a while": {30 * time.Second, ""}, "for good": {time.Hour, "the colours cannot be seen: no network"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, start := newWorld(), time.Now()
				w.fake.Hook = func(context.Context, string) error {
					if d := time.Since(start); d > 7*time.Minute && d < 7*time.Minute+c.lasts {
						return errors.New("no network")
					}
					return nil
				}
				err := w.Switch(t.Context(), green())
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.want)
				time.Sleep(time.Hour)
				require.NoError(t, w.Resume(t.Context()))
			})
		})
	}
}

// A cloud that does not answer at all is given up after a time.
func TestHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := newWorld(), time.Now()
		w.fake.Hook = func(ctx context.Context, _ string) error {
			if time.Since(start) > 7*time.Minute {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		require.ErrorContains(t, w.Switch(t.Context(), green()), "the colours cannot be seen")
		assert.Less(t, time.Since(start), 11*time.Minute)
	})
}

// The way back is tried again.
func TestBackTriesAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures int
		want     string
	}{"twice": {2, "was switched back"}, "three times": {3, "is unfinished"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.after(8*time.Minute, func(s *opstest.State) { s.Colors["green"].Errors = 1 })
				left := c.failures
				w.fake.Hook = func(_ context.Context, point string) error {
					if (point == "set records" || point == "preview") && w.failing() && left > 0 {
						left--
						return errors.New("no network")
					}
					return nil
				}
				require.ErrorContains(t, w.Switch(t.Context(), green()), c.want)
				if c.failures == 3 {
					require.ErrorContains(t, w.Resume(t.Context()), "was switched back")
				}
				assert.Equal(t, ops.Weights{"blue": 100}, w.records())
			})
		})
	}
}

func (w *world) failing() (failing bool) {
	w.fake.Edit(func(s *opstest.State) { failing = s.Colors["green"].Errors > 0 })
	return failing
}
