package engine

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/compile"
)

// Command returns the Pulumi CLI on PATH when it is [compile.Version] or newer, and
// otherwise the one in the project's .sandbox/cli, built when it is not there yet.
func Command(ctx context.Context, root string, out io.Writer) (auto.PulumiCommand, error) {
	folder, err := compile.CLI(ctx, filepath.Join(root, "sandbox"), filepath.Join(root, ".sandbox", "cli"), out)
	if err != nil {
		return nil, fmt.Errorf("%w (or install it: https://www.pulumi.com/docs/install/)", err)
	}
	return auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: folder, Version: semver.MustParse(compile.Version)})
}
