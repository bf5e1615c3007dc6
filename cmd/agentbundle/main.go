// Command agentbundle checks the agents that the colour stacks deploy, packs
// them into an image, and shows what is in one.
//
// Results are on standard output, progress and messages on standard error.
// Exit codes: 0 success, 1 failure, 2 wrong usage, 3 problems in the agents'
// files.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

const (
	exitOK = iota
	exitFailure
	exitUsage
	exitProblems
)

// defaultSource is the bundle that the project deploys.
const defaultSource = "agents/bundle.yaml"

const long = `Check the agents that the colour stacks deploy, pack them into an image, and
show what is in one.

A SOURCE is a bundle's config file or a directory of agents, each file of which
is taken for what it is made for; by default it is
` + defaultSource + `. A BUNDLE is a source, the directory of an OCI layout, or
the reference of an image in a registry, with its tag or digest.

Results are on standard output, progress and messages on standard error.

Exit codes:
  0  success
  1  failure
  2  wrong usage
  3  problems in the agents' files; they are listed`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errProblems ends a command whose report says what is wrong.
var errProblems = errors.New("the agents have problems")

// usageError is an error of the command line.
type usageError struct{ error }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := command()
	// Names and texts come from files of others: no escape reaches the terminal.
	stdout, stderr = hidden.Writer(stdout), hidden.Writer(stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errProblems):
		return exitProblems
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "agentbundle: %v\nRun \"agentbundle --help\" for the commands and flags.\n", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "agentbundle:", err)
	return exitFailure
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "agentbundle", Short: "Check, pack and compare bundles of agents", Long: long,
		Example: `  agentbundle check
  agentbundle build --output dist
  agentbundle diff dist agents/bundle.yaml`,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().Bool("json", false, "print the result as JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(initCommand(), addCommand(), serveCommand(), checkCommand(), buildCommand(), pushCommand(), convertCommand(), diffCommand(), showCommand(), unpackCommand())
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

// argument returns an argument of the command line, or the default source.
func argument(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return defaultSource
}

// emit writes a result to standard output: as JSON if that was asked for, and
// with text otherwise.
func emit(cmd *cobra.Command, result any, text func(io.Writer) error) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); !asJSON {
		return text(cmd.OutOrStdout())
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return err
	}
	_, err := cmd.OutOrStdout().Write(hidden.EscapeJSON(buf.Bytes()))
	return err
}
