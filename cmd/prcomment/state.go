package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/state"
)

func stateCommand() *cobra.Command {
	var stack, config, save, same string
	cmd := &cobra.Command{
		Use: "state --stack NAME < EXPORT", Short: "Refuse a state that names what the program does not",
		Long: `Refuse a state that names what the program does not: another provider, version or
place to download it from, or another secrets provider than the stack's file. Standard
input is what pulumi stack export printed, without --show-secrets.`,
		Example: `  pulumi stack export --stack prod | prcomment state --stack prod`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stack == "" {
				return usageError{fmt.Errorf("--stack is missing: for example --stack prod")}
			}
			export, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("reading the state: %w", err)
			}
			if config == "" {
				config = "Pulumi." + stack + ".yaml"
			}
			file, err := os.ReadFile(config)
			if err != nil {
				return fmt.Errorf("reading the stack's file: %w", err)
			}
			if err := state.Check(stack, export, file); err != nil {
				return err
			}
			return compare(stack, export, save, same)
		},
	}
	cmd.Flags().StringVar(&stack, "stack", "", "the `name` of the stack")
	cmd.Flags().StringVar(&config, "config", "", "the stack's `file` (default Pulumi.<stack>.yaml)")
	cmd.Flags().StringVar(&save, "save", "", "write the state's fingerprint to this `file`")
	cmd.Flags().StringVar(&same, "same", "", "refuse a state whose fingerprint is not the one in this `file`")
	return cmd
}

// compare keeps the fingerprint of a state, or compares it.
func compare(stack string, export []byte, save, same string) error {
	now, err := state.Fingerprint(export)
	if err != nil {
		return err
	}
	if same != "" {
		was, err := os.ReadFile(same)
		if err != nil {
			return fmt.Errorf("reading what was approved: %w", err)
		}
		if string(was) != now {
			return fmt.Errorf("stack %q has changed since its plan was made, so what was approved is not what would be done: run the workflow again", stack)
		}
	}
	if save == "" {
		return nil
	}
	if err := os.WriteFile(save, []byte(now), 0o600); err != nil {
		return fmt.Errorf("keeping the state's fingerprint: %w", err)
	}
	return nil
}
