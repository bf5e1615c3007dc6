package observability

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Sizes in cells of CloudWatch's grid.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const (
	columns = 24
	height  = 6
	minute  = 60
)

// widget is a cell of a dashboard.
type widget struct {
	kind       string // metric, text, alarm or log
	properties map[string]any
}

// series is a line of a graph: a metric, or an expression over those of the graph.
type series struct {
	metric
	expression, label string
	hidden            bool
}

func (s *series) fields() []any {
	options := map[string]any{"id": s.id, "visible": !s.hidden}
	if s.label != "" {
		options["label"] = s.label
	}
	if s.expression != "" {
		options["expression"] = s.expression
		return []any{options}
	}
	options["stat"] = s.statistic
	list := []any{s.namespace, s.name}
	for _, key := range slices.Sorted(maps.Keys(s.dimensions)) {
		list = append(list, key, s.dimensions[key])
	}
	return append(list, options)
}

// graph draws series of a region, a point a period in seconds.
func graph(title string, region pulumi.StringInput, period int, lines ...series) widget {
	metrics := make([]any, len(lines))
	for i := range lines {
		metrics[i] = lines[i].fields()
	}
	return widget{"metric", map[string]any{
		"title": title, "region": region, "period": period, "view": "timeSeries", "metrics": metrics,
		"yAxis": map[string]any{"left": map[string]any{"min": 0}},
	}}
}

// text shows Markdown.
func text(markdown string) widget {
	return widget{"text", map[string]any{"markdown": markdown}}
}

// states shows which alarms ring.
func states(title string, arns []pulumi.StringOutput) widget {
	list := make([]any, len(arns))
	for i, arn := range arns {
		list[i] = arn
	}
	return widget{"alarm", map[string]any{"title": title, "alarms": list}}
}

// logs shows what a Logs Insights query finds in a log group.
func logs(title string, region pulumi.StringInput, group, query string) widget {
	return widget{"log", map[string]any{
		"title": title, "region": region, "view": "table", "query": fmt.Sprintf("SOURCE '%s' | %s", group, query),
	}}
}

// grid places rows below each other; the widgets of a row share its width.
func grid(rows ...[]widget) map[string]any {
	var cells []any
	for y, row := range rows {
		width := columns / len(row)
		for x, w := range row {
			cells = append(cells, map[string]any{
				"type": w.kind, "x": x * width, "y": y * height, "width": width, "height": height, "properties": w.properties,
			})
		}
	}
	return map[string]any{"widgets": cells}
}
