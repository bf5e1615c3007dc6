package emf

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Limits of a document:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
const (
	maxMetrics    = 100
	maxValues     = 100
	maxDimensions = 30
)

// group is what shares a document: one value of one [By], or what is not split.
type group struct {
	By
	value string
}

// series is one metric in one group.
type series struct {
	name string
	group
}

// document is a line. Its members are named by metrics and dimensions.
type document struct {
	group
	members map[string]any
	*directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// documents returns what happened since the last call.
func (e *Exporter) documents(families map[string][]*dto.Metric) ([]*document, error) {
	documents := map[group]*document{}
	var order []*document
	news := false
	for _, m := range e.opts.Metrics {
		readings := m.read(families[m.Family])
		if m.Of != "" {
			readings = shares(readings, Metric{By: m.By}.read(families[m.Of]))
		}
		for _, g := range sortedGroups(readings) {
			r := *readings[g]
			key := series{m.Name, g}
			delta := r.since(e.last[key])
			e.last[key] = r
			value, ok := delta.target(cmp.Or(m.Scale, 1))
			if !ok {
				continue
			}
			news = news || !r.gauge
			d := documents[g]
			if d == nil {
				d = e.document(g)
				documents[g] = d
				order = append(order, d)
			}
			d.members[m.Name] = value
			d.Metrics = append(d.Metrics, definition{m.Name, m.Unit})
		}
	}
	if !news {
		return nil, nil
	}
	for _, d := range order {
		if err := d.check(); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// read adds up the series of a family, by group.
func (m Metric) read(family []*dto.Metric) map[group]*reading {
	readings := map[group]*reading{}
	for _, s := range family {
		if m.Label != "" && label(s, m.Label) != m.Value {
			continue
		}
		g := group{By: m.By}
		if m.By.Label != "" {
			g.value = label(s, m.By.Label)
		}
		if readings[g] == nil {
			readings[g] = &reading{}
		}
		readings[g].add(s)
	}
	return readings
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func sortedGroups(readings map[group]*reading) []group {
	groups := make([]group, 0, len(readings))
	for g := range readings {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.value, b.value) })
	return groups
}

// target is the member of a document, and whether there is one to write.
func (r reading) target(scale float64) (any, bool) {
	if r.counts != nil {
		d := r.distribution(scale)
		return d, d != nil
	}
	return r.value * scale, r.gauge || r.value != 0
}

// document starts one with its dimensions: over all values of the group's
// label, and the group's own.
func (e *Exporter) document(g group) *document {
	d := &document{group: g, members: map[string]any{}, directive: &directive{Namespace: e.opts.Namespace}}
	all := []string{}
	for _, dimension := range e.opts.Dimensions {
		if dimension.Value != "" {
			d.members[dimension.Name] = dimension.Value
			all = append(all, dimension.Name)
		}
	}
	if g.value == "" || !slices.Contains(e.opts.Apart, g.value) {
		d.Dimensions = append(d.Dimensions, all)
	}
	if g.value != "" {
		d.members[g.Dimension] = g.value
		d.Dimensions = append(d.Dimensions, append(slices.Clone(all), g.Dimension))
	}
	d.members["_aws"] = map[string]any{
		"Timestamp":         time.Now().UnixMilli(),
		"CloudWatchMetrics": []*directive{d.directive},
	}
	return d
}

// check refuses a document that CloudWatch would drop without a word.
func (d *document) check() error {
	if n := len(d.Metrics); n > maxMetrics {
		return fmt.Errorf("metrics of %q: %d in one document, CloudWatch takes %d", d.value, n, maxMetrics)
	}
	if n := len(d.Dimensions[len(d.Dimensions)-1]); n > maxDimensions {
		return fmt.Errorf("metrics of %q: %d dimensions, CloudWatch takes %d", d.value, n, maxDimensions)
	}
	for _, m := range d.Metrics {
		if dist, ok := d.members[m.Name].(*distribution); ok && len(dist.Values) > maxValues {
			return fmt.Errorf("metric %q: %d values, CloudWatch takes %d", m.Name, len(dist.Values), maxValues)
		}
	}
	return nil
}
