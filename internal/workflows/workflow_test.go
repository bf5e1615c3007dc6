package main

// These tests read the workflows as files; make workflows runs them.

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
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
			if j.Uses == "" {
				assert.Positive(t, j.Timeout, "%s: job %s has no timeout", name, j.ID)
			}
		}
	}
}

// TestConcurrency keeps apart what may not run together, and nothing else. In a group
// one runs and one waits, whose place the next takes: a job that waits for reviewers
// would hold it, or lose it.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	owner := map[group]string{}
	for name, w := range all(t) {
		groups := map[group]bool{}
		if w.Concurrency != "" {
			groups[w.Concurrency] = true
		}
		for _, j := range w.Jobs {
			own := j.Environment == "prod"
			assert.True(t, w.Concurrency == "" || !own, "%s: job %s waits for reviewers, and holds the whole group %q", name, j.ID, w.Concurrency)
			assert.True(t, own || j.Uses != "" || w.Concurrency != "" || j.Concurrency != "", "%s: job %s has no concurrency group", name, j.ID)
			if j.Concurrency == "" {
				continue
			}
			assert.False(t, groups[j.Concurrency], "%s: two jobs wait for each other in the group %q", name, j.Concurrency)
			groups[j.Concurrency] = true
			if own {
				assert.Regexp(t, `github\.run_id|inputs\.color`, string(j.Concurrency), "%s: job %s waits for reviewers in the group of others", name, j.ID)
			}
		}
		for one := range groups {
			prefix, _, _ := strings.Cut(string(one), "${{")
			assert.Empty(t, owner[group(prefix)], "%s: the group %q is another workflow's: what may not run together is refused by locks", name, one)
			owner[group(prefix)] = name
		}
	}
	assert.Equal(t, "rollback", owner["rollback-"], "a rollback waits for nothing else")
	assert.Equal(t, "deploy", owner["idle"], "the idle colour has one deployment at a time")
}

// TestPathFilters walks every file of the project through the filters: one that
// touches a stack is deployed when it is merged, and one that goes into the image is
// tested before.
func TestPathFilters(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Skip("there is no git repository: ", err)
	}
	files := strings.Split(strings.Trim(string(out), "\x00"), "\x00")
	require.Greater(t, len(files), 500)
	files = append(files, "agents/own/agent/deep/new.md", "agents/own/README.md", "components/new/README.md", "new.toml", "new/docs/a.md", "server/web/help.md")
	workflows := all(t)
	touching := 0
	for _, file := range files {
		stacks, _ := affected.Of(file)
		if len(stacks) == 0 {
			continue
		}
		touching++
		assert.True(t, workflows["deploy"].On["push"].accepts(file), "%s touches %v, and deploy does not run", file, stacks)
		assert.True(t, workflows["preview"].On["pull_request"].accepts(file), "%s touches %v, and preview does not run", file, stacks)
		for _, inImage := range []string{"agents/", "agentbundle/", "server/", "cmd/"} {
			if strings.HasPrefix(file, inImage) {
				assert.True(t, workflows["uats-compliance"].On["pull_request"].accepts(file), "%s goes into the image, and uats-compliance does not run", file)
			}
		}
	}
	assert.Greater(t, touching, 200)
	assert.False(t, workflows["deploy"].On["push"].accepts("docs/ops.md"))
	assert.False(t, workflows["deploy"].On["push"].accepts("README.md"))
	assert.Contains(t, workflows["deploy"].On["push"].Branches, "main")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, file string
		want          bool
	}{
		{"*.md", "README.md", true},
		{"*.md", "agents/own/a.md", false},
		{"**.md", "agents/own/a.md", true},
		{"docs/**", "docs/design/a.md", true},
		{"docs/**", "docs", false},
		{"**/a.md", "a.md", true},
		{"**/a.md", "x/y/a.md", true},
		{"a/*/c", "a/b/c", true},
		{"a/*/c", "a/b/b/c", false},
		{"go.mod", "go_mod", false},
	} {
		assert.Equal(t, c.want, matches(c.pattern, c.file), "%s %s", c.pattern, c.file)
	}
	e := event{Paths: []string{"a/**", "!a/b/**"}}
	assert.True(t, e.accepts("a/c"))
	assert.False(t, e.accepts("a/b/c"))
}

// TestCheckoutsKeepNoToken: what a job runs later finds none in .git/config.
func TestCheckoutsKeepNoToken(t *testing.T) {
	t.Parallel()
	checkouts := 0
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if strings.HasPrefix(s.Uses, "actions/checkout@") {
					checkouts++
					assert.Equal(t, "false", s.With["persist-credentials"], "%s: job %s", name, j.ID)
				}
			}
		}
	}
	assert.Greater(t, checkouts, 20)
}

// TestSessions: credentials last as long as the job may run, and the role lets them.
func TestSessions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/components/access/roles.go")
	require.NoError(t, err)
	match := regexp.MustCompile(`sessionSeconds, deploySeconds = (\d+), (\d+)`).FindStringSubmatch(string(text))
	require.NotNil(t, match)
	sessions := 0
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if s.With["role"] == "" {
					continue
				}
				sessions++
				allowed, _ := strconv.Atoi(match[1])
				if strings.Contains(s.With["role"], "DEPLOY") {
					allowed, _ = strconv.Atoi(match[2])
				}
				seconds, err := strconv.Atoi(cmp.Or(s.With["seconds"], "3600"))
				require.NoError(t, err)
				assert.LessOrEqual(t, seconds, allowed, "%s: job %s asks for longer than its role allows", name, j.ID)
				assert.GreaterOrEqual(t, seconds, 60*j.Timeout, "%s: job %s may outlive its credentials", name, j.ID)
			}
		}
	}
	assert.Greater(t, sessions, 5)
}

// TestArtifacts: what is handed on is no whole preview, and is not kept for long.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	artifacts := 0
	for name, w := range all(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if !strings.HasPrefix(s.Uses, "actions/upload-artifact@") {
					continue
				}
				artifacts++
				days, err := strconv.Atoi(s.With["retention-days"])
				require.NoError(t, err, "%s: job %s", name, j.ID)
				assert.LessOrEqual(t, days, 7, "%s: job %s", name, j.ID)
				for _, path := range strings.Fields(s.With["path"]) {
					assert.Contains(t, []string{".delivery/*.json", ".delivery/*.md", ".delivery/plan/", ".delivery/npm/"}, path, "%s: job %s", name, j.ID)
				}
			}
		}
	}
	assert.Equal(t, 4, artifacts)
}

// TestForeignCodeGetsNoRole: forks and Dependabot propose others' code.
func TestForeignCodeGetsNoRole(t *testing.T) {
	t.Parallel()
	for name, w := range all(t) {
		if _, pulls := w.On["pull_request"]; !pulls {
			continue
		}
		assert.NotContains(t, w.On, "pull_request_target", name)
		for _, j := range w.Jobs {
			if j.Permissions["id-token"] == "write" {
				for _, who := range []string{"head.repo.full_name == github.repository", "pull_request.user.login != 'dependabot[bot]'", "github.actor != 'dependabot[bot]'"} {
					assert.Contains(t, j.If, who, "%s: job %s", name, j.ID)
				}
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
