// The controller is killed at every point of a rollout, and what is left is resumed
// or aborted. In process a crash is a panic; the subprocesses are really killed.
package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// crash is what a killed controller panics with.
type crash struct{ point string }

// crasher crashes at the nth point, counted from 1, and checks the account at
// every one.
type crasher struct {
	fake   *opstest.Fake
	at, n  int
	points []string
	zero   string // where the weights summed to zero
}

func (c *crasher) hook(point string) {
	c.n++
	c.points = append(c.points, point)
	c.fake.Edit(func(s *opstest.State) {
		if s.Records.Total() == 0 && c.zero == "" {
			c.zero = point
		}
	})
	if c.n == c.at {
		panic(crash{point})
	}
}

// survive runs until it is over or crashes.
func survive(use func() error) (err error, crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			crashed = true
		}
	}()
	return use(), false
}

// rebuilt is the world after a crash: what is not in the account, the state or the
// journal is lost.
func rebuilt(t *testing.T, w *world) *world {
	t.Helper()
	next := newWorld()
	var state opstest.State
	w.fake.Edit(func(s *opstest.State) {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &state))
	})
	entries, err := w.journal.Entries()
	require.NoError(t, err)
	data, err := json.Marshal(entries)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &entries))
	next.fake = opstest.Restore(state)
	for _, e := range entries {
		require.NoError(t, next.journal.Append(e))
	}
	next.Cloud, next.Stacks = next.fake, next.fake
	return next
}

// crashAt runs a switch that crashes at a point; bad is whether green fails.
func crashAt(w *world, at int, bad bool) (c *crasher, err error, crashed bool) {
	c = &crasher{fake: w.fake, at: at}
	w.fake.Hook = func(_ context.Context, point string) error {
		if point == "write file" && bad {
			w.fake.Edit(func(s *opstest.State) { s.Colors["green"].Errors = 1 })
		}
		c.hook(point)
		return nil
	}
	w.journal.Hook = c.hook
	err, crashed = survive(func() error {
		return w.Switch(context.Background(), ops.SwitchOptions{To: "green", Steps: []int{50, 100}, Guard: 10 * time.Second})
	})
	return c, err, crashed
}

func TestCrashEverywhere(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]bool{"good release": false, "bad release": true} {
		for _, abort := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s abort=%v", name, abort), func(t *testing.T) {
				t.Parallel()
				crashes := 0
				for at := 1; ; at++ {
					if over := crashOnce(t, at, bad, abort); over {
						break
					}
					crashes++
				}
				assert.Greater(t, crashes, 70)
			})
		}
	}
}

// crashOnce reports whether the switch was over before the point.
func crashOnce(t *testing.T, at int, bad, abort bool) (over bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, _, crashed := crashAt(w, at, bad)
		require.Empty(t, c.zero, "weights summed to zero")
		if over = !crashed; over {
			return
		}
		where := fmt.Sprintf("crashed at %d: %s", at, c.points[len(c.points)-1])
		w = rebuilt(t, w)
		after := &crasher{fake: w.fake}
		w.fake.Hook = func(_ context.Context, point string) error { after.hook(point); return nil }
		checkFinished(t, w, where, bad, abort)
		require.Empty(t, after.zero, "%s: weights summed to zero", where)
	})
	return over
}

// checkFinished finishes what a crash left and checks where that leads.
func checkFinished(t *testing.T, w *world, where string, bad, abort bool) {
	t.Helper()
	entries, err := w.Journal.Entries()
	require.NoError(t, err)
	before := ops.Fold(entries)
	if !before.Unfinished() {
		return // killed before it began or after it ended
	}
	finish := w.Resume
	if abort {
		finish = w.Abort
	}
	err = finish(context.Background())
	records := w.records()
	blamed := len(before.Blame) > 0
	switch {
	case abort && !blamed:
		require.NoError(t, err, where)
		require.Equal(t, ops.Weights{"blue": 100}, records, where)
	case blamed || bad && records["green"] == 0:
		require.ErrorContains(t, err, "was switched back", where)
		require.Equal(t, ops.Weights{"blue": 100}, records, where)
		w.fake.Edit(func(s *opstest.State) { require.NotNil(t, s.SwitchedBack, where) })
	default:
		require.NoError(t, err, where)
		require.Equal(t, ops.Weights{"blue": 0, "green": 100}, records, where)
	}
	w.fake.Edit(func(s *opstest.State) {
		require.Equal(t, s.Records, s.File, where)
		require.Equal(t, s.Records, s.Known, where)
	})
}

// killEnv makes the test binary a controller that kills itself at a point.
const killEnv = "OPS_TEST_KILL"

func TestMain(m *testing.M) {
	if dir, at, ok := strings.Cut(os.Getenv(killEnv), ":"); ok {
		n, err := strconv.Atoi(at)
		if err == nil {
			err = switchAndDie(dir, n)
		}
		fmt.Println(err)
		return
	}
	// Twice the default, or the model would now and then miss a way to end.
	if err := flag.Set("rapid.checks", "200"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// switchAndDie keeps the account in a file, and sends itself SIGKILL at a point.
func switchAndDie(dir string, at int) error {
	journal, err := ops.OpenShared(context.Background(), &fileStore{dir: dir}, filepath.Join(dir, "here"), ops.OpenOptions{Command: "ops switch"})
	if err != nil {
		return err
	}
	defer journal.Close()
	fake, n := opstest.New(), 0
	fake.Edit(func(s *opstest.State) { s.Minute = time.Millisecond })
	fake.Hook = func(context.Context, string) error {
		n++
		var err error
		fake.Edit(func(s *opstest.State) { err = save(dir, s) })
		if n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return err
	}
	c := &ops.Controller{Cloud: fake, Stacks: fake, Journal: journal, Out: io.Discard, Pace: quick}
	if err := c.Switch(context.Background(), ops.SwitchOptions{To: "green", Steps: []int{50, 100}, Guard: 2 * time.Millisecond}); err != nil {
		return err
	}
	fake.Edit(func(s *opstest.State) { err = save(dir, s) })
	return err
}

var quick = ops.Pace{TTL: 2 * time.Millisecond, Interval: time.Millisecond, Window: 5 * time.Millisecond, Extra: time.Minute}

func save(dir string, s *opstest.State) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	partial := filepath.Join(dir, "state.partial")
	if err := os.WriteFile(partial, data, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, filepath.Join(dir, "state.json"))
}

// fileStore is a store that survives a process. Only one uses it at a time.
type fileStore struct {
	dir   string
	later time.Duration // how much of the time has passed that a test does not wait
}

func (f *fileStore) String() string { return filepath.Join(f.dir, "store") }

func (f *fileStore) Read(context.Context) (stored ops.Stored, err error) {
	data, err := os.ReadFile(f.String())
	if os.IsNotExist(err) {
		return stored, nil
	}
	version, text, _ := strings.Cut(string(data), "\n")
	return ops.Stored{Data: []byte(text), Version: version, Age: f.later}, err
}

func (f *fileStore) Write(ctx context.Context, data []byte, version string) (string, error) {
	stored, err := f.Read(ctx)
	if err != nil || stored.Version != version {
		return "", errors.Join(err, ops.ErrStoreChanged)
	}
	next := version + "x"
	partial := f.String() + ".partial"
	return next, errors.Join(os.WriteFile(partial, []byte(next+"\n"+string(data)), 0o600), os.Rename(partial, f.String()))
}

func TestKilled(t *testing.T) {
	t.Parallel()
	kills := 0
	for at := 1; ; at += 2 {
		dir := t.TempDir()
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%d", killEnv, dir, at))
		out, err := child.CombinedOutput()
		if err == nil {
			require.Equal(t, "<nil>\n", string(out))
			break
		}
		require.ErrorContains(t, err, "killed", "%s", out)
		kills++
		for _, abort := range []bool{false, true} {
			again := t.TempDir()
			require.NoError(t, os.CopyFS(again, os.DirFS(dir)))
			finishKilled(t, again, fmt.Sprintf("killed at %d, abort=%v", at, abort), abort)
		}
	}
	t.Logf("killed at %d points, resumed and aborted at each", kills)
	assert.GreaterOrEqual(t, kills, 20)
}

func finishKilled(t *testing.T, dir, where string, abort bool) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	require.NoError(t, err)
	var state opstest.State
	require.NoError(t, json.Unmarshal(data, &state))
	// From another checkout, once the lease has ended.
	store, there := &fileStore{dir: dir}, filepath.Join(dir, "there")
	_, err = ops.OpenShared(t.Context(), store, there, ops.OpenOptions{Command: "ops switch"})
	if locked := new(ops.LockedError); err != nil {
		require.ErrorAs(t, err, &locked, where)
	}
	store.later = time.Hour
	journal, err := ops.OpenShared(t.Context(), store, there, ops.OpenOptions{Command: "ops switch"})
	require.NoError(t, err, where)
	fake := opstest.Restore(state)
	var out bytes.Buffer
	w := &world{fake: fake, out: &out, Controller: &ops.Controller{Cloud: fake, Stacks: fake, Journal: journal, Out: &out}}
	require.Positive(t, w.records().Total(), where)
	checkFinished(t, w, where, false, abort)
	require.NoError(t, journal.Close())
}
