// Command sandbox brings the stacks up on the real Pulumi engine over a
// simulated AWS: no account, no Docker, no Python.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if code := exitCode(0); errors.As(err, &code) {
		os.Exit(int(code))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	opts := engine.Options{Out: os.Stderr}
	root := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the stacks on the real Pulumi engine over a simulated AWS",
		// The flags before "ops" are the sandbox's, those behind it its own.
		TraverseChildren: true,
		Args:             cobra.NoArgs,
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:     true,
		SilenceErrors:    true,
	}
	root.PersistentFlags().StringVar(&opts.Root, "root", "..", "the project's `folder`")
	root.PersistentFlags().StringVar(&opts.Dir, "dir", "", "the sandbox's `folder` (default .sandbox in the project)")
	root.PersistentFlags().Float64Var((*float64)(&opts.TimeScale), "time-scale", float64(timescale.Default), "how many of AWS's seconds pass in one")
	root.PersistentFlags().BoolVar(&opts.OnPaper, "on-paper", false, "run no service: deployments are only judged")
	root.PersistentFlags().StringVar(&opts.As, "as", "", "work on the stacks as this `role` of the bootstrap stack, as administrator, or as nobody-asks (default who would on AWS; of env administrator)")
	root.PersistentFlags().IntVar(&opts.CrashAfter, "crash-after", 0, "die after that many changes of the account, to test the repair")
	root.AddCommand(tourCommand(&opts), cleanCommand(&opts), outputsCommand(&opts), exportCommand(&opts), driftCommand(&opts), faultCommand(&opts),
		runCommand(&opts), statusCommand(&opts), alarmsCommand(&opts), logsCommand(&opts), curlCommand(&opts), envCommand(&opts), smokeCommand(&opts), opsCommand(&opts), rehearsalCommand(&opts), drillCommand(&opts))
	for operation, short := range map[engine.Operation]string{
		engine.Up:      "Bring a stack up",
		engine.Preview: "Show what up would change",
		engine.Refresh: "Read the account into the stack's state",
		engine.Destroy: "Remove a stack and what it made",
	} {
		root.AddCommand(operationCommand(&opts, operation, short))
	}
	return root
}

// with opens the sandbox for one use.
func with(ctx context.Context, opts *engine.Options, use func(*engine.Sandbox) error) error {
	sandbox, err := engine.Open(ctx, *opts)
	if err != nil {
		return err
	}
	return errors.Join(use(sandbox), sandbox.Close())
}

func stackFlag(cmd *cobra.Command, stack *string) {
	cmd.Flags().StringVarP(stack, "stack", "s", "", "the stack: "+strings.Join(engine.Names, ", "))
	_ = cmd.MarkFlagRequired("stack")
}

// operationCommand has the flags of the Pulumi CLI that the Makefile gives, so that
// it can take the CLI's place there.
func operationCommand(opts *engine.Options, operation engine.Operation, short string) *cobra.Command {
	var stack, plan string
	var asIs, asJSON, refresh, drift bool
	cmd := &cobra.Command{
		Use: string(operation) + " --stack NAME", Short: short, Args: cobra.NoArgs,
		Example: fmt.Sprintf("  go run -C sandbox . %s --stack prod", operation),
		RunE: func(cmd *cobra.Command, _ []string) error {
			run := operation
			switch {
			case refresh:
				run = engine.UpRefresh
			case drift:
				run = engine.Drift
			}
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				if asIs {
					if err := s.ResetConfigAsIs(stack); err != nil {
						return err
					}
				}
				ctx := cmd.Context()
				if plan != "" {
					file, err := filepath.Abs(plan)
					if err != nil {
						return err
					}
					ctx = engine.WithPlan(ctx, file)
				}
				if asJSON {
					return s.RunJSON(ctx, stack, run, cmd.OutOrStdout())
				}
				_, err := s.Run(ctx, stack, run)
				return err
			})
		},
	}
	stackFlag(cmd, &stack)
	flags := cmd.Flags()
	flags.BoolP("yes", "y", true, "nothing is asked, as with --non-interactive")
	flags.Bool("non-interactive", true, "nothing is asked")
	if operation == engine.Up || operation == engine.Preview {
		flags.BoolVar(&asIs, "as-is", false, "with the project's config as it is now, protection from deletion too")
	}
	switch operation {
	case engine.Up:
		flags.StringVar(&plan, "plan", "", "keep to the plan in this `file`")
		flags.BoolVar(&refresh, "refresh", false, "read the account into the state first")
	case engine.Preview:
		flags.StringVar(&plan, "save-plan", "", "write the plan to this `file`")
		flags.BoolVarP(&asJSON, "json", "j", false, "print the steps as JSON")
		flags.Bool("show-sames", true, "also print what does not change, as JSON")
	case engine.Refresh:
		flags.BoolVarP(&asJSON, "json", "j", false, "print the steps as JSON, with --preview-only")
		flags.BoolVar(&drift, "preview-only", false, "show what is not as the state has it, and change nothing")
	}
	return cmd
}

func outputsCommand(opts *engine.Options) *cobra.Command {
	var stack string
	cmd := &cobra.Command{
		Use: "outputs --stack NAME", Short: "Print a stack's outputs as JSON, with secrets left out", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				outputs, err := s.Outputs(cmd.Context(), stack)
				if err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), outputs)
			})
		},
	}
	stackFlag(cmd, &stack)
	return cmd
}

func exportCommand(opts *engine.Options) *cobra.Command {
	var stack string
	cmd := &cobra.Command{
		Use: "export --stack NAME", Short: "Print a stack's state as pulumi stack export does, with secrets encrypted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				state, err := s.Export(cmd.Context(), stack)
				if err == nil {
					_, err = cmd.OutOrStdout().Write(state)
				}
				return err
			})
		},
	}
	stackFlag(cmd, &stack)
	return cmd
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func driftCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "drift TYPE NAME KEY=VALUE", Short: "Change a resource behind Pulumi's back", Args: cobra.ExactArgs(3),
		Long:    "Change a resource behind Pulumi's back, as somebody with console access would: refresh sees it, up repairs it.",
		Example: "  go run -C sandbox . drift lb/loadBalancer codeflow-blue idleTimeout=10",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, value, ok := strings.Cut(args[2], "=")
			if !ok {
				return fmt.Errorf("%q must be KEY=VALUE, for example idleTimeout=10", args[2])
			}
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error { return s.Account.Drift(args[0], args[1], key, value) })
		},
	}
}

func cleanCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "clean", Short: "End what runs, destroy every stack and remove the sandbox", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := opts.Folder()
			if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err := engine.Stop(cmd.Context(), *opts); err != nil {
				return err
			}
			if err := with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				return s.DestroyAll(cmd.Context())
			}); err != nil {
				return err
			}
			return os.RemoveAll(dir)
		},
	}
}
