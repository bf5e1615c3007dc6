package main

// These tests take stacks down that are protected as on AWS, in wrong orders and in the
// right one.

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

func TestTakingDown(t *testing.T) {
	t.Parallel()
	s := openAs(t, engine.Options{Dir: withTraffic.copied(t), As: cloud.Administrator})
	protect := func(stack string, on bool) {
		kind := "codeflow:color"
		if stack == "prod" {
			kind = "codeflow:platform"
		}
		set(t, s, stack, on, kind, "deletionProtection")
	}
	for _, stack := range []string{"prod", "blue", "green"} {
		protect(stack, true)
		run(t, s, stack, engine.Up)
	}
	resources := func() int {
		all := 0
		for _, stack := range []string{"prod", "blue", "green"} {
			data, err := s.Export(t.Context(), stack)
			require.NoError(t, err)
			var state struct {
				Deployment struct{ Resources []struct{ ID string } }
			}
			require.NoError(t, json.Unmarshal(data, &state))
			all += len(state.Deployment.Resources)
		}
		return all
	}
	before := resources()
	refused := func(stack string, operation engine.Operation, want string) {
		t.Helper()
		_, err := s.Run(t.Context(), stack, operation)
		require.ErrorContains(t, err, want)
		assert.Equal(t, before, resources(), "nothing is lost")
	}
	refused("prod", engine.Destroy, "it is protected")
	refused("blue", engine.Destroy, "it is protected")
	protect("prod", false)
	refused("prod", engine.Up, `must be true while stack "blue" is up, got false: destroy the colours first`)
	protect("prod", true)
	protect("blue", false)
	refused("blue", engine.Up, `must be true while "blue" has a record, of weight 100, got false: remove "blue" from codeflow:traffic`)

	set(t, s, "prod", nil, "codeflow:traffic")
	run(t, s, "prod", engine.Up)
	for _, stack := range []string{"blue", "green", "prod"} {
		protect(stack, false)
		run(t, s, stack, engine.Up)
		run(t, s, stack, engine.Destroy)
	}
	assertEmpty(t, s)
}

// TestGuardedKeys changes keys of stacks that are up.
func TestGuardedKeys(t *testing.T) {
	t.Parallel()
	s := open(t, withProd.copied(t))
	set(t, s, "prod", "10.1.0.0/16", "codeflow:platform", "network", "cidr")
	_, err := s.Run(t.Context(), "prod", engine.Preview)
	require.ErrorContains(t, err, `config "codeflow:platform.network.cidr": is "10.0.0.0/16" on the stack that is up: a change replaces the VPC`)
	set(t, s, "prod", []string{"platform.network.cidr"}, "codeflow:allow")
	result := run(t, s, "prod", engine.Preview)
	assert.Greater(t, result.Counts["replace"], 20, "what that would do")

	// An instance is replicated once: the old replication goes first.
	require.NoError(t, s.ResetConfig("prod"))
	set(t, s, "prod", 21, "codeflow:platform", "database", "retentionDays")
	result = run(t, s, "prod", engine.Up)
	assert.Equal(t, 1, result.Counts["replace"], result.Changed)
}
