package balancer

import (
	"math"
	"time"
)

const (
	// cells grow by a tenth from the shortest time that is told apart; the last
	// one begins at ten minutes.
	cells    = 171
	growth   = 1.1
	shortest = 50 * time.Microsecond
)

// histogram counts times.
type histogram [cells]uint32

func (h *histogram) add(d time.Duration) {
	i := 0
	if d > shortest {
		i = min(cells-1, int(math.Log(float64(d)/float64(shortest))/math.Log(growth))+1)
	}
	h[i]++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile is the time in seconds that a share of all do not exceed, 0 without
// any.
func (h *histogram) quantile(share float64) float64 {
	var total, seen float64
	for _, n := range h {
		total += float64(n)
	}
	if total == 0 {
		return 0
	}
	for i, n := range h {
		if seen += float64(n); seen >= share*total {
			return shortest.Seconds() * math.Pow(growth, float64(i))
		}
	}
	return 0 // never: all have been seen.
}
