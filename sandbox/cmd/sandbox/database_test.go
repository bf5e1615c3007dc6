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
	tasks := func() (ids map[string]bool, steady bool) {
		status, err := s.Account.Status()
		require.NoError(t, err)
		ids = map[string]bool{}
		for _, task := range status.Services[0].Tasks {
			ids[task.ID] = true
		}
		return ids, status.Services[0].Steady
	}
	// settled waits until so many tasks run, and so many of them are new.
	settled := func(want, fresh int, before map[string]bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			now, steady := tasks()
			n := 0
			for id := range now {
				if !before[id] {
					n++
				}
			}
			return steady && len(now) == want && n == fresh
		}, runtimetest.Patience, 100*time.Millisecond)
	}
	settled(3, 3, nil)
	before, _ := tasks()
	began := time.Now()
	require.NoError(t, s.Account.SetFault(account.FaultDatabaseDown, true))
	require.NoError(t, s.Account.SetFault("task-crash:blue", true))
	settled(3, 1, before)

	set(t, s, "blue", 4, "codeflow:color", "scaling", "min")
	set(t, s, "blue", 4, "codeflow:color", "service", "desiredCount")
	run(t, s, "blue", engine.Up)
	settled(4, 2, before)

	logged, err := s.Account.Logs(service, began)
	require.NoError(t, err)
	skipped := 0
	for _, event := range logged {
		skipped += strings.Count(event.Message, `"msg":"not migrated: the database cannot be reached"`)
	}
	assert.Equal(t, 2, skipped, "each task tells that it was not migrated")
}
