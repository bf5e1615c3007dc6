package ops //nolint:testpackage // route and between are nobody else's

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func drawWeights(t *rapid.T, label string) Weights {
	return Weights(rapid.MapOfN(rapid.SampledFrom([]string{"blue", "green", "red"}), rapid.SampledFrom([]int{0, 0, 1, 50, 100}), 1, 3).
		Filter(func(m map[string]int) bool { return Weights(m).Total() > 0 }).Draw(t, label))
}

// Whatever the order in which an update changes the records, and wherever it is cut
// off, some record has weight.
func TestRouteNeverSumsToZero(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawWeights(t, "before"), drawWeights(t, "after")
		now := before
		for _, next := range route(before, after) {
			updates, deletes := slices.Sorted(maps.Keys(next)), []string{}
			for _, color := range slices.Sorted(maps.Keys(now)) {
				if _, stays := next[color]; !stays {
					deletes = append(deletes, color)
				}
			}
			updates = rapid.Permutation(updates).Draw(t, "order")
			was := now
			now = maps.Clone(now)
			for _, color := range slices.Concat(updates, deletes) {
				if weight, stays := next[color]; stays {
					now[color] = weight
				} else {
					delete(now, color)
				}
				if now.Total() == 0 {
					t.Fatalf("%s on the way from %s to %s", now, was, next)
				}
				if !now.between(was, next) {
					t.Fatalf("%s is not between %s and %s", now, was, next)
				}
			}
		}
		if !now.equal(after) {
			t.Fatalf("the way ends at %s instead of %s", now, after)
		}
	})
}

func TestBetween(t *testing.T) {
	t.Parallel()
	before, after := Weights{"blue": 100}, Weights{"blue": 90, "green": 10}
	for _, w := range []Weights{before, after, {"blue": 90}, {"blue": 100, "green": 10}} {
		assert.True(t, w.between(before, after), w)
	}
	for _, w := range []Weights{nil, {"blue": 80}, {"blue": 90, "green": 0}, {"green": 10}, {"blue": 100, "red": 1}} {
		assert.False(t, w.between(before, after), w)
	}
	assert.Equal(t, "no records", Weights(nil).String())
	assert.InDelta(t, 10, after.Share("green"), 0.001)
	assert.Zero(t, Weights(nil).Share("green"))
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	standard := Thresholds{}.withDefaults()
	three := Color{Targets: Targets{Healthy: 3}}
	per := func(rate float64) Requests { return Requests{Window: 60e9, Count: int(rate * 60)} }
	assert.InDelta(t, 16.7, standard.bearable(three, per(10)), 0.1, "a little load says nothing")
	assert.InDelta(t, 125, standard.bearable(three, per(300)), 0.1, "a quarter more than the 100 that each bears")
	assert.InDelta(t, 16.7, standard.bearable(Color{}, per(300)), 0.1, "nobody bears it")
	assert.Equal(t, 3, needed(300, 125))
	assert.Equal(t, 1, needed(30, 125))
	assert.Zero(t, needed(0, 125))
	assert.Zero(t, needed(300, 0), "nobody knows")
}
