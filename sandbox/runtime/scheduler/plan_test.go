package scheduler

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// candidates reads tasks from a text: capitals are of the primary deployment, H
// is healthy, U unhealthy, S starting. They are called by their place, and lie in
// zones a, b and c in turn.
func candidates(text string) (tasks []candidate) {
	for i, c := range text {
		letter := strings.ToUpper(string(c))
		tasks = append(tasks, candidate{
			id: fmt.Sprint(i), zone: string("abc"[i%3]), primary: string(c) == letter, healthy: letter == "H", unhealthy: letter == "U",
		})
	}
	return tasks
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		desired, minimum, maximum int
		tasks                     string
		want                      plan
	}{
		"nothing yet":                           {3, 100, 200, "", plan{start: 3}},
		"steady":                                {3, 100, 200, "HHH", plan{}},
		"starting":                              {3, 100, 200, "SSS", plan{}},
		"one ended":                             {3, 100, 200, "HH", plan{start: 1}},
		"rolling, at first":                     {3, 100, 200, "hhh", plan{start: 3}},
		"rolling, waiting":                      {3, 100, 200, "hhhSSS", plan{}},
		"rolling, all old ones ended":           {3, 100, 200, "SSS", plan{startOld: 3}},
		"rolling, one new is healthy":           {3, 100, 200, "hhhHSS", plan{stop: []string{"0"}}},
		"rolling, all new are healthy":          {3, 100, 200, "hhhHHH", plan{stop: []string{"0", "1", "2"}}},
		"rolling, new ones fail":                {3, 100, 200, "hhhUUU", plan{stop: []string{"3", "4", "5"}}},
		"rolling, an old one ended":             {3, 100, 200, "hhSSS", plan{startOld: 1}},
		"rolling, a new one took its place":     {3, 100, 200, "hhHSS", plan{}},
		"rolling, an old one is unhealthy":      {3, 100, 200, "hhuSS", plan{startOld: 1}},
		"rolling, with room for one":            {3, 100, 150, "hhh", plan{start: 1}},
		"rolling, without room":                 {1, 100, 100, "h", plan{cannotMove: true}},
		"rolling, stopping first":               {1, 0, 100, "h", plan{stop: []string{"0"}}},
		"rolling, half first":                   {4, 50, 100, "hhhh", plan{stop: []string{"0", "1"}}},
		"rolling, half is starting":             {4, 50, 100, "hhSS", plan{}},
		"the minimum is rounded up":             {3, 50, 100, "hhh", plan{stop: []string{"0"}}},
		"the maximum is rounded down":           {3, 100, 125, "hhh", plan{cannotMove: true}},
		"rolling on before the last is done":    {3, 100, 200, "hhhsssSSS", plan{stop: []string{"3", "4", "5"}}},
		"unhealthy is replaced first":           {3, 100, 200, "HHU", plan{start: 1}},
		"unhealthy goes after":                  {3, 100, 200, "HHUH", plan{stop: []string{"2"}}},
		"unhealthy goes first without room":     {3, 100, 100, "HUU", plan{stop: []string{"1"}}},
		"all unhealthy at the first deployment": {2, 100, 200, "UUUU", plan{stop: []string{"0"}}},
		"it recovered":                          {3, 100, 200, "HHHH", plan{stop: []string{"0"}}},
		"scaling in":                            {2, 100, 200, "HHHS", plan{stop: []string{"3", "0"}}},
		"to nothing":                            {0, 100, 200, "HHS", plan{stop: []string{"2", "0", "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bounds{tc.desired, tc.minimum, tc.maximum, strings.HasPrefix(name, "rolling")}
			assert.Equal(t, tc.want, decide(b, candidates(tc.tasks)))
		})
	}
}

// TestDecideKeepsItsBounds plays random services: what starts becomes healthy or
// fails, tasks crash, and the decision must never take a healthy task away that
// is needed nor exceed the maximum, and must end steady.
func TestDecideKeepsItsBounds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		desired, minimum, maximum := 1+r.IntN(8), r.IntN(101), 101+r.IntN(150)
		upper := desired * maximum / 100
		if upper == desired {
			minimum = min(minimum, 100*(desired-1)/desired) // or nothing could move.
		}
		lower := (desired*minimum + 99) / 100
		tasks := candidates(strings.Repeat("h", desired))
		next := len(tasks)
		for step := range 400 {
			p := decide(bounds{desired, minimum, maximum, count(tasks, old) > 0}, tasks)
			healthyBefore := count(tasks, func(t candidate) bool { return t.healthy })
			tasks = without(tasks, p.stop)
			healthy := count(tasks, func(t candidate) bool { return t.healthy })
			assert.True(t, healthy == healthyBefore || healthy >= lower, "seed %d: %d healthy tasks are left of %d", seed, healthy, lower)
			for i := range p.start + p.startOld {
				tasks = append(tasks, candidate{id: fmt.Sprint(next), zone: string("abc"[next%3]), primary: i < p.start})
				next++
			}
			assert.LessOrEqual(t, len(tasks)-len(p.stop), max(upper, desired), "seed %d", seed)
			for i := range tasks { // fate, which gets kinder.
				if c := &tasks[i]; !c.healthy && !c.unhealthy {
					c.healthy = step > 200 || r.IntN(2) == 0
					c.unhealthy = !c.healthy && r.IntN(4) == 0
				} else if step < 200 && r.IntN(20) == 0 {
					c.healthy, c.unhealthy = false, true
				}
			}
		}
		assert.Equal(t, desired, count(tasks, func(t candidate) bool { return t.primary && t.healthy }), "seed %d", seed)
		assert.Len(t, tasks, desired, "seed %d", seed)
	}
}

func old(t candidate) bool { return !t.primary }

func count(tasks []candidate, is func(candidate) bool) (n int) {
	for _, t := range tasks {
		if is(t) {
			n++
		}
	}
	return n
}

func without(tasks []candidate, ids []string) (left []candidate) {
	for _, t := range tasks {
		stopped := false
		for _, id := range ids {
			stopped = stopped || id == t.id
		}
		if !stopped {
			left = append(left, t)
		}
	}
	return left
}
