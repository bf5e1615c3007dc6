package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteTable writes a line for each scenario.
func WriteTable(w io.Writer, r Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tOUTCOME\tDETECTED\tSAFE\tSENT\tFAILED\tALLOWED\tRETRIED\tLATE\tNOTES")
	for _, s := range r.Scenarios {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Outcome, seconds(s.SecondsToDetect), seconds(s.SecondsToSafe),
			count(s.Sent), count(s.Failed), count(s.AllowedFailures), count(s.Retried), percent(s.Late), strings.Join(s.Notes, "; "))
	}
	return table.Flush()
}

// Pace says what the machine bore, what it was sent, and when it counts as too slow.
func (r Report) Pace() string {
	return fmt.Sprintf("pace: the machine bore %s requests/s, so %.0f of %.0f are sent; a control answer after %.0f ms is late",
		count(int(r.RateBorne)), r.RateAsked, r.RateWanted, 1000*r.LateSeconds)
}

// Summary says it in one line. The path is where the report is; "" leaves it out.
func Summary(r Report, path string) string {
	var all Scenario
	outcomes := map[string]int{}
	for _, s := range r.Scenarios {
		outcomes[s.Outcome]++
		all.Sent, all.Failed, all.Retried = all.Sent+s.Sent, all.Failed+s.Failed, all.Retried+s.Retried
		all.AllowedFailures += s.AllowedFailures
		all.SecondsToDetect = longer(all.SecondsToDetect, s.SecondsToDetect)
		all.SecondsToSafe = longer(all.SecondsToSafe, s.SecondsToSafe)
	}
	var line strings.Builder
	fmt.Fprintf(&line, "rehearsal: %d of %d scenarios passed", outcomes[Passed], len(r.Scenarios))
	for _, outcome := range []string{NotJudged, Skipped} {
		if n := outcomes[outcome]; n > 0 {
			fmt.Fprintf(&line, " (%d %s)", n, outcome)
		}
	}
	fmt.Fprintf(&line, " in %.0f s at %.0f requests/s: %s sent, %s failed (%s allowed), %s retried",
		r.Seconds, r.RateReached, count(all.Sent), count(all.Failed), count(all.AllowedFailures), count(all.Retried))
	if all.SecondsToDetect != nil {
		line.WriteString("; slowest detection " + seconds(all.SecondsToDetect))
	}
	if all.SecondsToSafe != nil {
		line.WriteString(", slowest safe " + seconds(all.SecondsToSafe))
	}
	if path != "" {
		line.WriteString("; report: " + path)
	}
	return line.String()
}

func longer(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

func seconds(s *float64) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f s", *s)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// count has commas between thousands.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
