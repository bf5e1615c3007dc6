package observability

import "github.com/ferg-cod3s/codeflow-infrastructure/components/naming"

// Row is something that people are told of, as it is documented and tested.
type Row struct {
	Name string // short: "cpu"
	// Alarm is the name in CloudWatch; of an event, that of the rule in EventBridge.
	Alarm       string
	Description string
	// Severity is "notify", "page", "guard" (page, and blame the colour) or
	// "acknowledge".
	Severity string
	// Levels are how many of the escalation levels are told: those that page tell
	// each, [Row.Severity] notify the first, acknowledge none.
	Levels int
	// Comparison is ">" or "<", and empty for an event, which has nothing of what
	// follows.
	Comparison string
	Threshold  float64
	// Period in seconds, of which Datapoints of the last Periods must breach.
	Period, Datapoints, Periods int
	Missing, Why                string // treatment of missing data, and its reason
}

var (
	severities = map[severity]string{notify: "notify", page: "page", guard: "guard", acknowledge: "acknowledge"}
	signs      = map[string]string{above: ">", below: "<"}
)

func (a *alarm) row(names naming.Color) Row {
	r := Row{
		Name: a.name, Alarm: names.Alarm(a.name), Description: a.description,
		Severity: severities[a.severity], Levels: len(levels), Comparison: signs[a.comparison], Threshold: a.threshold,
		Period: a.period, Datapoints: a.datapoints, Periods: a.periods, Missing: a.missing, Why: a.why,
	}
	switch a.severity {
	case notify:
		r.Levels = 1
	case acknowledge:
		r.Levels = 0
	}
	return r
}

// Rows lists what people are told of a colour. It needs the names only.
func (a *ColorArgs) Rows() []Row {
	var rows []Row
	for _, alarm := range a.table() {
		rows = append(rows, alarm.row(a.named(&alarm)))
	}
	return append(rows, Row{
		Name: deploymentFailed, Alarm: a.info().Alarm(deploymentFailed), Description: deploymentFailedText,
		Severity: severities[notify], Levels: 1,
	})
}

// named is how an alarm of the colour is named: with its prefix those that blame it.
func (a *ColorArgs) named(of *alarm) naming.Color {
	if of.severity == guard {
		return a.Names
	}
	return a.info()
}

// Rows lists what people are told of the platform: of its region, then of us-east-1.
func (a *PlatformArgs) Rows() []Row {
	var rows []Row
	for _, alarm := range a.homeTable() {
		rows = append(rows, alarm.row(a.info()))
	}
	for _, alarm := range a.usEast1Table() {
		rows = append(rows, alarm.row(a.cdnInfo()))
	}
	return rows
}
