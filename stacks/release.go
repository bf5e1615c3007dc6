package stacks

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// ReleaseOutputs is what a colour stack tells ops rollback, besides
// [ColorOutputs], and its own next update. Nothing here is needed for traffic: a
// colour that an older program brought up does not have it.
type ReleaseOutputs struct {
	// SchemaVersion is of the database, that the server asked for needs.
	SchemaVersion pulumi.StringOutput `output:"schemaVersion"`
	// The previous ones are of the release that ran before, "" when not known.
	PreviousDigest         pulumi.StringOutput `output:"previousDigest"`
	PreviousTaskDefinition pulumi.StringOutput `output:"previousTaskDefinition"`
	PreviousSchemaVersion  pulumi.StringOutput `output:"previousSchemaVersion"`
}

// lastOutputs is what the last update of this stack exported, nothing before the
// first.
type lastOutputs struct {
	TaskDefinition         string `pulumi:"taskDefinition"`
	SettledDigest          string `pulumi:"settledDigest"`
	SettledTaskDefinition  string `pulumi:"settledTaskDefinition"`
	SchemaVersion          string `pulumi:"schemaVersion"`
	PreviousDigest         string `pulumi:"previousDigest"`
	PreviousTaskDefinition string `pulumi:"previousTaskDefinition"`
	PreviousSchemaVersion  string `pulumi:"previousSchemaVersion"`
}

// release is one that a colour ran. What is not known of it is "".
type release struct{ digest, taskDefinition, schemaVersion string }

// readLast reads the outputs of this stack: until an update ends, the engine
// answers with those of the one before.
func readLast(ctx *pulumi.Context) (*lastOutputs, error) {
	var result struct {
		Outputs lastOutputs `pulumi:"outputs"`
	}
	if name, err := readOutputs(ctx, ctx.Stack(), &result); err != nil {
		return nil, fmt.Errorf("reading the last outputs of stack %q: %w", name, err)
	}
	return &result.Outputs, nil
}

// before is the release that ran before the one of a task definition.
func (last *lastOutputs) before(taskDefinition string) release {
	previous := release{last.PreviousDigest, last.PreviousTaskDefinition, last.PreviousSchemaVersion}
	ran := release{last.SettledDigest, last.SettledTaskDefinition, last.SchemaVersion}
	switch ran.taskDefinition {
	case taskDefinition, previous.taskDefinition: // nothing is new, or ECS went back to it
		return previous
	case last.TaskDefinition:
		return ran
	}
	// The last schema version is of what was asked for, not of what runs instead.
	ran.schemaVersion = ""
	return ran
}

// next are the outputs of an update that asks for a task definition.
func (last *lastOutputs) next(schemaVersion string, taskDefinition pulumi.StringOutput) ReleaseOutputs {
	previous := func(field func(release) string) pulumi.StringOutput {
		return taskDefinition.ApplyT(func(arn string) string { return field(last.before(arn)) }).(pulumi.StringOutput)
	}
	return ReleaseOutputs{
		SchemaVersion:          pulumi.String(schemaVersion).ToStringOutput(),
		PreviousDigest:         previous(func(r release) string { return r.digest }),
		PreviousTaskDefinition: previous(func(r release) string { return r.taskDefinition }),
		PreviousSchemaVersion:  previous(func(r release) string { return r.schemaVersion }),
	}
}

// newestMigration is the version of the schema that the server in the image needs.
func newestMigration(module string) (string, error) {
	folder := filepath.Join(module, "server", "database", "migrations")
	migrations, err := ops.Migrations(os.DirFS(folder)).Migrations()
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", folder, err)
	}
	if len(migrations) == 0 {
		return "", fmt.Errorf("reading %q: it has no migrations", folder)
	}
	return strconv.FormatInt(migrations[len(migrations)-1].Version, 10), nil
}
