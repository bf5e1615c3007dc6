package timescale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

func TestScale(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		scale             timescale.Scale
		seconds           int
		scaled, patiently time.Duration
	}{
		{0, 30, 500 * time.Millisecond, 2 * time.Second},
		{60, 30, 500 * time.Millisecond, 2 * time.Second},
		{60, 1, time.Second / 60, time.Second},
		{60, 600, 10 * time.Second, 10 * time.Second},
		{1, 30, 30 * time.Second, 30 * time.Second},
		{0.5, 1, 2 * time.Second, 2 * time.Second},
	} {
		assert.InDelta(t, tc.scaled, tc.scale.Seconds(tc.seconds), 1, "%v", tc)
		assert.InDelta(t, tc.patiently, tc.scale.Patience(tc.seconds), 1, "%v", tc)
	}
}
