package balancer

import (
	"net/http"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	// resolution of the metrics in seconds, and how many times that they are kept:
	// an hour.
	resolution = 10
	kept       = 360
)

// Metrics sum up what a target group and its load balancer did in a time, under
// CloudWatch's names.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
type Metrics struct {
	// Start in real time, and Seconds of AWS's time.
	Start   time.Time `json:"start"`
	Seconds int       `json:"seconds"`
	// RequestCount is how many requests were sent to a target.
	RequestCount               int `json:"requestCount"`
	HTTPCodeTarget2XX          int `json:"httpCodeTarget2XX"`
	HTTPCodeTarget3XX          int `json:"httpCodeTarget3XX"`
	HTTPCodeTarget4XX          int `json:"httpCodeTarget4XX"`
	HTTPCodeTarget5XX          int `json:"httpCodeTarget5XX"`
	HTTPCodeELB4XX             int `json:"httpCodeELB4XX"` // of requests for this group.
	HTTPCodeELB5XX             int `json:"httpCodeELB5XX"`
	TargetConnectionErrorCount int `json:"targetConnectionErrorCount"`
	// HealthyHostCount is the least, UnHealthyHostCount the greatest.
	HealthyHostCount        int `json:"healthyHostCount"`
	UnHealthyHostCount      int `json:"unHealthyHostCount"`
	LeastUnHealthyHostCount int `json:"leastUnHealthyHostCount"`
	// Percentiles of TargetResponseTime in real seconds, to a tenth of their value.
	TargetResponseTimeP50 float64 `json:"targetResponseTimeP50"`
	TargetResponseTimeP95 float64 `json:"targetResponseTimeP95"`
	TargetResponseTimeP99 float64 `json:"targetResponseTimeP99"`
}

// outcome is what became of one request.
type outcome struct {
	sent, unreachable    bool // to a target.
	targetStatus, status int  // 0 without one.
	responseTime         time.Duration
}

// bucket is what happened in one resolution.
type bucket struct {
	Metrics
	times histogram
}

// meter keeps the metrics of a group.
type meter struct {
	width time.Duration // real time of a bucket.

	mu                 sync.Mutex
	buckets            [kept]bucket
	last               int64 // number of the newest bucket since 1970.
	healthy, unhealthy int
}

func newMeter(scale timescale.Scale) *meter {
	return &meter{width: scale.Seconds(resolution)}
}

func (m *meter) number(at time.Time) int64 { return at.UnixNano() / int64(m.width) }

// at returns the bucket of now, after making those that time has brought.
func (m *meter) at(now time.Time) *bucket {
	number := m.number(now)
	first := max(m.last+1, number-kept+1)
	for n := first; n <= number; n++ {
		m.buckets[n%kept] = bucket{Metrics: Metrics{
			HealthyHostCount: m.healthy, UnHealthyHostCount: m.unhealthy, LeastUnHealthyHostCount: m.unhealthy,
		}}
	}
	m.last = max(m.last, number)
	return &m.buckets[m.last%kept]
}

func (m *meter) hosts(now time.Time, healthy, unhealthy int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.at(now) // begins with what was until now.
	m.healthy, m.unhealthy = healthy, unhealthy
	b.HealthyHostCount, b.UnHealthyHostCount = min(b.HealthyHostCount, healthy), max(b.UnHealthyHostCount, unhealthy)
	b.LeastUnHealthyHostCount = min(b.LeastUnHealthyHostCount, unhealthy)
}

func (m *meter) observe(now time.Time, o outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.at(now)
	if o.sent {
		b.RequestCount++
	}
	if o.unreachable {
		b.TargetConnectionErrorCount++
	}
	switch o.targetStatus / 100 {
	case 2:
		b.HTTPCodeTarget2XX++
	case 3:
		b.HTTPCodeTarget3XX++
	case 4:
		b.HTTPCodeTarget4XX++
	case 5:
		b.HTTPCodeTarget5XX++
	}
	if o.targetStatus != 0 {
		b.times.add(o.responseTime)
		return
	}
	if o.status >= http.StatusInternalServerError {
		b.HTTPCodeELB5XX++
	} else if o.status >= http.StatusBadRequest {
		b.HTTPCodeELB4XX++
	}
}

func (m *meter) window(now time.Time, seconds int) Metrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	n := int64(min(max(1, seconds/resolution), kept))
	return m.sum(m.last-n+1, n)
}

func (m *meter) series(now time.Time, period, count int) []Metrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	n := int64(max(1, period/resolution))
	current := m.last / n * n // where the period that is not complete begins.
	var all []Metrics
	for i := int64(count); i > 0; i-- {
		if first := current - i*n; first > m.last-kept {
			all = append(all, m.sum(first, n))
		}
	}
	return all
}

// sum adds up n buckets. Those from before the meter began are empty.
func (m *meter) sum(first, n int64) Metrics {
	total := Metrics{Start: time.Unix(0, first*int64(m.width)), Seconds: int(n) * resolution, HealthyHostCount: -1, LeastUnHealthyHostCount: -1}
	var times histogram
	for i := first; i < first+n; i++ {
		b := &m.buckets[i%kept]
		total.RequestCount += b.RequestCount
		total.HTTPCodeTarget2XX += b.HTTPCodeTarget2XX
		total.HTTPCodeTarget3XX += b.HTTPCodeTarget3XX
		total.HTTPCodeTarget4XX += b.HTTPCodeTarget4XX
		total.HTTPCodeTarget5XX += b.HTTPCodeTarget5XX
		total.HTTPCodeELB4XX += b.HTTPCodeELB4XX
		total.HTTPCodeELB5XX += b.HTTPCodeELB5XX
		total.TargetConnectionErrorCount += b.TargetConnectionErrorCount
		total.UnHealthyHostCount = max(total.UnHealthyHostCount, b.UnHealthyHostCount)
		if total.HealthyHostCount < 0 || b.HealthyHostCount < total.HealthyHostCount {
			total.HealthyHostCount = b.HealthyHostCount
		}
		if total.LeastUnHealthyHostCount < 0 || b.LeastUnHealthyHostCount < total.LeastUnHealthyHostCount {
			total.LeastUnHealthyHostCount = b.LeastUnHealthyHostCount
		}
		times.merge(&b.times)
	}
	total.TargetResponseTimeP50 = times.quantile(0.5)
	total.TargetResponseTimeP95 = times.quantile(0.95)
	total.TargetResponseTimeP99 = times.quantile(0.99)
	return total
}
