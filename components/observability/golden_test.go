package observability

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
)

func TestDashboards(t *testing.T) {
	t.Parallel()
	args := platformArgs()
	r := newRecorder()
	require.NoError(t, r.Run(false, platform(args)))
	for _, name := range []string{"platform", "colors"} {
		body := r.Get(t, "aws:cloudwatch/dashboard:Dashboard", "alarms-"+name).In("dashboardBody").(string)
		var text bytes.Buffer
		require.NoError(t, json.Indent(&text, []byte(body), "", "  "))
		golden.Equal(t, "testdata/dashboard-"+name+".json", text.String()+"\n")

		var dashboard struct {
			Widgets []struct {
				X, Y, Width, Height int
				Type                string
				Properties          struct {
					Region  string
					Metrics [][]any
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &dashboard))
		taken := map[string]bool{}
		for _, w := range dashboard.Widgets {
			assert.LessOrEqual(t, w.X+w.Width, columns)
			for x := range w.Width {
				cell := fmt.Sprint(w.X+x, ",", w.Y)
				assert.False(t, taken[cell], "two widgets at %s", cell)
				taken[cell] = true
			}
			if w.Type != "metric" {
				continue
			}
			assert.NotEmpty(t, w.Properties.Region)
			for _, line := range w.Properties.Metrics {
				options := line[len(line)-1].(map[string]any)
				assert.Regexp(t, "^[a-z][a-zA-Z0-9_]*$", options["id"], "what CloudWatch takes")
			}
		}
	}
}

// TestDocument finds every row in docs/observability.md.
func TestDocument(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/observability.md", "<!-- alarms -->\n", "<!-- end of alarms -->"
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)

	var table strings.Builder
	table.WriteString("| alarm | rings when | in | without data | leads to |\n|---|---|---|---|---|\n")
	all, args := tables(), platformArgs()
	args.Databases = args.Databases[:1] // the others' alarms have their number in the name
	all["home"] = args.homeTable()
	for _, where := range slices.Sorted(maps.Keys(all)) {
		prefix := map[string]string{"home": "platform ", "us-east-1": "platform, us-east-1: "}[where]
		for _, a := range all[where] {
			leads := map[severity]string{notify: "a message", page: "a page", guard: "a page, and the traffic moves away", acknowledge: "silence"}
			fmt.Fprintf(&table, "| %s%s | %s | %d of %d × %d s | %s: %s | %s |\n",
				cmp.Or(prefix, "colour "), a.name, a.description, a.datapoints, a.periods, a.period, a.missing, a.why, leads[a.severity])
		}
	}
	golden.Equal(t, file, before+begin+table.String()+end+after)
}
