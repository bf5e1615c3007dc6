package ops

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Weights are the weights of the colours. A colour that is absent has no record;
// one with 0 is a warm standby.
type Weights map[string]int

// Total is the sum of the weights.
func (w Weights) Total() (total int) {
	for _, weight := range w {
		total += weight
	}
	return total
}

// Share is the part of a colour in percent.
func (w Weights) Share(color string) float64 {
	if total := w.Total(); total > 0 {
		return 100 * float64(w[color]) / float64(total)
	}
	return 0
}

func (w Weights) String() string {
	if len(w) == 0 {
		return "no records"
	}
	parts := make([]string, 0, len(w))
	for _, color := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, fmt.Sprintf("%s %d", color, w[color]))
	}
	return strings.Join(parts, ", ")
}

// equal treats no records and nil alike.
func (w Weights) equal(other Weights) bool { return maps.Equal(w, other) }

// carrying lists the colours with weight, sorted.
func (w Weights) carrying() (colors []string) {
	for _, color := range slices.Sorted(maps.Keys(w)) {
		if w[color] > 0 {
			colors = append(colors, color)
		}
	}
	return colors
}

// other is the other one of two colours.
func (w Weights) other(color string) string {
	for name := range w {
		if name != color {
			return name
		}
	}
	return ""
}

// Idle is the colour to bring a release up on: the one of two that has no weight, the
// first when nobody has any. Both having some is refused.
func (w Weights) Idle(colors []string) (string, error) {
	for _, color := range colors {
		if w[color] == 0 {
			return color, nil
		}
	}
	return "", refused("choosing a colour for a release", fmt.Errorf("every colour has traffic (%s): end the switch first, see ops status", w))
}

// route returns the updates that lead to after. An update changes the records one
// by one in any order, and removes records last. So when no colour has weight all
// the way, an update in which both have it comes first: weights that sum to zero
// would spread the traffic over every record.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-weighted.html
func route(before, after Weights) []Weights {
	if before.Total() == 0 {
		return []Weights{after}
	}
	for color, weight := range before {
		then, stays := after[color]
		if weight > 0 && (then > 0 || !stays) {
			return []Weights{after}
		}
	}
	both := maps.Clone(before)
	for color, weight := range after {
		both[color] = max(both[color], weight)
	}
	return []Weights{both, after}
}

// between reports whether w is what an update from before to after may leave when
// it is cut off: every record is as before or as after.
func (w Weights) between(before, after Weights) bool {
	same := func(color string, other Weights) bool {
		weight, ok := w[color]
		theirs, has := other[color]
		return ok == has && weight == theirs
	}
	for _, colors := range []Weights{w, before, after} {
		for color := range colors {
			if !same(color, before) && !same(color, after) {
				return false
			}
		}
	}
	return true
}
