package stacks

// The recorder answers with the last outputs that a test gives it. That the engine
// keeps them until an update ends, the sandbox's tests show.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

func TestReleaseBefore(t *testing.T) {
	t.Parallel()
	type up struct{ asked, runs release }
	var (
		none  release
		a     = release{"sha256:a", "task:1", "1"}
		b     = release{"sha256:b", "task:2", "2"}
		c     = release{"sha256:c", "task:3", "3"}
		d     = release{"sha256:d", "task:4", "3"}
		a2    = release{"sha256:a", "task:5", "1"} // a with another configuration
		older = release{"sha256:o", "task:0", ""}  // of a program without these outputs
	)
	for name, tc := range map[string]struct {
		ups  []up
		want release // previous after each of them
		then release // previous after the next one, of d
	}{
		"first up":                   {[]up{{a, a}}, none, a},
		"second up":                  {[]up{{a, a}, {a, a}}, none, a},
		"new release":                {[]up{{a, a}, {b, b}}, a, b},
		"new release, up again":      {[]up{{a, a}, {b, b}, {b, b}, {b, b}}, a, b},
		"two releases":               {[]up{{a, a}, {b, b}, {c, c}}, b, c},
		"configuration only":         {[]up{{a, a}, {a2, a2}}, a, a2},
		"rolled back":                {[]up{{a, a}, {b, a}}, a, a},
		"rolled back, up again":      {[]up{{a, a}, {b, a}, {b, a}}, a, a},
		"rolled back, then settled":  {[]up{{a, a}, {b, a}, {b, b}}, a, b},
		"rolled back, then repaired": {[]up{{a, a}, {b, a}, {c, c}}, a, c},
		"rolled back twice":          {[]up{{a, a}, {b, a}, {c, a}}, a, a},
		"rolled back later":          {[]up{{a, a}, {b, b}, {c, b}}, b, b},
		"first of this program":      {[]up{{older, older}, {a, a}}, older, a},
		"ECS ran another by hand":    {[]up{{a, a}, {b, b}, {c, a}}, b, release{a.digest, a.taskDefinition, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last lastOutputs
			var previous release
			next := func(u up) {
				previous = last.before(u.asked.taskDefinition)
				last = lastOutputs{
					TaskDefinition: u.asked.taskDefinition, SchemaVersion: u.asked.schemaVersion,
					SettledDigest: u.runs.digest, SettledTaskDefinition: u.runs.taskDefinition,
					PreviousDigest: previous.digest, PreviousTaskDefinition: previous.taskDefinition, PreviousSchemaVersion: previous.schemaVersion,
				}
			}
			for _, u := range tc.ups {
				next(u)
			}
			assert.Equal(t, tc.want, previous)
			next(up{d, d})
			assert.Equal(t, tc.then, previous, "after the next release")
		})
	}
}

// TestColorExportsItsReleases brings a colour up three times, each with the
// outputs of the time before.
func TestColorExportsItsReleases(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "", shared(""))
	up := func(last map[string]any, taskDefinition string) map[string]any {
		r.Outputs["aws:ecs/taskDefinition:TaskDefinition"] = resource.NewPropertyMapFromMap(map[string]any{"arn": taskDefinition})
		r.Calls["aws:ecs/getService:getService"] = func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(map[string]any{"taskDefinition": taskDefinition}), nil
		}
		r.Calls["pulumi:pulumi:readStackOutputs"] = func(args resource.PropertyMap) (resource.PropertyMap, error) {
			if args["name"].StringValue() != "organization/codeflow/test" {
				return nil, nil
			}
			return resource.NewPropertyMapFromMap(map[string]any{"outputs": last}), nil
		}
		return runOutputs(t, r)
	}
	first := up(nil, "task:1")
	assert.Regexp(t, "^[1-9][0-9]*$", first["schemaVersion"])
	assert.Equal(t, []any{"", "", ""}, previousOf(first))
	for field := range jsonOf(t, ops.Release{}) {
		assert.Contains(t, first, field, "which ops reads")
	}

	first["schemaVersion"] = "0" // so that it is not the next one's
	second := up(first, "task:2")
	assert.Equal(t, []any{first["settledDigest"], "task:1", "0"}, previousOf(second))
	assert.NotEmpty(t, first["settledDigest"])

	assert.Equal(t, second, up(second, "task:2"), "a second up changes nothing")
}

func previousOf(outputs map[string]any) []any {
	return []any{outputs["previousDigest"], outputs["previousTaskDefinition"], outputs["previousSchemaVersion"]}
}

func jsonOf(t *testing.T, v any) (fields map[string]any) {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &fields))
	return fields
}

// runOutputs updates the stack and returns its outputs.
func runOutputs(t *testing.T, r *recorder.Recorder) (outputs map[string]any) {
	t.Helper()
	run := Program(Project{Module: "..", Config: t.TempDir()})
	require.NoError(t, r.Run(false, func(ctx *pulumi.Context) error {
		if err := run(ctx); err != nil {
			return err
		}
		pulumi.Map(ctx.GetCurrentExportMap()).ToMapOutput().ApplyT(func(all map[string]any) bool {
			outputs = all
			return true
		})
		return nil
	}))
	return outputs
}

func TestColorWithoutItsLastOutputs(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "", shared(""))
	delete(r.Calls, "pulumi:pulumi:readStackOutputs")
	err := program(t)(r, false)
	require.ErrorContains(t, err, `reading the last outputs of stack "organization/codeflow/test"`,
		"to go on would forget the release before")
	assert.Empty(t, r.Children())
}

func TestNewestMigration(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files []string
		want  string
		err   string
	}{
		"by number":     {[]string{"00002_b.sql", "10_c.sql", "9_d.sql", "README.md"}, "10", ""},
		"none":          {nil, "", "it has no migrations"},
		"not a version": {[]string{"first_b.sql"}, "", `migration "first_b.sql" must begin with its version`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			module := t.TempDir()
			folder := filepath.Join(module, "server", "database", "migrations")
			require.NoError(t, os.MkdirAll(folder, 0o755))
			for _, file := range tc.files {
				require.NoError(t, os.WriteFile(filepath.Join(folder, file), nil, 0o600))
			}
			got, err := newestMigration(module)
			assert.Equal(t, tc.want, got)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}
