package alarm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const (
	// resolution of a [Store] in seconds, and how many times of it are kept: what an
	// alarm on an hour may look at.
	resolution = 10
	kept       = (1 + lookback) * 3600 / resolution
)

// Store has the metrics that somebody puts into it, as custom metrics are. It is
// safe for concurrent use.
type Store struct {
	width time.Duration // real time of the resolution.

	mu     sync.Mutex
	series map[string]map[int64]statistics // by metric, and by time in widths.
}

// statistics sum up the values of a time.
type statistics struct{ count, sum, min, max float64 }

// NewStore returns an empty store.
func NewStore(scale timescale.Scale) *Store {
	return &Store{width: scale.Seconds(resolution), series: map[string]map[int64]statistics{}}
}

// key is one text for a metric, whatever its statistic.
func key(namespace, name string, dimensions map[string]string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%q %q", namespace, name)
	for _, d := range slices.Sorted(maps.Keys(dimensions)) {
		fmt.Fprintf(&text, " %q=%q", d, dimensions[d])
	}
	return text.String()
}

// Put adds a value that was measured now.
func (s *Store) Put(namespace, name string, dimensions map[string]string, value float64) {
	s.put(namespace, name, dimensions, statistics{1, value, value, value})
}

func (s *Store) put(namespace, name string, dimensions map[string]string, sum statistics) {
	metric, now := key(namespace, name, dimensions), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	series := s.series[metric]
	if series == nil {
		series = map[int64]statistics{}
		s.series[metric] = series
	}
	at, ok := series[now]
	if !ok {
		maps.DeleteFunc(series, func(then int64, _ statistics) bool { return then <= now-kept })
	}
	series[now] = at.and(sum)
}

func (s *Store) now() int64 { return time.Now().UnixNano() / int64(s.width) }

// values of a statistic. Percentiles would need the values themselves.
var values = map[string]func(statistics) float64{
	"SampleCount": func(s statistics) float64 { return s.count },
	"Sum":         func(s statistics) float64 { return s.sum },
	"Average":     func(s statistics) float64 { return s.sum / s.count },
	"Minimum":     func(s statistics) float64 { return s.min },
	"Maximum":     func(s statistics) float64 { return s.max },
}

// Series implements [Source]. Periods of a minute and more end with the last
// minute, however long they are, as alarms are evaluated each minute.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
func (s *Store) Series(m Metric, count int) ([]*float64, error) {
	value := values[m.Statistic]
	if value == nil {
		return nil, fmt.Errorf("metric %q with statistic %q is not measured: must be one of %s", m.MetricName, m.Statistic, names(values))
	}
	width := int64(max(1, m.Period/resolution))
	step := min(width, 60/resolution)
	first := s.now()/step*step - int64(count)*width
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := make([]statistics, count)
	for then, at := range s.series[key(m.Namespace, m.MetricName, m.Dimensions)] {
		if i := (then - first) / width; then >= first && i < int64(count) {
			sums[i] = sums[i].and(at)
		}
	}
	series := make([]*float64, count)
	for i, sum := range sums {
		if sum.count > 0 {
			v := value(sum)
			series[i] = &v
		}
	}
	return series, nil
}

func (s statistics) and(t statistics) statistics {
	if s.count == 0 {
		return t
	}
	return statistics{s.count + t.count, s.sum + t.sum, min(s.min, t.min), max(s.max, t.max)}
}
