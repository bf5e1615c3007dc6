package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/smoke"
)

// tokenVariable has the bearer token, which no flag may show to other processes.
const tokenVariable = "CODEFLOW_SMOKE_TOKEN"

func smokeCommand() *cobra.Command {
	var opts smoke.Options
	cmd := &cobra.Command{
		Use: "smoke --url URL --digest DIGEST", Short: "Ask a colour on its own name whether it is well",
		Long: `Ask a colour on its own name whether it serves the bundle that it should, to MCP
clients and over its API, again and again until it does or the time is over.
` + tokenVariable + ` has the bearer token of a colour that is not public.`,
		Example: `  prcomment smoke --url "$(pulumi stack output url -s blue)" \
    --digest "$(pulumi stack output bundleDigest -s blue)" --color blue`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Token = os.Getenv(tokenVariable)
			report, err := smoke.Run(cmd.Context(), opts)
			if err != nil {
				return usageError{err}
			}
			if err := report.WriteText(cmd.OutOrStdout()); err != nil {
				return err
			}
			return report.Err()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.URL, "url", "", "where the colour is, `https://`blue.<domain>")
	flags.StringVar(&opts.Digest, "digest", "", "the `digest` of the bundle that it should serve, the stack's output bundleDigest")
	flags.StringVar(&opts.Color, "color", "", "the `colour` that it should be (default any)")
	flags.DurationVar(&opts.Timeout, "timeout", 5*time.Minute, "for how long checks that fail are tried again")
	flags.BoolVar(&opts.AllowDegraded, "allow-degraded", false, "pass a service whose database cannot be used")
	return cmd
}
