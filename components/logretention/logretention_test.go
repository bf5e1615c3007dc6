package logretention_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, days := range []int{1, 30, 90, 365, 3653} {
		assert.NoError(t, logretention.Check(days))
	}
	for _, days := range []int{-1, 0, 2, 31, 3654} {
		assert.ErrorContains(t, logretention.Check(days), "log retention must be one of CloudWatch's, [1 3 5")
	}
}
