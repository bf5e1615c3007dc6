package balancer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

func TestChecker(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		results string // + passes, - fails.
		want    TargetState
	}{
		"at first":                 {"", Initial},
		"one pass is enough":       {"+", Healthy},
		"not yet unhealthy":        {"--", Initial},
		"never passed":             {"---", Unhealthy},
		"one pass after failures":  {"--+", Healthy},
		"a hiccup":                 {"+--+--", Healthy},
		"three in a row":           {"+--+---", Unhealthy},
		"not yet back":             {"---+", Unhealthy},
		"back":                     {"---++", Healthy},
		"not in a row":             {"---+-+", Unhealthy},
		"in a row after all":       {"---+-++", Healthy},
		"unhealthy from the start": {"-----", Unhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChecker()
			for _, r := range tc.results {
				found := result{"Target.Timeout", "Request timed out"}
				if r == '+' {
					found = result{}
				}
				c.observe(found, HealthCheck{HealthyThreshold: 2, UnhealthyThreshold: 3}, false)
			}
			assert.Equal(t, tc.want, c.state)
			switch tc.want {
			case Healthy:
				assert.Empty(t, c.reason)
			case Unhealthy:
				assert.Equal(t, "Target.Timeout", c.reason)
			default:
				assert.Equal(t, "Elb.InitialHealthChecking", c.reason)
			}
		})
	}
}

func TestMatcher(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		matcher string
		status  int
		want    bool
	}{
		{"200", 200, true},
		{"200", 201, false},
		{"200-299", 204, true},
		{"200-299", 302, false},
		{"200, 302", 302, true},
		{"x", 200, false},
	} {
		assert.Equal(t, tc.want, HealthCheck{Matcher: tc.matcher}.matches(tc.status), "%v", tc)
	}
}

// The bubble's time is exact: at scale 60 an interval of 30 s is half a second.
func TestChecksKeepTheirInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		g := newGroup(TargetGroup{DeregistrationDelay: 30, HealthCheck: HealthCheck{}.withDefaults()}, 60)
		g.probe = func(_ context.Context, _ string, _ HealthCheck, timeout time.Duration) result {
			at = append(at, time.Since(began))
			assert.Equal(t, 2*time.Second, timeout)
			time.Sleep(100 * time.Millisecond) // does not delay the next one.
			return result{}
		}
		g.register("1:1")
		g.register("1:1") // it is there.
		time.Sleep(1650 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond}, at)
		assert.Equal(t, Healthy, g.health("1:1").State)
		g.close()
	})
}

func TestProgramsGetTheTimeToStart(t *testing.T) {
	t.Parallel()
	for scale, want := range map[timescale.Scale]time.Duration{60: 2 * time.Second, 1: 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(TargetGroup{HealthCheck: HealthCheck{}.withDefaults()}, scale)
			g.probe = func(context.Context, string, HealthCheck, time.Duration) result {
				return result{reason: "Target.Timeout"}
			}
			g.register("1:1")
			time.Sleep(want - time.Millisecond)
			assert.Equal(t, Initial, g.health("1:1").State)
			time.Sleep(2 * time.Millisecond)
			assert.Equal(t, Unhealthy, g.health("1:1").State)
			g.close()
		})
	}
}

func TestDeregistration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(TargetGroup{DeregistrationDelay: 30, HealthCheck: HealthCheck{}.withDefaults()}, 60)
		checks := 0
		g.probe = func(context.Context, string, HealthCheck, time.Duration) result { checks++; return result{} }
		g.register("1:1")
		synctest.Wait()
		busy := g.pick()
		require.NotNil(t, busy)
		gone := g.deregister("1:1")
		assert.Nil(t, g.pick())
		assert.Equal(t, Draining, g.health("1:1").State)
		assert.Equal(t, 1, g.health("1:1").InFlight)
		time.Sleep(1999 * time.Millisecond)
		require.NoError(t, busy.cut.Err(), "the delay is over, but requests take their own time")
		assert.Equal(t, gone, g.deregister("1:1"))
		time.Sleep(time.Millisecond)
		<-gone
		require.Error(t, busy.cut.Err(), "what is in flight is cut off")
		g.release(busy)
		assert.Equal(t, Unused, g.health("1:1").State)
		<-g.deregister("1:1")
		assert.Equal(t, 1, checks)

		for _, busy := range []bool{false, true} {
			g.register("2:2")
			synctest.Wait()
			if busy {
				picked := g.pick()
				time.AfterFunc(100*time.Millisecond, func() { g.release(picked) })
			}
			began := time.Now()
			<-g.deregister("2:2")
			assert.Equal(t, 500*time.Millisecond, time.Since(began), "the delay, though no request is left")
		}

		g.register("1:1")
		synctest.Wait()
		again := g.deregister("1:1")
		g.register("1:1")
		<-again
		synctest.Wait()
		assert.Equal(t, Healthy, g.health("1:1").State, "it came back while it was draining")
		g.deregister("1:1")
		g.close()
	})
}

func TestPick(t *testing.T) {
	t.Parallel()
	picks := func(algorithm string, busy int, states ...TargetState) map[string]int {
		g := newGroup(TargetGroup{LoadBalancingAlgorithmType: algorithm}, 60)
		for i, state := range states {
			g.targets = append(g.targets, &target{address: string(rune('a' + i)), checker: checker{state: state}})
		}
		g.targets[0].inFlight = busy
		counts := map[string]int{}
		for range 12 {
			if picked := g.pick(); picked != nil {
				counts[picked.address]++
			}
		}
		return counts
	}
	assert.Equal(t, map[string]int{"a": 6, "b": 6}, picks(RoundRobin, 6, Healthy, Healthy, Unhealthy, Initial, Draining))
	assert.Equal(t, map[string]int{"a": 3, "b": 9}, picks(LeastOutstanding, 6, Healthy, Healthy))
	assert.Equal(t, map[string]int{"a": 6, "b": 6}, picks(RoundRobin, 0, Unhealthy, Initial, Draining), "it fails open")
	assert.Empty(t, picks(RoundRobin, 0, Draining))
}
