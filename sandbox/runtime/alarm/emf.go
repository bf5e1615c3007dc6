package alarm

import "encoding/json"

// document is what CloudWatch reads in a log event of the embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type document struct {
	CloudWatchMetrics []struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []struct{ Name string }
	}
}

// PutEmbedded puts the metrics of a log event, as [Event] reads it, and reports
// whether it is of the embedded metric format. What has no value is left out.
func (s *Store) PutEmbedded(event map[string]any) bool {
	if event["_aws"] == nil {
		return false
	}
	var doc document
	if !convert(event["_aws"], &doc) {
		return false
	}
	for _, directive := range doc.CloudWatchMetrics {
		for _, m := range directive.Metrics {
			sum, ok := embedded(event[m.Name])
			if !ok {
				continue
			}
			for _, names := range directive.Dimensions {
				dimensions := map[string]string{}
				for _, name := range names {
					dimensions[name], _ = event[name].(string)
				}
				s.put(directive.Namespace, m.Name, dimensions, sum)
			}
		}
	}
	return true
}

// embedded sums up a member: a number, or a distribution.
func embedded(member any) (sum statistics, ok bool) {
	if value, isNumber := member.(float64); isNumber {
		return statistics{1, value, value, value}, true
	}
	var d struct{ Count, Sum, Min, Max float64 }
	if !convert(member, &d) || d.Count == 0 {
		return sum, false
	}
	return statistics{d.Count, d.Sum, d.Min, d.Max}, true
}

// convert decodes a value that came from JSON once more.
func convert(from, to any) bool {
	text, err := json.Marshal(from)
	return err == nil && json.Unmarshal(text, to) == nil
}
