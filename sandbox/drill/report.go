package drill

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// The budget, in seconds.
const (
	budgetRPO = 60 * 60
	budgetRTO = 4 * 60 * 60
)

// Step is what was done, and how long it took here.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Objective is a time in seconds: as measured here, as it would be on AWS, and the
// most that it may be there.
type Objective struct {
	Measured     float64  `json:"measuredSeconds"`
	Extrapolated float64  `json:"extrapolatedSeconds"`
	Budget       float64  `json:"budgetSeconds"`
	Parts        []Figure `json:"parts"`
}

func (o Objective) check(name string) error {
	if o.Extrapolated > o.Budget {
		return fmt.Errorf("%s would be %.0f s on AWS, more than the budget of %.0f s", name, o.Extrapolated, o.Budget)
	}
	return nil
}

// Report of a drill.
type Report struct {
	Scenario  string    `json:"scenario"`
	Passed    bool      `json:"passed"`
	Failure   string    `json:"failure,omitempty"`
	TimeScale float64   `json:"timeScale"`
	StorageGB int       `json:"storageGb"`
	Steps     []Step    `json:"steps"`
	Written   int       `json:"rowsWritten"`
	Restored  int       `json:"rowsRestored"`
	Checksum  string    `json:"checksum"`
	Usage     string    `json:"usage"` // of the server.
	RPO       Objective `json:"rpo"`
	RTO       Objective `json:"rto"`
}

func newReport(opts Options) *Report {
	r := &Report{Scenario: "point in time", TimeScale: opts.TimeScale, StorageGB: opts.StorageGB}
	if opts.Region {
		r.Scenario = "region lost"
	}
	r.RPO = extrapolate(rpo, opts, budgetRPO)
	r.RTO = extrapolate(rto, opts, budgetRTO)
	return r
}

// Write prints the report for people.
func (r *Report) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	verdict := "passed"
	if !r.Passed {
		verdict = "FAILED: " + r.Failure
	}
	fmt.Fprintf(w, "%s: %s\n", r.Scenario, verdict)
	for _, s := range r.Steps {
		fmt.Fprintf(w, "  %s\t%.2f s\n", s.Name, s.Seconds)
	}
	fmt.Fprintf(w, "  rows\t%d written, %d restored\tmd5 %s\tthe server's: %s\n", r.Written, r.Restored, r.Checksum, r.Usage)
	for _, o := range []struct {
		name string
		Objective
	}{{"RPO", r.RPO}, {"RTO", r.RTO}} {
		fmt.Fprintf(w, "  %s\t%.2f s here (%g times AWS's time)\t%.0f min on AWS\tbudget %.0f min\n", o.name, o.Measured, r.TimeScale,
			o.Extrapolated/60, o.Budget/60)
		for _, p := range o.Parts {
			fmt.Fprintf(w, "    %s\t\t%.0f min\t%s\n", p.Name, p.Seconds/60, p.Origin)
		}
	}
	return w.Flush()
}
