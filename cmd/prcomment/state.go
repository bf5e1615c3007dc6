package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/state"
)

func stateCommand() *cobra.Command {
	var stack, config string
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
			return state.Check(stack, export, file)
		},
	}
	cmd.Flags().StringVar(&stack, "stack", "", "the `name` of the stack")
	cmd.Flags().StringVar(&config, "config", "", "the stack's `file` (default Pulumi.<stack>.yaml)")
	return cmd
}
