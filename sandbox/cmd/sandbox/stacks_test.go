package main

// What tests of all stacks have in common. Nothing runs in them: deployments are
// only judged.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// onPaper opens a sandbox that runs no service, at a level.
func onPaper(t *testing.T, at level) *engine.Sandbox {
	t.Helper()
	return openAs(t, engine.Options{Dir: at.copied(t), OnPaper: true})
}

// stateFile is a stack's state as it is on disk.
func stateFile(t *testing.T, s *engine.Sandbox, stack string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir(), "state", ".pulumi", "stacks", "codeflow", stack+".json"))
	require.NoError(t, err)
	return data
}

// registered are the resources of AWS in a stack's state.
func registered(t *testing.T, s *engine.Sandbox, stack string) []apitype.ResourceV3 {
	t.Helper()
	var file struct {
		Checkpoint struct {
			Latest apitype.DeploymentV3 `json:"latest"`
		} `json:"checkpoint"`
	}
	require.NoError(t, json.Unmarshal(stateFile(t, s, stack), &file))
	var found []apitype.ResourceV3
	for _, r := range file.Checkpoint.Latest.Resources {
		if r.Custom && !r.External && strings.HasPrefix(string(r.Type), "aws:") {
			found = append(found, r)
		}
	}
	require.NotEmpty(t, found, "the state of %s", stack)
	return found
}
