package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// takenBy are the environments whose role may do what a make target calls AWS for: each
// role's own work is in testdata/scenarios.json.
var takenBy = map[string][]string{
	"switch": {"prod"}, "rollback": {"prod"}, "apply": {"prod"}, "idle": {"prod", "idle"}, "up": {"idle"}, "drift": {"drift"},
}

// TestWorkflowsTakeTheRightRole finds each job that calls AWS in the environment whose role
// may do what it does.
func TestWorkflowsTakeTheRightRole(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		var workflow struct {
			Jobs map[string]struct {
				Environment any
				Steps       []struct {
					Run  string
					With map[string]any
				}
			}
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(data, &workflow), file)
		for name, job := range workflow.Jobs {
			environment := job.Environment
			if object, ok := environment.(map[string]any); ok {
				environment = object["name"]
			}
			signedIn := false
			for _, step := range job.Steps {
				role, _ := step.With["role"].(string)
				signedIn = signedIn || strings.Contains(role, "AWS_DEPLOY_ROLE")
				targets, ok := strings.CutPrefix(strings.TrimSpace(step.Run), "make ")
				if !ok || !signedIn {
					continue
				}
				for target := range strings.FieldsSeq(targets) {
					if may, calls := takenBy[target]; calls {
						found[target] = true
						assert.Contains(t, may, environment, "%s: job %s makes %s", filepath.Base(file), name, target)
					}
				}
			}
		}
	}
	for target := range takenBy {
		assert.True(t, found[target], "no workflow makes %s", target)
	}
}
