package alarm

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// missingValue is the value of a metric that reports nothing.
const missingValue = "none"

// Faults give metrics another value than they have, in all of the past too: an alarm
// on a day of backups rings at once. The zero value has none; it is safe for
// concurrent use.
type Faults struct {
	mu sync.Mutex
	on map[metricFault]string
}

// metricFault is of all metrics of a name, or of those with a dimension's value.
type metricFault struct{ metric, scope string }

// Set switches a fault on or off: "AWS/RDS/CPUUtilization=95" for a metric with one
// dimension of the scope, "AWS/RDS/CPUUtilization=none" to report nothing. An empty
// scope is every metric of the name.
func (f *Faults) Set(fault, scope string, on bool) error {
	metric, value, _ := strings.Cut(fault, "=")
	_, err := strconv.ParseFloat(value, 64)
	if !strings.Contains(strings.Trim(metric, "/"), "/") || on && err != nil && value != missingValue {
		return fmt.Errorf("fault metric: must be like metric=AWS/RDS/CPUUtilization=95 or =%s, got %q", missingValue, fault)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on == nil {
		f.on = map[metricFault]string{}
	}
	if on {
		f.on[metricFault{metric, scope}] = value
	} else {
		delete(f.on, metricFault{metric, scope})
	}
	return nil
}

// List returns the faults that are on, like "AWS/RDS/CPUUtilization=95:codeflow".
func (f *Faults) List() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for which, value := range f.on {
		all = append(all, strings.TrimSuffix(which.metric+"="+value+":"+which.scope, ":"))
	}
	slices.Sort(all)
	return all
}

// of is the value that a metric is given.
func (f *Faults) of(m Metric) (value string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := m.Namespace + "/" + m.MetricName
	for _, scope := range append(slices.Sorted(maps.Values(m.Dimensions)), "") {
		if value, ok = f.on[metricFault{name, scope}]; ok {
			return value, true
		}
	}
	return "", false
}

// Over returns the source's metrics, with the faults.
func (f *Faults) Over(source Source) Source { return faulty{f, source} }

type faulty struct {
	faults *Faults
	source Source
}

func (f faulty) Series(m Metric, count int) ([]*float64, error) {
	if value, ok := f.faults.of(m); ok {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return make([]*float64, count), nil
		}
		return constant(n, count), nil
	}
	return f.source.Series(m, count)
}

func constant(value float64, count int) []*float64 {
	return slices.Repeat([]*float64{&value}, count)
}

// Healthy has metrics of what does not run here, by namespace and name: each has
// always had the value that it has when all is well.
type Healthy map[string]float64

// Series implements [Source].
func (h Healthy) Series(m Metric, count int) ([]*float64, error) {
	value, ok := h[m.Namespace+"/"+m.MetricName]
	if !ok {
		return nil, fmt.Errorf("metric %q of namespace %q is not known: must be one of %s", m.MetricName, m.Namespace, names(h))
	}
	return constant(value, count), nil
}
