package rehearsal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/report"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal/traffic"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		wanted, borne float64
		took          time.Duration
		want          terms
		tooSlow       bool
	}{
		"fast":              {320, 5000, ms, terms{5000, 320, 1, tolerated}, false},
		"just enough":       {320, 640, 20 * ms, terms{640, 320, 1, 20 * ms}, false},
		"half":              {320, 320, 30 * ms, terms{320, 160, 2, 30 * ms}, false},
		"the floor":         {320, 120, 300 * ms, terms{120, 60, 320.0 / 60, intolerable}, false},
		"below":             {320, 119, ms, terms{119, 59.5, 320 / 59.5, tolerated}, true},
		"nothing":           {320, 0, ms, terms{0, 0, 320, tolerated}, true},
		"less is wanted":    {20, 45, ms, terms{45, 20, 1, tolerated}, false},
		"and is not borne":  {20, 39, ms, terms{39, 19.5, 20 / 19.5, tolerated}, true},
		"more than a floor": {1000, 1000, 20 * ms, terms{1000, 500, 2, 20 * ms}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := termsOf(tc.wanted, tc.borne, tc.took)
			assert.Equal(t, tc.want, got)
			if tc.tooSlow {
				require.ErrorIs(t, err, ErrTooSlow)
			} else {
				require.NoError(t, err)
			}
		})
	}
	assert.Equal(t, 20*time.Second, terms{stretch: 2}.stretched(10*time.Second))
	assert.Equal(t, time.Second, terms{}.stretched(time.Second), "before anything is measured")
}

// at is seconds on a clock that is made up.
func at(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }

func between(from, to float64) traffic.Span { return traffic.Span{From: at(from), To: at(to)} }

// slow is a machine that answers late in a span, and never otherwise.
func slow(in traffic.Span) witness {
	return func(s traffic.Span) float64 {
		from, to := s.From, s.To
		if in.From.After(from) {
			from = in.From
		}
		if in.To.Before(to) {
			to = in.To
		}
		return max(0, to.Sub(from).Seconds()) / s.To.Sub(s.From).Seconds()
	}
}

const memory = 6 * time.Second

func TestMissed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		starved, missed traffic.Span
		want            string
	}{
		"never":              {between(0, 0), between(10, 20), report.Failed},
		"all the time":       {between(0, 100), between(10, 20), report.NotJudged},
		"all of what it was": {between(10, 20), between(10, 20), report.NotJudged},
		"just before":        {between(6, 10), between(10, 10), report.NotJudged},
		"a quarter":          {between(16, 20), between(10, 20), report.NotJudged},
		"less":               {between(16.1, 20), between(10, 20), report.Failed},
		"long before":        {between(0, 4), between(10, 20), report.Failed},
		"after":              {between(20, 40), between(10, 20), report.Failed},
		"after what it saw":  {between(10, 40), between(10, 10), report.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, slow(tc.starved).missed(tc.missed, memory))
		})
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	two := []traffic.Span{between(10, 20), between(30, 40)}
	for name, tc := range map[string]struct {
		starved         traffic.Span
		failed, allowed int
		lost            []traffic.Span
		want            string
		excused         int
	}{
		"none failed":                      {between(0, 0), 0, 0, nil, report.Passed, 0},
		"none failed, starved":             {between(0, 100), 0, 0, nil, report.Passed, 0},
		"what may":                         {between(0, 100), 9, 9, two, report.Passed, 0},
		"lost":                             {between(0, 0), 2, 0, two, report.Failed, 0},
		"lost, starved":                    {between(0, 100), 2, 0, two, report.NotJudged, 2},
		"lost, starved at another time":    {between(50, 100), 2, 0, two, report.Failed, 0},
		"one of them starved":              {between(10, 20), 2, 0, two, report.Failed, 1},
		"the other one may":                {between(10, 20), 2, 1, two, report.NotJudged, 1},
		"bad answers, starved":             {between(0, 100), 3, 0, nil, report.Failed, 0},
		"more than may, starved":           {between(0, 100), 12, 9, nil, report.Failed, 0},
		"bad answers and lost":             {between(0, 100), 12, 9, two, report.Failed, 2},
		"bad answers that may, and lost":   {between(0, 100), 11, 9, two, report.NotJudged, 2},
		"bad answers that may, and calm":   {between(0, 0), 11, 9, two, report.Failed, 0},
		"a bad answer among those starved": {between(0, 100), 3, 0, two, report.Failed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome, excused := slow(tc.starved).requests(tc.failed, tc.allowed, tc.lost, memory)
			assert.Equal(t, tc.want, outcome)
			assert.Equal(t, tc.excused, excused)
		})
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	order := []string{report.Passed, report.Skipped, report.NotJudged, report.Failed}
	for i, a := range order {
		for j, b := range order {
			assert.Equal(t, order[max(i, j)], worse(a, b))
		}
	}
}
