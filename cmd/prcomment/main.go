// Command prcomment tells a pull request what it would do to the stacks, and stops
// it where it must not go on by itself; it asks a colour whether it is well, and tells
// of drift.
//
// Results are on standard output, messages on standard error. Exit codes: 0 success,
// 1 failure, 2 protected resources, 3 wrong usage; prcomment --help explains them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

const (
	exitOK = iota
	exitFailure
	exitProtected
	exitUsage
)

const long = `Tell a pull request what it would do to the stacks:

  affected  which stacks the changed files touch
  render    the comment, of the previews of those stacks
  post      the comment, on GitHub: the one of the run before is edited

ask a colour on its own name whether it is well (smoke), before it gets traffic, tell
what differs in the account (drift, issue), propose a branch (pull), refuse a state
that names what the program does not (state), and keep secrets that nobody marked from
what others see (reduce, mask, sealed).

Exit codes:
  0  success
  1  failure: a preview failed (its comment is written), or a check of smoke
  2  protected resources would be replaced or deleted (the comment is written), and
     the pull request lacks the label ` + protect.Label + `
  3  wrong usage`

// The errors that have exit codes of their own.
var errProtected = errors.New("protected resources would be replaced or deleted")

// usageError is an error of the command line.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "prcomment:", err)
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errProtected):
		return exitProtected
	}
	return exitFailure
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "prcomment", Short: "Tell a pull request what it would do to the stacks", Long: long,
		Example: `  git diff --name-only --no-renames main...HEAD | prcomment affected
  prcomment render --affected '["prod"]' --previews previews --out comment.md
  prcomment post --pull 7 comment.md
  prcomment smoke --url https://blue.codeflow.example.com --digest sha256:…`,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(affectedCommand(), renderCommand(), postCommand(), stateCommand(), reduceCommand(), maskCommand(), sealedCommand(), smokeCommand(), driftCommand(), issueCommand(), pullCommand())
	return root
}

// usage makes an error of the arguments one of usage.
func usage(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := args(cmd, list); err != nil {
			return usageError{err}
		}
		return nil
	}
}
