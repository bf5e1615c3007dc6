// These tests do not prove that the page looks well.
package report_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
)

func float(v float64) *float64 { return &v }

func synthetic() report.Report {
	r := report.Report{
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 214, Machine: report.ThisMachine(),
		TimeScale: 60, RateWanted: 320, RateAsked: 310, RateReached: 305.4, RateBorne: 1234, LateSeconds: 0.0204,
		Scenarios: []report.Scenario{
			{Name: "canary & switch", What: "The traffic moves.", Start: 5, End: 90, Sent: 30_000, Outcome: report.Passed},
			{
				Name: "errors", What: "A release errs.", Start: 95, End: 170, SecondsToDetect: float(3.14), SecondsToSafe: float(5.4),
				Sent: 34_210, Failed: 23, Lost: 1, Late: 0.034, AllowedFailures: 23, Retried: 41, Outcome: report.Passed,
				Notes: []string{"5xx > 1 %", "<script>alert(1)</script>"},
			},
			{Name: "zone down", What: "A zone is gone.", Start: 171, End: 172, SecondsToDetect: float(1), Outcome: report.Skipped, Notes: []string{"only one zone"}},
		},
		Events:   []report.Event{{At: 5.25, Text: "ops: <b>10 %</b> to green"}},
		Switches: []report.Switch{{From: "blue", To: "green", Seconds: 40, OwnSeconds: 10, TTLSeconds: 3, BakeSeconds: 27}},
	}
	for i := range 400 {
		at := float64(i) / 2
		share := 0.5 + math.Sin(at/20)/2
		color := func(share float64) report.ColorSample {
			return report.ColorSample{RequestsPerSecond: 305 * share, ErrorsPerSecond: share, P95Seconds: 0.02 + 3*share, Weight: math.Round(100 * share), HealthyTargets: 2}
		}
		r.Samples = append(r.Samples, report.Sample{
			At: at, Colors: map[string]report.ColorSample{"blue": color(share), "green": color(1 - share)},
			Client: report.ClientSample{SentPerSecond: 305, FailedPerSecond: share / 2, P95Seconds: 0.1}, ControlP95Seconds: 0.002,
		})
	}
	return r
}

// write writes a report and returns the page and its elements.
func write(t *testing.T, r report.Report) (page string, elements map[string][]*html.Node) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, report.Write(dir, r))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "nothing temporary is left")
	text, err := os.ReadFile(filepath.Join(dir, report.JSONFile))
	require.NoError(t, err)
	var again report.Report
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, r, again)
	text, err = os.ReadFile(filepath.Join(dir, report.HTMLFile))
	require.NoError(t, err)
	root, err := html.Parse(strings.NewReader(string(text)))
	require.NoError(t, err)
	elements = map[string][]*html.Node{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			elements[n.Data] = append(elements[n.Data], n)
		}
	}
	return string(text), elements
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is that of a node and all in it.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func TestPage(t *testing.T) {
	t.Parallel()
	r := synthetic()
	page, elements := write(t, r)

	require.Len(t, elements["svg"], 6)
	ids := map[string]bool{}
	for _, all := range elements {
		for _, n := range all {
			ids[attribute(n, "id")] = true
		}
	}
	for _, svg := range elements["svg"] {
		for id := range strings.FieldsSeq(attribute(svg, "aria-labelledby")) {
			assert.True(t, ids[id], "what %q names is there", id)
		}
	}
	points := map[int]int{}
	for _, line := range elements["polyline"] {
		all := strings.Fields(attribute(line, "points"))
		points[len(all)]++
		for _, point := range all {
			var x, y float64
			_, err := fmt.Sscanf(point, "%f,%f", &x, &y)
			require.NoError(t, err, point)
			require.True(t, x >= 0 && x <= 960 && y >= 0 && y <= 170, "%s is in the picture", point)
		}
	}
	assert.Equal(t, map[int]int{400: 10, 799: 4}, points, "a point for each sample, or a step")
	assert.Len(t, elements["rect"], 6*len(r.Scenarios))

	var body string
	for _, main := range elements["main"] {
		body = text(main)
	}
	for _, s := range r.Scenarios {
		assert.Contains(t, body, s.Name)
		assert.Contains(t, body, s.What)
		for _, note := range s.Notes {
			assert.Contains(t, body, note)
		}
	}
	for _, want := range []string{
		"ops: <b>10 %</b> to green", "34,210", "3.1 s", "At time scale 1 the switch from blue to green would take 30m10s",
		"305.4 reached", "1 canary & switch", "3 %",
		"the machine bore 1,234 requests/s, so 310 of 320 are sent; a control answer after 20 ms is late",
	} {
		assert.Contains(t, body, want)
	}
	for _, th := range elements["th"] {
		assert.NotEmpty(t, attribute(th, "scope"))
	}
	assert.Empty(t, elements["script"], "texts are escaped")
	for _, bad := range []string{"<b>", "://", "ZgotmplZ"} {
		assert.Zero(t, strings.Count(page, bad), "%s: text is not escaped, something is loaded or was refused", bad)
	}
	assert.Equal(t, 1, strings.Count(page, "prefers-color-scheme: dark"))
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]report.Report{
		"nothing":    {},
		"no samples": {Seconds: 10, Scenarios: []report.Scenario{{Name: "one", Outcome: report.Failed, End: 3}}},
		"one sample": {Samples: []report.Sample{{At: 1}}},
		"no colors":  {Seconds: 1, Samples: []report.Sample{{}, {At: 0.5, Client: report.ClientSample{P95Seconds: 100}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, elements := write(t, r)
			assert.Len(t, elements["svg"], 6)
			assert.False(t, strings.Contains(page, "NaN") || strings.Contains(page, "Inf"))
		})
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, report.WriteTable(&out, synthetic()))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, []string{"errors", "passed", "3.1", "s", "5.4", "s", "34,210", "23", "23", "41", "3", "%"}, strings.Fields(lines[2])[:12])
	assert.Contains(t, lines[3], "only one zone")
	assert.Equal(t, strings.Index(lines[0], "OUTCOME"), strings.Index(lines[3], "skipped"))
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		report report.Report
		want   string
	}{
		"all": {synthetic(), "rehearsal: 2 of 3 scenarios passed (1 skipped) in 214 s at 305 requests/s: 64,210 sent, 23 failed (23 allowed), " +
			"41 retried; slowest detection 3.1 s, slowest safe 5.4 s; report: out/report.html"},
		"not judged": {
			report.Report{Scenarios: []report.Scenario{{Outcome: report.NotJudged}, {Outcome: report.Skipped}, {Outcome: report.Passed}}},
			"rehearsal: 1 of 3 scenarios passed (1 not judged) (1 skipped) in 0 s at 0 requests/s: 0 sent, 0 failed (0 allowed), 0 retried; report: out/report.html",
		},
		"nothing": {report.Report{}, "rehearsal: 0 of 0 scenarios passed in 0 s at 0 requests/s: 0 sent, 0 failed (0 allowed), 0 retried; report: out/report.html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, report.Summary(tc.report, "out/report.html"))
		})
	}
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, report.Write(filepath.Join(t.TempDir(), "none"), synthetic()), "writing the report")
}
