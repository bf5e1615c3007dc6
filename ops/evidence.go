package ops

import (
	"math"
	"slices"
	"time"
)

// count is how many requests there were, and how many of them failed.
type count struct{ all, failed int }

func (c count) share() float64 { return Requests{Count: c.all, Errors: c.failed}.ErrorRate() }

// tally adds minutes up.
func tally(minutes []Minute) (c count) {
	for _, m := range minutes {
		c.all, c.failed = c.all+max(m.Count, m.Errors), c.failed+m.Errors
	}
	return c
}

// lasting is the tally without the worst minutes, which may be accidents: one of five,
// and three at most.
func lasting(minutes []Minute) count {
	accidents := min(len(minutes)-1, 3, (len(minutes)+4)/5)
	if accidents < 1 {
		return tally(minutes)
	}
	sorted := slices.SortedFunc(slices.Values(minutes), func(a, b Minute) int { return b.Errors - a.Errors })
	return tally(sorted[accidents:])
}

// chance is the probability that failures which hit both colours alike would hit the
// new one so often: a binomial test of as many failures as there are, each of which
// falls on the new colour with its share of the requests.
func chance(fresh, old count) float64 {
	failed := fresh.failed + old.failed
	share := float64(fresh.all) / float64(fresh.all+old.all)
	if fresh.failed == 0 || share >= 1 {
		return 1
	}
	choose := func(n, k float64) float64 {
		a, _ := math.Lgamma(n + 1)
		b, _ := math.Lgamma(k + 1)
		c, _ := math.Lgamma(n - k + 1)
		return a - b - c
	}
	sum, n := 0.0, float64(failed)
	for k := float64(fresh.failed); k <= n; k++ {
		term := math.Exp(choose(n, k) + k*math.Log(share) + (n-k)*math.Log1p(-share))
		if sum += term; term < sum*1e-9 {
			break
		}
	}
	return min(sum, 1)
}

// pairs are the logarithms of how many times slower the new colour was, of the minutes
// in which both answered enough requests. The first warm minutes of the new colour are
// left out: its caches are cold.
func pairs(fresh, old []Minute, percentile func(Minute) time.Duration, enough, warm int) (ratios []float64) {
	before := map[int64]Minute{}
	for _, m := range old {
		before[m.Start.UnixNano()] = m
	}
	for _, m := range fresh {
		if m.Count == 0 {
			continue
		}
		if warm--; warm >= 0 {
			continue
		}
		o := before[m.Start.UnixNano()]
		if a, b := percentile(m), percentile(o); min(m.Count, o.Count) >= enough && min(a, b) > 0 {
			ratios = append(ratios, math.Log(float64(a)/float64(b)))
		}
	}
	return ratios
}

// drift is how much the ratio of two equal colours moves from minute to minute at the
// least, as a logarithm, whatever the number of requests: 10 %.
const drift = 0.1

// student are the quantiles of Student's distribution for a probability of 0.001, by
// degrees of freedom from 2 on.
var student = []float64{
	22.327, 10.215, 7.173, 5.893, 5.208, 4.785, 4.501, 4.297, 4.144, 4.025, 3.930, 3.852, 3.787, 3.733, 3.686, 3.646, 3.610, 3.579, 3.552, 3.527,
}

// atLeast is how many times slower the new colour is with a confidence of 99.9 %, and
// how many times it seems to be: the mean of the ratios and the lower bound of its
// confidence interval. Noise that comes and goes makes the ratios differ, and so the
// bound low. It is 0 for less than three ratios.
func atLeast(ratios []float64) (bound, mean float64) {
	n := float64(len(ratios))
	if n < 3 {
		return 0, 0
	}
	for _, r := range ratios {
		mean += r / n
	}
	variance := 0.0
	for _, r := range ratios {
		variance += (r - mean) * (r - mean) / (n - 1)
	}
	t := student[min(len(ratios)-3, len(student)-1)]
	return math.Exp(mean - t*max(drift, math.Sqrt(variance))/math.Sqrt(n)), math.Exp(mean)
}
