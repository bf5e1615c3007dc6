// Package golden compares what a test got with a committed file.
package golden

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Equal fails when text is not what the file has. With UPDATE=1 in the environment
// it writes the file instead, and fails too, so that nobody leaves it on.
func Equal(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		t.Errorf("%s is written: run again without UPDATE", file)
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, "%s differs: if the change is meant, run the test with UPDATE=1", file)
}
