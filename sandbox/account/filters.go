package account

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
)

// metricFilter is an aws:cloudwatch/logMetricFilter.
type metricFilter struct {
	Name, LogGroupName, Pattern string
	MetricTransformation        struct {
		Namespace, Name, Value string
		Dimensions             map[string]string
	}
	pattern alarm.Pattern
}

// followFilters reads the metric filters that there are, by log group.
func (a *Account) followFilters() {
	filters := map[string][]metricFilter{}
	for _, r := range a.each("cloudwatch/logMetricFilter") {
		var f metricFilter
		err := decode(r, &f)
		if err == nil {
			f.pattern, err = alarm.ParsePattern(f.Pattern)
		}
		if err == nil {
			filters[f.LogGroupName] = append(filters[f.LogGroupName], f)
		} else if a.once("metric filter " + r.ID) {
			fmt.Fprintf(a.opts.Out, "metric filter %q counts nothing here: %v\n", r.ID, err)
		}
	}
	a.filters.Store(&filters)
}

// filter publishes the metrics that an event has, and those that the metric filters
// make of it.
func (a *Account) filter(group, message string) {
	var filters []metricFilter
	if all := a.filters.Load(); all != nil {
		filters = (*all)[group]
	}
	if len(filters) == 0 && !strings.Contains(message, `"_aws"`) {
		return // most lines, which nobody reads
	}
	event := alarm.Event(message)
	if event == nil || a.published.PutEmbedded(event) {
		return
	}
	for _, f := range filters {
		if f.pattern.Matches(event) {
			if value, dimensions, ok := f.read(event); ok {
				a.published.Put(f.MetricTransformation.Namespace, f.MetricTransformation.Name, dimensions, value)
			}
		}
	}
}

// read returns the value of an event and its dimensions. An event without one of them
// has no value.
func (f *metricFilter) read(event map[string]any) (value float64, dimensions map[string]string, ok bool) {
	text := f.MetricTransformation.Value
	if strings.HasPrefix(text, "$.") {
		text, _ = alarm.Field(event, text)
	}
	value, err := strconv.ParseFloat(text, 64)
	dimensions, ok = map[string]string{}, err == nil
	for name, selector := range f.MetricTransformation.Dimensions {
		known := false
		dimensions[name], known = alarm.Field(event, selector)
		ok = ok && known
	}
	return value, dimensions, ok
}
