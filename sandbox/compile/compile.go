// Package compile builds the sandbox and the Pulumi CLI, the way that costs least
// from an empty cache, and says how far it is. It needs little but Go's library, so
// that it runs seconds after a clone.
package compile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/mod/semver"
)

// Version of the Pulumi CLI that is built when PATH has none, the one of go.mod.
const Version = "3.274.1"

const (
	cliPackage     = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	sandboxPackage = "./cmd/sandbox"
)

// flags are those of Pulumi's Go language host: Go's build cache shares packages
// only between builds that agree in -trimpath. The Automation API reads the CLI's
// version, which a release build sets.
var flags = []string{
	"-trimpath", "-buildvcs=false",
	"-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + Version,
}

// onlyCLI are packages that nothing but the CLI is built from, most of them clouds
// that may keep its state. Without inlining they cost half as much to compile, and
// no update spends its time in them.
var onlyCLI = []string{
	"cloud.google.com/...", "github.com/alecthomas/...", "github.com/aws/aws-sdk-go-v2/service/iam/...",
	"github.com/aws/aws-sdk-go-v2/service/kms/...", "github.com/aws/aws-sdk-go-v2/service/s3/...", "github.com/Azure/...",
	"github.com/AzureAD/...", "github.com/cncf/...", "github.com/envoyproxy/...", "github.com/git-pkgs/...", "github.com/lib/...",
	"github.com/pb33f/...", "github.com/pulumi/pulumi/pkg/...", "gocloud.dev/...", "google.golang.org/api/...",
}

// compilerMemory makes the compiler collect less garbage, which is a fifth of its
// time, and bounds what its largest package (ec2) takes for that.
var compilerMemory = []string{"GOGC=800", "GOMEMLIMIT=2600MiB"}

// Sandbox builds the sandbox's command into dir, and the CLI with it when that is
// lacking, and returns the command's path. The module is the sandbox's folder.
func Sandbox(ctx context.Context, module, dir string, out io.Writer) (string, error) {
	if onPath(ctx) || exists(binary(dir, "pulumi")) {
		return binary(dir, "sandbox"), build(ctx, module, dir, out, "the sandbox", "1,200 packages, 4 minutes", sandboxPackage)
	}
	return binary(dir, "sandbox"), build(ctx, module, dir, out, "the sandbox and the Pulumi CLI "+Version,
		"2,000 packages, 6 minutes; a pulumi on PATH saves a third", sandboxPackage, cliPackage)
}

// CLI returns the folder whose bin has the Pulumi CLI: "" for PATH, when that has
// [Version] or a newer one, otherwise one in dir, where it is built when it is not
// there yet. The module is the sandbox's folder.
func CLI(ctx context.Context, module, dir string, out io.Writer) (root string, err error) {
	if onPath(ctx) {
		return "", nil
	}
	pulumi := binary(dir, "pulumi")
	if !exists(pulumi) {
		err = build(ctx, module, dir, out, "the Pulumi CLI "+Version, "1,800 packages, 3 minutes", cliPackage)
	}
	return filepath.Dir(filepath.Dir(pulumi)), err
}

// binary is the path of a program of this version in dir.
func binary(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, Version, "bin", name)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}

// onPath tells whether PATH has [Version] of the CLI or a newer one of its major
// version, which is all that the Automation API takes.
func onPath(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, "pulumi", "version").Output()
	version := strings.TrimSpace(string(output))
	return err == nil && semver.Major(version) == semver.Major("v"+Version) && semver.Compare(version, "v"+Version) >= 0
}

// build compiles packages into dir; most says what that takes from an empty cache, on
// two cores. Go itself replaces no program that is as new.
func build(ctx context.Context, module, dir string, out io.Writer, what, most string, packages ...string) error {
	bin, err := filepath.Abs(filepath.Dir(binary(dir, "pulumi")))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	one := flock.New(filepath.Join(dir, "lock")) // those that start together compile once
	mine, err := one.TryLock()
	if err == nil && !mine {
		fmt.Fprintln(out, "waiting for another process that compiles")
		mine, err = one.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil || !mine {
		return fmt.Errorf("waiting for another process that compiles: %w", err)
	}
	defer func() { _ = one.Unlock() }()
	if err := removeOld(bin); err != nil {
		return err
	}
	args := append([]string{"build", "-v", "-o", bin + string(filepath.Separator)}, flags...)
	for _, pattern := range onlyCLI {
		args = append(args, "-gcflags="+pattern+"=-l")
	}
	command := exec.CommandContext(ctx, "go", append(args, packages...)...)
	command.Dir = module
	endTogether(command)
	command.WaitDelay = 10 * time.Second
	// On the same disk, a program is moved into place when it is whole.
	command.Env = slices.Concat(os.Environ(), compilerMemory, []string{"GOTMPDIR=" + bin})
	return run(command, "compiling "+what, most, out)
}

// removeOld removes what builds left that were killed.
func removeOld(bin string) error {
	left, err := filepath.Glob(filepath.Join(bin, "go-build*"))
	for _, folder := range left {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}
