package cloud

import (
	"encoding/json"
	"regexp"
	"slices"
)

var (
	dashboardName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	widgetTypes   = []string{"alarm", "explorer", "log", "metric", "text"}
)

// maxColumns is how wide a dashboard is:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html.
const maxColumns = 24

func checkDashboard(in props) error {
	if name := in.str("dashboardName"); name != "" && !dashboardName.MatchString(name) {
		return refuse("InvalidParameterInput", "The value %s for field DashboardName contains invalid characters", name)
	}
	body := in.str("dashboardBody")
	if body == "" {
		return nil
	}
	var dashboard props
	if json.Unmarshal([]byte(body), &dashboard) != nil {
		return refuse("InvalidParameterInput", "The field DashboardBody must be a valid JSON object")
	}
	if _, list := dashboard["widgets"].([]any); !list {
		return refuse("InvalidParameterInput", `The dashboard body is invalid: should have required property "widgets"`)
	}
	for i, widget := range dashboard.objects("widgets") {
		kind, width := widget.str("type"), widget.num("width", 6)
		problem := ""
		switch {
		case !slices.Contains(widgetTypes, kind):
			problem = "should have a known type"
		case !widget.has("properties"):
			problem = "should have required property properties"
		case (kind == "metric" || kind == "log") && !widget.has("properties.region"):
			problem = "should have required property region"
		case kind == "text" && !widget.has("properties.markdown"):
			problem = "should have required property markdown"
		case kind == "log" && !widget.has("properties.query"):
			problem = "should have required property query"
		case kind == "alarm" && !widget.has("properties.alarms"):
			problem = "should have required property alarms"
		case width < 1 || widget.num("x", 0)+width > maxColumns:
			problem = "should fit into 24 columns"
		}
		if problem != "" {
			return refuse("InvalidParameterInput", "The dashboard body is invalid: /widgets/%d %s", i, problem)
		}
	}
	return nil
}
