package load

import (
	"math"
	"math/bits"
	"time"
)

// precision is how many bits of a duration are kept: the error is below 1/128.
const precision = 7

// Histogram counts durations, the long ones as exactly as the short ones. The
// zero value is empty.
type Histogram struct {
	counts [(64 - precision) << precision]int
	count  int
	max    time.Duration
}

// Record counts a duration.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(d)]++
	h.count++
	h.max = max(h.max, d)
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int { return h.count }

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that the fraction q of all does not exceed: 0.5
// gives the median.
func (h *Histogram) Quantile(q float64) time.Duration {
	rest := int(math.Ceil(q * float64(h.count)))
	for i, n := range h.counts {
		if rest -= n; rest <= 0 {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// bucket returns where a duration is counted: one bucket each up to 2^precision
// ns, then 2^precision buckets for every doubling.
func bucket(d time.Duration) int {
	shift := max(bits.Len64(uint64(d))-precision-1, 0)
	return shift<<precision + int(d>>shift)
}

// upper is the longest duration of a bucket.
func upper(i int) time.Duration {
	shift := max(i>>precision-1, 0)
	return time.Duration(i-shift<<precision+1)<<shift - 1
}
