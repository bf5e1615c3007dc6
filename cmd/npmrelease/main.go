// Command npmrelease checks an npm package and packs it, publishes that tarball, verifies
// what users get, and deprecates what was wrong.
//
// The report is on standard output, progress on standard error. Exit codes: 0 success,
// 1 a step failed, 2 wrong usage, 3 published, but not visible yet.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease"
)

const (
	exitFailure = 1
	exitUsage   = 2
	// exitNotVisible: what was published is not to be published again.
	exitNotVisible = 3
)

// failure is an error of the work, not of the command line.
type failure struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	root := newCommand(out, progress)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(progress)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(progress, "npmrelease:", err)
	if errors.Is(err, npmrelease.ErrNotVisible) {
		return exitNotVisible
	}
	if errors.As(err, new(failure)) {
		return exitFailure
	}
	return exitUsage
}

func newCommand(out, progress io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use: "npmrelease", Short: "Publish an npm package, verify it, deprecate it",
		Long: `Check an npm package and pack it, publish that tarball, verify what users get, and
deprecate what was wrong. Only check runs the package's code, and refuses to where that
could read a token. npm takes the account's token from NODE_AUTH_TOKEN; in GitHub Actions
it needs none where the package trusts the workflow.

Exit codes:
  0  success
  1  a step failed
  2  wrong usage
  3  published, but the registry does not show it yet: verify again later`,
		Example: `  npmrelease check --path ../codeflow --out dist
  npmrelease publish --tarball dist/package.tgz --integrity "$(cat dist/integrity)" --no-provenance
  npmrelease verify --tarball dist/package.tgz --integrity "$(cat dist/integrity)"
  npmrelease deprecate --path ../codeflow --version 1.2.3 --use 1.2.2
  npmrelease rehearse`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	for _, c := range []struct {
		command npmrelease.Command
		short   string
	}{
		{npmrelease.Check, "Do what comes before publishing, and pack it"},
		{npmrelease.Publish, "Publish what was checked"},
		{npmrelease.Verify, "Compare what the registry has with what was published"},
		{npmrelease.Deprecate, "Warn users of a version, and lead them to another"},
	} {
		root.AddCommand(releaseCommand(c.command, c.short, out, progress))
	}
	rehearsed := &cobra.Command{
		Use: "rehearse", Short: "Release the pinned package to a registry on loopback", Args: cobra.NoArgs,
	}
	project := rehearsed.Flags().String("root", ".", "the project's `folder`")
	rehearsed.RunE = func(cmd *cobra.Command, _ []string) error {
		return write(out)(npmrelease.Rehearse(cmd.Context(), *project, progress))
	}
	root.AddCommand(rehearsed)
	return root
}

func releaseCommand(command npmrelease.Command, short string, out, progress io.Writer) *cobra.Command {
	o := npmrelease.Options{Progress: progress}
	c := &cobra.Command{Use: string(command), Short: short, Args: cobra.NoArgs}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return write(out)(npmrelease.Release(cmd.Context(), command, o))
	}
	flags := c.Flags()
	flags.StringVar(&o.Registry, "registry", "https://registry.npmjs.org/", "the registry's `URL`")
	flags.StringVar(&o.Version, "version", "", "the `version` that package.json must have, or that is deprecated")
	if command == npmrelease.Check || command == npmrelease.Deprecate {
		flags.StringVar(&o.Path, "path", ".", "the `folder` of the package")
	} else {
		flags.StringVar(&o.Tarball, "tarball", "", "the `file` that check packed")
		flags.StringVar(&o.Integrity, "integrity", "", "the `hash` that check told of it")
		_ = c.MarkFlagRequired("tarball") // their errors are about flags that do not exist
		_ = c.MarkFlagRequired("integrity")
	}
	flags.StringVar(&o.Bin, "bin", "", "a `folder` that comes first on PATH, such as bun's")
	if command != npmrelease.Check {
		flags.StringVar(&o.Tag, "tag", "", "the dist-`tag` (default: latest for a release that is newer, for others one of their own)")
	} else {
		flags.StringVar(&o.Out, "out", "", "the `folder` to write the tarball and its hash to")
		flags.StringSliceVar(&o.Without, "without", nil, "leave out `steps`: typecheck, test, lint, build, npx")
	}
	if command == npmrelease.Verify || command == npmrelease.Deprecate {
		flags.DurationVar(&o.Wait, "wait", 10*time.Minute, "how long the registry may take to show what was done")
	}
	switch command {
	case npmrelease.Publish:
		flags.StringVar(&o.Access, "access", "public", "public or restricted")
		flags.BoolVar(&o.NoProvenance, "no-provenance", false, "publish without proof of where the package was built")
	case npmrelease.Deprecate:
		flags.StringVar(&o.Use, "use", "", "the `version` to use instead, which gets the dist-tag")
		flags.StringVar(&o.Message, "message", "", "what users read (default: that it has critical issues, and what to use)")
		_ = c.MarkFlagRequired("version") // its error is about flags that do not exist
	}
	return c
}

// write prints the report, also that of a failure.
func write(out io.Writer) func(npmrelease.Report, error) error {
	return func(report npmrelease.Report, err error) error {
		if writeErr := report.Write(out); err == nil {
			err = writeErr
		}
		if err != nil {
			return failure{err}
		}
		return nil
	}
}
