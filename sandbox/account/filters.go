package account

import (
	"encoding/json"
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

// filter publishes what the metric filters make of an event, and what the event itself
// has in the embedded metric format.
func (a *Account) filter(group, message string) {
	filters := a.filters.Load()
	if filters == nil {
		return
	}
	event := alarm.Event(message)
	a.embedded(event)
	for _, f := range (*filters)[group] {
		if f.pattern.Matches(event) {
			if value, dimensions, ok := f.read(event); ok {
				a.published.Put(f.MetricTransformation.Namespace, f.MetricTransformation.Name, dimensions, value)
			}
		}
	}
}

// embedded publishes the numbers of an event in the embedded metric format, by each of
// their sets of dimensions. Distributions are left out.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (a *Account) embedded(event map[string]any) {
	var envelope struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if event["_aws"] == nil {
		return
	}
	text, err := json.Marshal(event)
	if err != nil || json.Unmarshal(text, &envelope) != nil {
		return
	}
	for _, directive := range envelope.AWS.CloudWatchMetrics {
		for _, set := range directive.Dimensions {
			dimensions := map[string]string{}
			for _, name := range set {
				dimensions[name], _ = alarm.Field(event, "$."+name)
			}
			for _, metric := range directive.Metrics {
				if value, ok := event[metric.Name].(float64); ok {
					a.published.Put(directive.Namespace, metric.Name, dimensions, value)
				}
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
