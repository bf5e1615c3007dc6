// This test holds metric math against the documentation's examples. It does not
// prove anything about the functions that are left out.
package alarm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var gap = math.Inf(1) // a missing datapoint.

func series(values ...float64) []*float64 {
	all := make([]*float64, len(values))
	for i := range values {
		if values[i] != gap {
			all[i] = &values[i]
		}
	}
	return all
}

func TestCalculate(t *testing.T) {
	t.Parallel()
	known := map[string][]*float64{
		"metric1": series(30, 20, 0, 0), "metric2": series(20, gap, 20, gap),
		"c": series(1, 1, 0, 0, gap), "m": series(30, gap, 0, 0, 30), "o": series(0, 0, 20, gap, 20),
		"errors": series(gap, gap, 5, 0), "requests": series(gap, 100, 10, 0),
	}
	for text, want := range map[string][]*float64{
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
		"(metric1 < metric2)": series(0, 0, 1, 0), "(metric1 >= 30)": series(1, 0, 0, 0),
		"IF(c, m, o)": series(30, 0, 20, gap, gap), "IF(c, 5, o)": series(5, 5, 20, gap, gap), "IF(c, m, 5)": series(30, 0, 5, 5, gap),
		"metric1 + metric2": series(50, 20, 20, 0), "metric1 - metric2": series(10, 20, -20, 0),
		"-5*metric1": series(-150, -100, 0, 0), "-metric2": series(-20, gap, -20, gap), "metric2 * 0.5": series(10, gap, 10, gap),
		"metric2 + 1 + 2": series(23, gap, 23, gap), "metric1 - 2 * (3 - 1) / 4": series(29, 19, -1, -1), "10 - 4 - metric1": series(-24, -14, 6, 6),
		"FILL(metric2, 7)": series(20, 7, 20, 7), "FILL(metric2, metric1)": series(20, 20, 20, 0),
		"metric1 == 20": series(0, 1, 0, 0), "metric1 != 20": series(1, 0, 1, 1), "metric1 > 20": series(1, 0, 0, 0), "metric1 <= 0": series(0, 0, 1, 1),
		"IF(2 > 1, metric2, metric1)": series(20, gap, 20, gap), "metric1 * IF(1 > 2, 3, 4)": series(120, 80, 0, 0),
		// "quiet without traffic".
		"100*errors/requests":                                                 series(gap, 0, 50, gap),
		"IF(requests >= 20, 100*errors/requests, 0)":                          series(gap, 0, 0, 0),
		"IF(FILL(requests, 0) >= 20,\n\t100 * FILL(errors, 0) / requests, 0)": series(0, 0, 0, 0),
	} {
		got, err := calculate(text, known, len(want))
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"SUM(METRICS())":       `unsupported expression "SUM(METRICS())": column 5 must be one of + - * /, a comparison, IF(a, b, c), FILL(a, b), a number and c, errors, m, metric1, metric2, o, requests`,
		"metric3 + 1":          "column 1 must be one of",
		"metric1 > 1 && c":     "column 1 must be one of",
		"FILL(metric1)":        "column 1 must be one of",
		"FILL(metric1,REPEAT)": "column 14 must be one of",
		"IF(c, m)":             "column 1 must be one of",
		"metric1 +":            `unsupported expression "metric1 +": 1:10: expected operand, found 'EOF'`,
		"":                     `unsupported expression "": 1:1: expected operand, found 'EOF'`,
		"1 + 2":                `unsupported expression "1 + 2": it is a number, not a time series`,
		"metric1 + \"1\"":      "column 11 must be one of",
		"+metric1":             "column 1 must be one of",
	} {
		_, err := calculate(text, known, 4)
		assert.ErrorContains(t, err, want, text)
	}
}

func FuzzCalculate(f *testing.F) {
	f.Add("IF(m > 1, 100*m/2, FILL(m, 0))")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := calculate(text, map[string][]*float64{"m": series(1, gap)}, 2)
		assert.True(t, err != nil || len(got) == 2)
	})
}
