//go:build linux

package main

// This test restores by config on the real engine. Package drill's own tests show
// that a drill fails when it must.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/drill"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

func TestDrill(t *testing.T) {
	t.Parallel()
	s := openAs(t, engine.Options{Dir: withBlue.copied(t), Run: true})
	stacks := &drillStacks{Sandbox: s}
	require.NoError(t, stacks.Up(t.Context()))
	hold := func(region bool) *drill.Report {
		report, err := drill.Run(t.Context(), drill.Options{Platform: stacks, Region: region, TimeScale: float64(s.TimeScale())})
		require.NoError(t, report.Write(t.Output()))
		require.NoError(t, err)
		assert.Less(t, report.RTO.Measured, 2*time.Minute.Seconds())
		return report
	}
	rows := hold(false)
	assert.Equal(t, rows.Written, rows.Restored)
	assert.Regexp(t, "^[1-9]", rows.Usage, "the server has written rows")
	assert.Empty(t, run(t, s, "prod", engine.Up).Changed, "restoring is over")

	assert.Positive(t, hold(true).Restored)
	assert.Empty(t, run(t, s, "dr", engine.Up).Changed)
}
