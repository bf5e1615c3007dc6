package main

// These tests run the stacks as the roles that would work on them on AWS. They prove what
// the policies say of the calls that components/access knows, not that AWS makes no other.

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// TestWhoMayDoWhat changes stacks as several callers.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	dir := withTraffic.copied(t)
	for _, c := range []struct {
		as, stack string
		operation engine.Operation
		change    func(*engine.Sandbox) error
		want      string
	}{
		{"codeflow-deploy-idle", "prod", engine.Up, traffic(map[string]int{"blue": 90, "green": 10}), ":assumed-role/codeflow-deploy-idle/sandbox is not authorized to perform: "},
		{"codeflow-preview", "blue", engine.Up, logDays(60), "User: arn:aws:sts::" + cloud.Account + ":assumed-role/codeflow-preview/sandbox is not authorized to perform: " +
			"logs:PutRetentionPolicy on resource: arn:aws:logs:eu-central-1:" + cloud.Account + ":log-group:/ecs/codeflow-blue"},
		{"codeflow-drift", "prod", engine.Drift, nil, ""},
		{"codeflow-operator-prod", "prod", engine.Up, traffic(map[string]int{"blue": 90, "green": 10}), ""},
		{cloud.NobodyAsks, "blue", engine.Up, logDays(90), ""},
	} {
		s := openAs(t, engine.Options{Dir: dir, OnPaper: true, As: c.as})
		if c.change != nil {
			require.NoError(t, c.change(s))
		}
		_, err := s.Run(t.Context(), c.stack, c.operation)
		if c.want == "" {
			assert.NoError(t, err, c.as)
		} else {
			assert.ErrorContains(t, err, c.want, c.as)
		}
		require.NoError(t, s.Close())
	}
}

func logDays(days int) func(*engine.Sandbox) error {
	return func(s *engine.Sandbox) error {
		return s.SetConfig("blue", map[string]any{"retentionDays": days}, "codeflow:color", "logs")
	}
}
