package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
)

func TestEqual(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(file, []byte("same"), 0o600))
	golden.Equal(t, file, "same")
	other := &testing.T{}
	golden.Equal(other, file, "different")
	assert.True(t, other.Failed())
}
