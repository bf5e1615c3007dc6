// The model of a rollout: the real controller in a world of random health, alarms,
// errors, outages, hands and crashes. Route 53 answers by weight among healthy
// colours, and resolvers keep an answer for its time to live.
//
// It does not prove that Route 53 evaluates health at once (it takes seconds), nor
// anything about an update that the engine cannot finish.
package ops_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// scenario is everything that happens in one run, drawn before it starts.
type scenario struct {
	Before       ops.Weights
	Steps        []int
	Bake, Guard  time.Duration
	Call, Change time.Duration // how long a call and a change of a record take
	Failures     int           // updates that fail
	Events       []event
	Crashes      []int // after how many points, one for each run of the controller
	Finish       []finish
	Seed         uint64
}

// finish is how somebody goes on with what is unfinished.
type finish struct {
	After time.Duration
	Abort bool
}

type event struct {
	At    time.Duration
	Lasts time.Duration
	What  string
	Color string
}

func (e event) offline() bool { return e.What == "offline" }

// kinds of events; what is said twice happens twice as often.
var kinds = []string{
	"dead", "dead", "dead", "sick", "errors", "slow", "alarm", "load", "deploy", "offline", "hand records", "hand file",
}

func draw(t *rapid.T) scenario {
	seconds := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second
	}
	s := scenario{
		Before: rapid.SampledFrom([]ops.Weights{{"blue": 100}, {"blue": 100, "green": 0}, {"blue": 90, "green": 10}}).Draw(t, "before"),
		Steps:  rapid.SampledFrom([][]int{{100}, {10, 50, 100}, {50, 100}}).Draw(t, "steps"),
		Bake:   seconds("bake", 120), Guard: seconds("guard", 300),
		Call: seconds("call", 1), Change: seconds("change", 8),
		Failures: rapid.IntRange(0, 2).Draw(t, "failures"),
		Crashes:  rapid.SliceOfN(rapid.IntRange(1, 400), 0, 3).Draw(t, "crashes"),
		Seed:     rapid.Uint64().Draw(t, "seed"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "events") {
		s.Events = append(s.Events, event{
			At: seconds("at", 900), Lasts: seconds("lasts", 600),
			What: rapid.SampledFrom(kinds).Draw(t, "what"), Color: rapid.SampledFrom([]string{"blue", "green", "green"}).Draw(t, "color"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "finishes") {
		s.Finish = append(s.Finish, finish{seconds("after", 300), rapid.Bool().Draw(t, "abort")})
	}
	return s
}

func TestModel(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		s := draw(rt)
		var m *model
		synctest.Test(t, func(t *testing.T) { m = s.run(t.Context()) })
		for _, outcome := range m.outcomes {
			seen[outcome]++
		}
		if len(m.broken) > 0 {
			rt.Fatalf("%v\n%s", m.broken, m.out.String())
		}
	})
	t.Logf("how the controller's runs ended: %v", seen)
	for _, outcome := range []string{"done", "switched back", "unfinished", "refused", "crashed"} {
		assert.Contains(t, seen, outcome, "the model does not reach it")
	}
}

// outcome names how a run of the controller ended, and breaks the model when that
// is none of the documented ways.
func (m *model) outcome(err error, crashed bool) string {
	var (
		back       *ops.SwitchedBackError
		refused    *ops.RefusedError
		unfinished *ops.UnfinishedError
	)
	records := m.snapshot().Records
	rollout := ops.Fold(m.entries())
	switch {
	case crashed:
		return "crashed"
	case err == nil && rollout.Outcome == ops.Done:
		m.expect(m.handed.Load() || records["blue"] == 0 && records["green"] == 100, "done with %s", records)
		return "done"
	case err == nil:
		return rollout.Outcome
	case errors.As(err, &back):
		_, has := records["green"]
		s := m.snapshot().SwitchedBack
		m.expect(m.handed.Load() || !has && records["blue"] > 0, "switched back with %s", records)
		m.expect(s != nil && s.Digest == opstest.Digest("green"), "switched back, but the digest is not refused")
		m.expect(m.handed.Load() || m.resolving("green") == 0, "%d resolvers send requests to green after the switch back", m.resolving("green"))
		return "switched back"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &unfinished):
		m.expect(rollout.Unfinished(), "unfinished, but the journal says %q", rollout.Outcome)
		return "unfinished"
	}
	// The cloud could not be reached before anything was begun.
	m.expect(rollout == nil && slices.ContainsFunc(m.s.Events, event.offline), "an undocumented error: %v", err)
	return "failed"
}

// bound is how long a colour without healthy targets may keep its weight while the
// controller works and reaches the cloud: an update that is under way ends, five
// samples are bad, and the update back ends. Each update that fails costs a pause
// and another one; one that hangs since the network was lost is given up late.
func (s scenario) bound(failures int) time.Duration {
	pace := ops.Pace{Interval: 10 * time.Second}
	look := 7 * s.Call
	update := look + 8*s.Call + 4*(s.Change+s.Call)
	if slices.ContainsFunc(s.Events, event.offline) {
		update += 5 * time.Minute
	}
	return update + 5*(pace.Interval+look) + update + time.Duration(failures)*(pace.Interval+update)
}

// longest is how long a run of the controller may take at most.
func (s scenario) longest() time.Duration {
	steps := time.Duration(len(s.Steps) + 2)
	patience := 5 * 30 * time.Second // blind until it gives up
	watch := func(window time.Duration) time.Duration { return window + 6*(10*time.Second+7*s.Call) + 6*patience }
	return steps*(watch(time.Minute+s.Bake)+s.bound(2)+10*time.Minute) + watch(s.Guard) + 3*11*time.Minute
}

func (m *model) expect(ok bool, format string, args ...any) {
	if !ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.broken = append(m.broken, fmt.Sprintf("%s: ", time.Since(m.start))+fmt.Sprintf(format, args...))
	}
}
