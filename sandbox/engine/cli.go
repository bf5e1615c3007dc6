package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/blang/semver"
	"github.com/gofrs/flock"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Version of the Pulumi CLI that is built when PATH has none, the one of go.mod.
const Version = "3.250.0"

const cliPackage = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"

// Command returns the Pulumi CLI on PATH when it is Version or newer, and
// otherwise the one in dir/bin, built from the module cache when it is not there
// yet. The module is the folder of the go.mod that pins it.
func Command(ctx context.Context, module, dir string, out io.Writer) (auto.PulumiCommand, error) {
	pinned := semver.MustParse(Version)
	if onPath, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Version: pinned}); err == nil {
		return onPath, nil
	}
	if err := buildCLI(ctx, module, dir, out); err != nil {
		return nil, fmt.Errorf("building the Pulumi CLI %s (or install it: https://www.pulumi.com/docs/install/): %w", Version, err)
	}
	return auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: dir, Version: pinned})
}

func buildCLI(ctx context.Context, module, dir string, out io.Writer) error {
	binary := filepath.Join(dir, "bin", "pulumi")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return err
	}
	one := flock.New(binary + ".lock") // sandboxes that start together build it once
	if err := one.Lock(); err != nil {
		return err
	}
	defer func() { _ = one.Unlock() }()
	if _, err := os.Stat(binary); err == nil {
		return nil
	}
	// Built under another name, so that a killed build leaves no half binary.
	partial := binary + ".partial"
	// The Automation API reads the version, which a release build sets.
	flags := "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + Version
	build := exec.CommandContext(ctx, "go", "build", "-o", partial, "-ldflags", flags, cliPackage)
	build.Dir = module
	build.Stdout, build.Stderr = out, out
	stop := progress(out, "building the Pulumi CLI "+Version+" from the module cache, once")
	defer stop()
	if err := build.Run(); err != nil {
		return err
	}
	return os.Rename(partial, binary)
}

// progress says what is going on, and every ten seconds for how long.
func progress(out io.Writer, what string) (stop func()) {
	start, done := time.Now(), make(chan struct{})
	fmt.Fprintf(out, "%s …\n", what)
	go func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				fmt.Fprintf(out, "%s … %s\n", what, time.Since(start).Round(time.Second))
			}
		}
	}()
	return func() { close(done) }
}
