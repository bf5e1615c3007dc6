//go:build linux

package main

// This test shows that tasks come up while their database is away. That RDS refuses
// connections as its front here does is not shown.

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

func TestTasksStartWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := openAs(t, engine.Options{Dir: withBlue.copied(t), Run: true})
	const service = "codeflow-blue-service"
	// settled waits until so many tasks run that there were none of before.
	settled := func(tasks int, before map[string]bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			status, err := s.Account.Status()
			require.NoError(t, err)
			running := status.Services[0]
			for _, task := range running.Tasks {
				if before[task.ID] {
					return false
				}
			}
			return running.Steady && running.RunningCount == tasks
		}, runtimetest.Patience, 100*time.Millisecond)
	}
	settled(3, nil)
	status, err := s.Account.Status()
	require.NoError(t, err)
	before := map[string]bool{}
	for _, task := range status.Services[0].Tasks {
		before[task.ID] = true
	}
	began := time.Now()
	require.NoError(t, s.Account.SetFault(account.FaultDatabaseDown, true))
	for range before {
		require.NoError(t, s.Account.SetFault("task-crash:blue", true))
	}
	settled(3, before)

	set(t, s, "blue", 4, "codeflow:color", "scaling", "min")
	run(t, s, "blue", engine.Up)
	settled(4, before)

	logged, err := s.Account.Logs(service, began)
	require.NoError(t, err)
	skipped := 0
	for _, event := range logged {
		skipped += strings.Count(event.Message, `"msg":"not migrated: the database cannot be reached"`)
	}
	assert.GreaterOrEqual(t, skipped, 4, "each task tells that it was not migrated")
}
