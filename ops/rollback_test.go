package ops_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

func migrations(texts ...string) ops.Schema {
	files := fstest.MapFS{"README.md": {}}
	for i, text := range texts {
		files["0000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return ops.Migrations(files)
}

const (
	adds  = "-- +goose Up\nALTER TABLE a ADD COLUMN b text;\n"
	drops = "-- +goose Up\n--  irreversible: column a.b is gone\nALTER TABLE a DROP COLUMN b;\n"
)

// schema sets the versions that the release and the one before need.
func schema(now, before string) func(r *ops.Release) {
	return func(r *ops.Release) { r.SchemaVersion, r.PreviousSchemaVersion = now, before }
}

func TestRollback(t *testing.T) {
	t.Parallel()
	const before = "arn:aws:ecs:eu-central-1:123456789012:task-definition/codeflow-green:1"
	for name, c := range map[string]struct {
		schema ops.Schema
		edit   func(r *ops.Release)
		opts   ops.RollbackOptions
		want   string // in the output, or the error
		fails  bool
	}{
		"to the release before": {migrations(adds), nil, ops.RollbackOptions{}, "database: no migration up to version 1 is irreversible", false},
		"known schema":          {migrations(adds, adds), schema("2", "1"), ops.RollbackOptions{}, "the schema is at version 2, the release needs 1: it works with the newer one", false},
		"same schema":           {migrations(drops), schema("1", "1"), ops.RollbackOptions{}, "the schema stays at version 1", false},
		"blocked":               {migrations(adds, drops), schema("2", "1"), ops.RollbackOptions{}, "the way back is blocked by the database: the release needs schema version 1, and servers from before 00002_step.sql (column a.b is gone) do not work any more: go forward", true},
		"not deployed yet":      {migrations(adds, drops), schema("1", "1"), ops.RollbackOptions{}, "the schema stays at version 1", false},
		"unknown":               {migrations(adds, drops), nil, ops.RollbackOptions{}, "which schema the release needs is not known", true},
		"said":                  {migrations(drops, adds), nil, ops.RollbackOptions{SchemaVersion: "1"}, "nothing between is irreversible", false},
		"to a task definition":  {migrations(adds), nil, ops.RollbackOptions{TaskDefinition: "arn:other"}, "to arn:other (digest (none))", false},
		"nothing before":        {migrations(adds), func(r *ops.Release) { r.PreviousTaskDefinition = "" }, ops.RollbackOptions{}, "name one with --to-task-definition", true},
		"is there":              {migrations(adds), nil, ops.RollbackOptions{TaskDefinition: strings.TrimSuffix(before, "1") + "2"}, "already", true},
		"wrong outputs":         {migrations(adds), func(r *ops.Release) { r.SchemaVersion = "two" }, ops.RollbackOptions{}, `schema version must be a number from 0, got "two"`, true},
		"no reason":             {migrations("-- irreversible:\n"), nil, ops.RollbackOptions{}, `migration "00001_step.sql": "-- irreversible:" needs a reason`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			if c.edit != nil {
				w.fake.Edit(func(s *opstest.State) { c.edit(&s.Colors["green"].Release) })
			}
			c.opts.Color = "green"
			err := w.Rollback(t.Context(), c.schema, c.opts)
			if c.fails {
				var refused *ops.RefusedError
				require.ErrorAs(t, err, &refused)
				assert.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, w.out.String(), c.want)
			assert.Contains(t, w.out.String(), "ops switch refuses the colour until then")
			w.fake.Edit(func(s *opstest.State) {
				assert.NotEqual(t, opstest.Healthy("green", 3).TaskDefinition, s.Colors["green"].TaskDefinition)
			})
			require.ErrorContains(t, w.Switch(t.Context(), green()), `"green" must run what its stack says`)
		})
	}
}

// ECS may refuse the release before as well, or take too long.
func TestRollbackWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(c *opstest.Color)
		want string
	}{
		"rolled back again": {func(c *opstest.Color) { c.TaskDefinition, c.Deploying = "arn:2", false }, "ECS went back to arn:2"},
		"never steady":      {func(*opstest.Color) {}, "it was not steady in time, ECS goes on"},
		"wrong image":       {func(c *opstest.Color) { c.Deploying, c.Digests = false, nil }, "the outputs of stack \"green\" are wrong"},
		"steady":            {func(c *opstest.Color) { c.Deploying = false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fake.Hook = func(_ context.Context, point string) error {
					if point == "deploy" {
						w.fake.Edit(func(s *opstest.State) { s.Colors["green"].Deploying = true })
						w.after(time.Minute, func(s *opstest.State) { c.then(s.Colors["green"]) })
					}
					return nil
				}
				err := w.Rollback(t.Context(), migrations(adds), ops.RollbackOptions{Color: "green"})
				if c.want == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, c.want)
				}
			})
		})
	}
}

// The server's own migrations can be read.
func TestServersMigrations(t *testing.T) {
	t.Parallel()
	list, err := ops.Migrations(os.DirFS("../server/database/migrations")).Migrations()
	require.NoError(t, err)
	require.NotEmpty(t, list)
	assert.Equal(t, int64(1), list[0].Version)
}

// A commit on a branch of its own leaves what is checked out, staged and edited.
func TestGitCommit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	git("init", "-q", "-b", "main")
	git("config", "user.name", "t")
	git("config", "user.email", "t@example.com")
	write("Pulumi.prod.yaml", "blue 100\n")
	write("other", "a\n")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	write("Pulumi.prod.yaml", "green 100\n")
	write("other", "b\n")
	git("add", "other")
	status := git("status", "--porcelain")

	branch, err := ops.Git{Dir: dir}.Commit(t.Context(), filepath.Join(dir, "Pulumi.prod.yaml"), "ops/1", "prod: traffic is green 100")
	require.NoError(t, err)
	assert.Equal(t, "ops/1", branch)
	assert.Equal(t, "prod: traffic is green 100", git("log", "-1", "--format=%s", "ops/1"))
	assert.Equal(t, "Pulumi.prod.yaml", git("diff", "--name-only", "main", "ops/1"))
	assert.Equal(t, "green 100", git("show", "ops/1:Pulumi.prod.yaml"))
	assert.Equal(t, "main", git("branch", "--show-current"))
	assert.Equal(t, status, git("status", "--porcelain"))

	_, err = ops.Git{Dir: dir}.Commit(t.Context(), filepath.Join(dir, "Pulumi.prod.yaml"), "ops/1", "again")
	require.ErrorContains(t, err, "already exists")
	write("new", "")
	git("checkout", "-q", "--", "Pulumi.prod.yaml")
	branch, err = ops.Git{Dir: dir}.Commit(t.Context(), filepath.Join(dir, "Pulumi.prod.yaml"), "ops/3", "nothing")
	require.NoError(t, err)
	assert.Empty(t, branch, "it is as it was committed")
	_, err = ops.Git{Dir: dir}.Commit(t.Context(), filepath.Join(dir, "new"), "ops/2", "new")
	require.ErrorContains(t, err, "is not in the repository")
}
