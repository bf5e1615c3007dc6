package emf

import dto "github.com/prometheus/client_model/go"

// reading is a metric at one moment, or what happened between two.
type reading struct {
	gauge  bool
	value  float64   // of a counter or gauge, the sum of a histogram
	bounds []float64 // of a histogram: upper bounds of its buckets
	counts []uint64  // observations by bucket; the last are above all bounds
	exact  []float64 // of a share: the values themselves, instead of buckets
}

// shares reads a counter of a part and one of the whole as a value for each thing
// that was counted: 1 of the part, 0 of the rest.
func shares(part, whole map[group]*reading) map[group]*reading {
	for g, all := range whole {
		n := 0.0
		if p := part[g]; p != nil {
			n = p.value
		}
		part[g] = &reading{value: n, exact: []float64{0, 1}, counts: []uint64{uint64(all.value - n), uint64(n)}}
	}
	return part
}

// add adds a series to the reading.
func (r *reading) add(m *dto.Metric) {
	switch {
	case m.GetGauge() != nil:
		r.gauge = true
		r.value += m.GetGauge().GetValue()
	case m.GetCounter() != nil:
		r.value += m.GetCounter().GetValue()
	case m.GetHistogram() != nil:
		r.addHistogram(m.GetHistogram())
	}
}

func (r *reading) addHistogram(h *dto.Histogram) {
	if r.counts == nil {
		r.counts = make([]uint64, len(h.GetBucket())+1)
		for _, b := range h.GetBucket() {
			r.bounds = append(r.bounds, b.GetUpperBound())
		}
	}
	r.value += h.GetSampleSum()
	below := uint64(0) // Prometheus counts what is below a bound
	for i, b := range h.GetBucket() {
		r.counts[i] += b.GetCumulativeCount() - below
		below = b.GetCumulativeCount()
	}
	r.counts[len(r.bounds)] += h.GetSampleCount() - below
}

// since is what happened after an earlier reading.
func (r reading) since(earlier reading) reading {
	if r.gauge {
		return r
	}
	delta := reading{value: r.value - earlier.value, bounds: r.bounds, exact: r.exact}
	for i, count := range r.counts {
		if earlier.counts != nil {
			count -= earlier.counts[i]
		}
		delta.counts = append(delta.counts, count)
	}
	return delta
}

// distribution is how CloudWatch takes a histogram, so that it can give
// percentiles. The specification shows only numbers and arrays of them; this is
// what the exporter of the OpenTelemetry collector, made by AWS, writes:
// https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/22626
type distribution struct {
	Values []float64
	Counts []uint64
	Max    float64
	Min    float64
	Count  uint64
	Sum    float64
}

// distribution puts each observation in the middle of its bucket, and those
// above all bounds at the last one. The middle, not the bound: CloudWatch rounds
// values for its percentiles, and 2 s must not look like more than 2 s. It is
// nil when nothing was observed.
func (r reading) distribution(scale float64) *distribution {
	d := &distribution{Sum: r.value * scale}
	for i, count := range r.counts {
		if count == 0 {
			continue
		}
		low, high := r.edges(i)
		if d.Count == 0 {
			d.Min = low * scale
		}
		d.Max = high * scale
		d.Count += count
		d.Values = append(d.Values, (low+high)/2*scale)
		d.Counts = append(d.Counts, count)
	}
	if d.Count == 0 {
		return nil
	}
	return d
}

func (r reading) edges(bucket int) (low, high float64) {
	if r.exact != nil {
		return r.exact[bucket], r.exact[bucket]
	}
	if bucket > 0 {
		low = r.bounds[bucket-1]
	}
	if bucket == len(r.bounds) {
		return low, low
	}
	return low, r.bounds[bucket]
}
