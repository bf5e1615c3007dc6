package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// desk is where somebody types.
type desk struct {
	fake     *opstest.Fake
	dir      string
	store    ops.Store // of all machines
	answer   string    // typed when asked; "" with nobody there
	commits  []string
	until    time.Time
	out, err bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return &desk{fake: opstest.New(), dir: t.TempDir()}
}

func (d *desk) Commit(_ context.Context, file, branch, message string) (string, error) {
	d.commits = append(d.commits, file+": "+message)
	return branch, nil
}

func (d *desk) run(ctx context.Context, line string) int {
	d.out.Reset()
	d.err.Reset()
	terminal := cli.Terminal{In: strings.NewReader(d.answer), Out: &d.out, Err: &d.err, Asks: d.answer != ""}
	return cli.Run(ctx, strings.Fields(line), terminal, func(context.Context, cli.Flags, io.Writer) (*cli.Target, error) {
		return &cli.Target{
			Cloud: d.fake, Stacks: d.fake, Schema: ops.Migrations(fstest.MapFS{}), Colors: []string{"blue", "green"},
			Dir: d.dir, Store: d.store, Repository: d, File: "Pulumi.prod.yaml", Until: d.until,
		}, nil
	})
}

// A switch that would outlive its credentials has nobody to bring the traffic back.
func TestCredentialsLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.until = time.Now().Add(time.Hour)
		assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "switch --to green --yes"))
		assert.Contains(t, d.err.String(), "it may take 1h9m0s, but the AWS credentials end in 1h0m0s")
		assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "guard --for 2h --yes"))
		assert.Equal(t, cli.ExitOK, d.run(t.Context(), "switch --to green --steps 50,100 --bake 5m --guard 10m --yes"), d.err.String())
		d.until = time.Now().Add(-time.Minute)
		assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "switch --to blue --yes"))
		assert.Contains(t, d.err.String(), "end in 0s")
	})
}

// The exit code says how it ended.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		ctx := t.Context()
		assert.Equal(t, cli.ExitOK, d.run(ctx, "--help"))
		assert.Contains(t, d.out.String(), "Exit codes:\n  0  success")
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "switch --to green"))
		assert.Contains(t, d.err.String(), "nobody is there to ask: add --yes")
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "switch --yes"))
		assert.Contains(t, d.err.String(), "give one of --to, --announced, --resume and --abort")
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "switch --to green --resume --yes"))
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "switch --colour green"))
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "rollback --yes"))
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "unblock --yes"))
		assert.Equal(t, cli.ExitUsage, d.run(ctx, "status now"))
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "switch --to blue --yes"))
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "guard --yes"))
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "unblock --reason x --yes"))
		assert.Equal(t, cli.ExitFailure, d.run(ctx, "switch --resume --yes"))

		short, stop := context.WithTimeout(ctx, 3*time.Minute)
		defer stop()
		assert.Equal(t, cli.ExitUnfinished, d.run(short, "switch --to green --yes"))
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "switch --to green --yes"))
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "switch --to blue --or-resume --yes"))
		again, stop := context.WithTimeout(ctx, 3*time.Minute)
		defer stop()
		assert.Equal(t, cli.ExitUnfinished, d.run(again, "switch --to green --or-resume --yes"))
		assert.Contains(t, d.out.String(), "resumed")
		assert.Equal(t, cli.ExitOK, d.run(ctx, "switch --abort --yes"))
		assert.Equal(t, cli.ExitOK, d.run(ctx, "switch --announced --or-resume --yes"), "nothing is to be done")

		time.AfterFunc(8*time.Minute, func() { d.fake.Edit(func(s *opstest.State) { s.Colors["green"].Errors = 1 }) })
		assert.Equal(t, cli.ExitSwitchedBack, d.run(ctx, "switch --to green --yes --commit"))
		assert.Contains(t, d.out.String(), "the weights are committed on branch ops/traffic-2000")
		require.Len(t, d.commits, 1)
		assert.Contains(t, d.commits[0], "Pulumi.prod.yaml: traffic: blue 100\n\nthe traffic was switched back")
		assert.Equal(t, cli.ExitOK, d.run(ctx, "unblock --reason fixed --yes"))
		d.fake.Edit(func(s *opstest.State) { s.Colors["green"].Errors = 0 })
		assert.Equal(t, cli.ExitOK, d.run(ctx, "switch --to green --yes --steps 50,100 --bake 1m --guard 0s --commit"))
		require.Len(t, d.commits, 2)
		assert.Equal(t, "Pulumi.prod.yaml: traffic: blue 0, green 100", d.commits[1])
		assert.Equal(t, cli.ExitOK, d.run(ctx, "guard --for 5m --yes"))
		assert.Equal(t, cli.ExitOK, d.run(ctx, "rollback --color green --yes"))
	})
}

// TestAnnounced switches to what a merged pull request says.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		ctx := t.Context()
		edit := func(weights ops.Weights) { d.fake.Edit(func(s *opstest.State) { s.File = weights }) }
		file := func() ops.Weights {
			weights, err := d.fake.Traffic(ctx)
			require.NoError(t, err)
			return weights
		}
		assert.Equal(t, cli.ExitOK, d.run(ctx, "switch --announced --yes"), "nothing is to be done")
		assert.Empty(t, d.commits)

		edit(ops.Weights{"blue": 90, "green": 10})
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "switch --announced --yes"))
		assert.Contains(t, d.err.String(), "one colour must have all the weight, got blue 90, green 10")

		edit(ops.Weights{"green": 100})
		d.fake.Edit(func(s *opstest.State) { s.Colors["green"].Alarms = []string{"codeflow-green-p95"} })
		assert.Equal(t, cli.ExitRefused, d.run(ctx, "switch --announced --yes"))
		assert.Equal(t, ops.Weights{"green": 100}, file(), "nothing is lost")

		d.fake.Edit(func(s *opstest.State) { s.Colors["green"].Alarms = nil })
		assert.Equal(t, cli.ExitOK, d.run(ctx, "switch --announced --yes --guard 0s"), d.err.String())
		assert.Equal(t, ops.Weights{"blue": 0, "green": 100}, file())
	})
}

func TestIdle(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tc := range []struct {
		weights ops.Weights
		want    string
	}{{nil, "blue"}, {ops.Weights{"blue": 100}, "green"}, {ops.Weights{"blue": 0, "green": 100}, "blue"}} {
		d.fake.Edit(func(s *opstest.State) { s.File, s.Records = tc.weights, tc.weights })
		require.Equal(t, cli.ExitOK, d.run(t.Context(), "idle"), d.err.String())
		assert.Equal(t, tc.want+"\n", d.out.String())
	}
	d.fake.Edit(func(s *opstest.State) { s.Records = ops.Weights{"green": 100} })
	assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "idle"))
	assert.Contains(t, d.err.String(), "codeflow:traffic must be what the records are, green 100, got blue 0, green 100")
	d.fake.Edit(func(s *opstest.State) { s.Records = ops.Weights{"blue": 90, "green": 10} })
	assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "idle"))
	assert.Contains(t, d.err.String(), "every colour has traffic (blue 90, green 10)")
	assert.Empty(t, d.out.String())
}

func TestTheOtherSaysWhoHoldsTheLock(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	journal, err := ops.OpenJournal(d.dir, "ops switch")
	require.NoError(t, err)
	assert.Equal(t, cli.ExitLocked, d.run(t.Context(), "switch --to green --yes"))
	assert.Contains(t, d.err.String(), "ops: the traffic is being changed by ")
	assert.Equal(t, cli.ExitOK, d.run(t.Context(), "status"))
	assert.Contains(t, d.out.String(), "The traffic is being changed by ")
	require.NoError(t, journal.Close())
}

// A switch that was interrupted on one machine is resumed on another, and ended by hand
// on a third that cannot wait.
func TestEveryMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &opstest.Store{}
		here, there, elsewhere := newDesk(t), newDesk(t), newDesk(t)
		there.fake, elsewhere.fake = here.fake, here.fake
		outage := errors.New("no network")
		line := &opstest.Line{Store: store, Cut: func() (error, bool) { return outage, false }}
		here.store, there.store, elsewhere.store = store.Line(), store.Line(), line

		short, stop := context.WithTimeout(t.Context(), 3*time.Minute)
		defer stop()
		assert.Equal(t, cli.ExitUnfinished, here.run(short, "switch --to green --yes"))
		assert.Equal(t, cli.ExitOK, there.run(t.Context(), "status"))
		assert.Contains(t, there.out.String(), "0 of 3 steps passed; it stopped because it was interrupted")

		ended := make(chan int)
		committed := ops.Weights{"blue": 100}
		here.fake.Edit(func(s *opstest.State) { s.File = committed }) // as another checkout has it.
		go func() { ended <- there.run(t.Context(), "switch --resume --yes") }()
		time.Sleep(time.Minute)
		assert.Equal(t, cli.ExitLocked, here.run(t.Context(), "switch --abort --yes"))
		assert.Contains(t, here.err.String(), "the traffic is being changed by ")
		assert.Contains(t, here.err.String(), `(lock "memory")`)

		assert.Equal(t, cli.ExitFailure, elsewhere.run(t.Context(), "status"))
		assert.Contains(t, elsewhere.out.String(), "journal: reading the journal: no network")
		assert.Equal(t, cli.ExitFailure, elsewhere.run(t.Context(), "guard --yes"))
		assert.Contains(t, elsewhere.err.String(), "taking the lease: no network")
		elsewhere.answer = "y\n"
		assert.Equal(t, cli.ExitSwitchedBack, elsewhere.run(t.Context(), "traffic rollback --to blue --reason fire"), elsewhere.err.String())
		assert.Contains(t, elsewhere.out.String(), "only the way back is free")
		assert.Contains(t, elsewhere.err.String(), `taking the traffic back from "green" to "blue": the records become blue 100 at once`)
		weights, err := here.fake.Weights(t.Context())
		require.NoError(t, err)
		assert.Equal(t, ops.Weights{"blue": 100}, weights)
		assert.Equal(t, cli.ExitUnfinished, <-ended, "it finds weights that are not its own")

		assert.Contains(t, there.out.String(), "codeflow:traffic of this checkout was blue 100, and is blue 90, green 10 as the rollout left it")

		// With the store, who has the lease loses it at once.
		assert.Equal(t, cli.ExitOK, there.run(t.Context(), "switch --abort --yes"), there.err.String())
		outage = nil
		assert.Equal(t, cli.ExitOK, here.run(t.Context(), "unblock --reason again --yes"))
		go func() { ended <- there.run(t.Context(), "switch --to green --yes") }()
		time.Sleep(2 * time.Minute)
		assert.Equal(t, cli.ExitSwitchedBack, elsewhere.run(t.Context(), "traffic rollback --reason fire"), elsewhere.err.String())
		assert.Contains(t, elsewhere.out.String(), "the lease is taken from ")
		assert.Equal(t, cli.ExitLocked, <-ended)
	})
}

func TestAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.answer = "no\n"
		assert.Equal(t, cli.ExitRefused, d.run(t.Context(), "switch --to green"))
		assert.Contains(t, d.err.String(), `switching from "blue" to "green"`)
		assert.Contains(t, d.err.String(), "Go on? [y/N]")
		d.answer = "y\n"
		assert.Equal(t, cli.ExitOK, d.run(t.Context(), "switch --to green"))
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		require.Equal(t, cli.ExitOK, d.run(t.Context(), "status"))
		assert.Equal(t, strings.Join([]string{
			"color  weight  digest        runs          tasks  targets  requests/s  5xx     p95    alarms",
			"blue   100     16477688c0e0  16477688c0e0  3/3    3/3      60.0        0.00 %  100ms  ",
			"green  -       ba4788b226aa  ba4788b226aa  3/3    3/3      0.0         0.00 %  0s     ", "",
		}, "\n"), d.out.String())

		late := func(why string) { d.fake.Edit(func(s *opstest.State) { s.Colors["green"].Unknown = why }) }
		late("late")
		require.Equal(t, cli.ExitOK, d.run(t.Context(), "status"))
		assert.Contains(t, d.out.String(), "3/3      unknown     unknown  unknown")
		assert.Contains(t, d.out.String(), `The requests of "green" are not known: late.`)
		late("")

		short, stop := context.WithTimeout(t.Context(), 3*time.Minute)
		defer stop()
		require.Equal(t, cli.ExitUnfinished, d.run(short, "switch --to green --yes"))
		require.Equal(t, cli.ExitOK, d.run(t.Context(), "status --json"))
		var status ops.Status
		require.NoError(t, json.Unmarshal(d.out.Bytes(), &status))
		assert.Equal(t, ops.Weights{"blue": 90, "green": 10}, status.Records)
		assert.Equal(t, []string{"it was interrupted"}, status.Rollout.Stopped)
		assert.Contains(t, status.Explanation[0], "ops switch --resume")

		d.fake.Hook = func(context.Context, string) error { return errors.New("no network") }
		require.Equal(t, cli.ExitFailure, d.run(t.Context(), "status"))
		assert.Contains(t, d.out.String(), "0 of 3 steps passed; it stopped because it was interrupted")
		assert.Contains(t, d.out.String(), "records: no network")
		assert.Contains(t, d.out.String(), "green  -       cannot be seen")
	})
}

// What cannot be done in the end is not begun.
func TestCommitNeedsARepository(t *testing.T) {
	t.Parallel()
	fake, errors := opstest.New(), &bytes.Buffer{}
	code := cli.Run(t.Context(), []string{"switch", "--to", "green", "--yes", "--commit"}, cli.Terminal{Out: io.Discard, Err: errors},
		func(context.Context, cli.Flags, io.Writer) (*cli.Target, error) {
			return &cli.Target{Cloud: fake, Stacks: fake, Dir: t.TempDir()}, nil
		})
	assert.Equal(t, cli.ExitUsage, code)
	assert.Contains(t, errors.String(), "leave --commit out")
	weights, err := fake.Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 100, weights["blue"])
}
