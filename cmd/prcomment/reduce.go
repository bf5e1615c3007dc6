package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/mask"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
)

func reduceCommand() *cobra.Command {
	var stack string
	cmd := &cobra.Command{
		Use: "reduce --stack NAME PREVIEW", Short: "Print what a comment needs of a preview, which others may see",
		Long: `Print what a comment needs of a preview, which others may see: what pulumi preview
--json writes has all inputs in it. What looks like a secret is masked, and standard
error says where it came from.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(affected.All, stack) {
				return usageError{fmt.Errorf("--stack must be one of %s, got %q", strings.Join(affected.All, ", "), stack)}
			}
			p := decode(args[0], stack)
			for _, m := range p.Masked {
				warn(cmd.ErrOrStderr(), fmt.Sprintf("%s: %s: %s that is not marked secret", stack, m.Where, m.What))
			}
			return p.Encode(cmd.OutOrStdout(), comment.Keep)
		},
	}
	cmd.Flags().StringVar(&stack, "stack", "", "the `name` of the stack")
	return cmd
}

func sealedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sealed PLAN", Short: "Refuse a plan that has in clear text what looks like a secret, and remove it",
		Long: `Refuse a plan of pulumi preview --save-plan that has in clear text what looks like a
secret, and remove it: a plan is handed on as it is, and what is marked secret is
encrypted in it.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			plan, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("reading the plan: %w", err)
			}
			found, err := preview.Unmarked(bytes.NewReader(plan))
			if err != nil {
				err = fmt.Errorf("reading the plan: it is no complete JSON") // what it says may quote a secret
			}
			for _, m := range found {
				err = errors.Join(err, fmt.Errorf("%s: %s in clear text: mark it secret, and renew it", m.Where, m.What))
			}
			if err != nil {
				err = errors.Join(err, os.Remove(args[0]))
			}
			return err
		},
	}
}

// warn tells of something, on GitHub beside the run's results.
func warn(out io.Writer, text string) {
	prefix := "warning: "
	if os.Getenv("GITHUB_ACTIONS") != "" {
		prefix = "::warning::"
	}
	fmt.Fprintln(out, prefix+text)
}

func maskCommand() *cobra.Command {
	return &cobra.Command{
		Use: "mask < TEXT", Short: "Copy a text without what looks like a secret, line by line", Args: usage(cobra.NoArgs),
		Example: `  pulumi up 2>&1 | prcomment mask`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := mask.Lines(cmd.OutOrStdout(), cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("masking: %w", err)
			}
			for _, what := range found {
				warn(cmd.ErrOrStderr(), what+" was in this text, masked: find out where it came from, mark it secret and renew it")
			}
			return nil
		},
	}
}
