package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// TestRefreshesFindNothing refreshes every stack over an account that answers in
// AWS's forms: no difference may stay. It does not prove that AWS has no others.
func TestRefreshesFindNothing(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withAll)
	for round := range 3 {
		for _, stack := range engine.Names {
			for _, operation := range []engine.Operation{engine.Refresh, engine.Up} {
				result := run(t, s, stack, operation)
				changed := slices.DeleteFunc(result.Changed, func(c engine.Change) bool {
					return strings.Contains(c.URN, "::pulumi:pulumi:StackReference::") // it reads what another stack's last update put out
				})
				assert.Empty(t, changed, "round %d: %s of %s", round+1, operation, stack)
				assert.Positive(t, result.Counts["same"], "round %d: %s of %s", round+1, operation, stack)
			}
		}
	}
}
