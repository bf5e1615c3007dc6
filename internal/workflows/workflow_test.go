package main

// These tests read the workflows as files; make workflows runs them.

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const root = "../.."

func all(t *testing.T) map[string]*workflow {
	t.Helper()
	found, err := load(root)
	require.NoError(t, err)
	return found
}

func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	for name, w := range all(t) {
		assert.NotNil(t, w.Permissions, "%s: permissions: {}", name)
		assert.Empty(t, w.Permissions, name)
		for _, j := range w.Jobs {
			assert.NotEmpty(t, j.Permissions, "%s: job %s", name, j.ID)
			assert.True(t, !w.Concurrency.IsZero() || !j.Concurrency.IsZero(), "%s: job %s has no concurrency group", name, j.ID)
			if j.Uses == "" {
				assert.Positive(t, j.Timeout, "%s: job %s has no timeout", name, j.ID)
			}
		}
	}
}

var (
	pinned = regexp.MustCompile(`^\s*(- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	secret = regexp.MustCompile(`secrets\.(\w+)`)
)

func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	actions := 0
	for _, file := range append(files, root+"/.github/actions/setup/action.yml") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSuffix(line, "\n"); strings.Contains(line, "uses: ") && !strings.Contains(line, "uses: ./") && !strings.HasPrefix(line, "#") {
				actions++
				assert.Regexp(t, pinned, line, file)
			}
			for _, match := range secret.FindAllStringSubmatch(line, -1) {
				assert.Equal(t, "NPM_TOKEN", match[1], "%s: roles are taken on by OIDC, with no keys", file)
			}
		}
	}
	assert.Greater(t, actions, 20)
}

// TestCaches lets no job that can take on a role, that has an environment's secrets or
// that makes the image start from what another run left. Each other one names the job
// whose cache it has: its own or, where nothing on main would fill that, another's.
func TestCaches(t *testing.T) {
	t.Parallel()
	others := map[string]string{"affected": "agents", "comment": "agents", "sandbox-preview": "sandbox"}
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			cache := cmp.Or(others[j.ID], j.ID)
			if j.Permissions["id-token"] == "write" || j.Environment != "" || slices.ContainsFunc(j.Steps, func(s step) bool { return s.Run == "make image" }) {
				cache = ""
			}
			for _, s := range j.Steps {
				assert.NotContains(t, s.Uses, "actions/cache@", "%s: job %s", name, j.ID)
				if s.Uses == "./.github/actions/setup" {
					assert.Equal(t, cache, s.With["cache"], "%s: job %s", name, j.ID)
				}
			}
		}
	}

	text, err := os.ReadFile(root + "/.github/actions/setup/action.yml")
	require.NoError(t, err)
	var setup struct {
		Runs struct {
			Steps []step `yaml:"steps"`
		} `yaml:"runs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &setup))
	for _, s := range setup.Runs.Steps {
		switch action, _, _ := strings.Cut(s.Uses, "@"); action {
		case "actions/setup-go":
			assert.Equal(t, "false", s.With["cache"])
		case "actions/setup-node":
			assert.Equal(t, "false", s.With["package-manager-cache"])
			assert.Empty(t, s.With["cache"])
		case "actions/cache":
			assert.Equal(t, "inputs.cache != ''", s.If)
			assert.True(t, strings.HasPrefix(s.With["key"], "${{ inputs.cache }}-"), s.With["key"])
		}
	}
}

// TestLinesAreTargets keeps the workflows thin: what runs is in the Makefile, and no
// expression becomes a part of a command.
func TestLinesAreTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(root + "/Makefile")
	require.NoError(t, err)
	lines := 0
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if s.Run == "" {
					continue
				}
				lines++
				words := strings.Fields(s.Run)
				require.Equal(t, "make", words[0], "%s: job %s: %s", name, j.ID, s.Run)
				for _, target := range words[1:] {
					assert.Regexp(t, `(?m)^([a-z-]+ )*`+regexp.QuoteMeta(target)+`( [a-z-]+)*:`, string(makefile), "%s: job %s", name, j.ID)
				}
			}
		}
	}
	assert.Greater(t, lines, 25)
}

func TestValues(t *testing.T) {
	t.Parallel()
	v := values{"inputs.to": "green", "inputs.bake": ""}
	text, err := v.fill("${{ inputs.to }} for ${{ inputs.bake || '5m' }}")
	require.NoError(t, err)
	assert.Equal(t, "green for 5m", text)
	_, err = v.fill("${{ github.sha }}")
	assert.ErrorContains(t, err, "the rehearsal has no value for ${{ github.sha }}")
}

func TestCombinations(t *testing.T) {
	t.Parallel()
	for _, j := range all(t)["preview"].Jobs {
		if j.ID != "preview" {
			continue
		}
		got, err := j.combinations(values{"needs.affected.outputs.stacks": `["prod","blue"]`})
		require.NoError(t, err)
		assert.Equal(t, []values{{"matrix.stack": "prod"}, {"matrix.stack": "blue"}}, got)
		_, err = j.combinations(values{"needs.affected.outputs.stacks": "{"})
		assert.ErrorContains(t, err, "job preview: matrix of")
		return
	}
	assert.Fail(t, "no job preview")
}

// TestEveryActionHasAStandIn fails for a new action before make workflows does.
func TestEveryActionHasAStandIn(t *testing.T) {
	t.Parallel()
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			assert.False(t, slices.ContainsFunc(j.Steps, func(s step) bool {
				_, ok := stands(s.Uses)
				return s.Uses != "" && !ok
			}), "%s: job %s", name, j.ID)
		}
	}
}
