package npmrelease_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease"
	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease/registry"
)

func TestRehearsal(t *testing.T) {
	t.Parallel()
	if _, err := process.Bun(t.Context(), "../peers"); err != nil {
		t.Skip(err)
	}
	report, err := npmrelease.Rehearse(t.Context(), "..", t.Output())
	if errors.Is(err, registry.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, report.Write(t.Output()))
	for _, result := range report {
		assert.Contains(t, []npmrelease.Status{npmrelease.Done, npmrelease.LeftOut}, result.Status, result.Step)
	}
}
