package traffic

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The clock is made up: answers come one interval late, and for a second none does.
func TestLateness(t *testing.T) {
	t.Parallel()
	first := time.Unix(1000, 0)
	at := first.Add
	p := &Pace{first: first}
	for n := range 50 {
		assert.Equal(t, n+1, p.answered(p.due(n).Add(1)), "what is due next")
	}
	assert.Equal(t, 100, p.answered(p.due(99).Add(1)), "what was due meanwhile is answered with it")

	before, stalled := Span{first, at(time.Second)}, Span{at(time.Second), at(2 * time.Second)}
	limit := 500 * time.Millisecond
	for name, tc := range map[string]struct {
		span     Span
		late     float64
		p50, max time.Duration
	}{
		"kept pace":        {before, 0, 1, 1},
		"a stall":          {stalled, 0.5, 480*time.Millisecond + 1, 980*time.Millisecond + 1},
		"both":             {Span{first, at(2 * time.Second)}, 0.25, 1, 980*time.Millisecond + 1},
		"before the first": {Span{at(-time.Hour), first}, 0, 0, 0},
		"none":             {Span{at(time.Second), first}, 0, 0, 0},
	} {
		assert.InDelta(t, tc.late, p.Late(tc.span, limit), 1e-9, name)
		assert.Equal(t, tc.p50, p.Quantile(tc.span, 0.5), name)
		assert.Equal(t, tc.max, p.Quantile(tc.span, 1), name)
	}

	now := at(3 * time.Second)
	waiting := p.lateness(Span{at(2 * time.Second), at(time.Hour)}, now)
	require.Len(t, waiting, 50, "what has no answer yet counts, too")
	assert.Equal(t, time.Second, waiting[49])
}

func TestPace(t *testing.T) {
	t.Parallel()
	p, err := StartPace()
	require.NoError(t, err)
	defer p.Stop()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.late) >= 10
	}, time.Minute, 10*time.Millisecond)
	p.Stop()
	span := Span{p.first, p.due(10)}
	assert.Len(t, p.lateness(span, time.Now()), 10)
	assert.Positive(t, p.Quantile(span, 0.5))
	assert.InDelta(t, 1, p.Late(span, 0), 0)
}
