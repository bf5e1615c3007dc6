package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/smoke"
)

// tokenVariable has the bearer token, which no flag may show to other processes.
const tokenVariable = "CODEFLOW_SMOKE_TOKEN"

func smokeCommand() *cobra.Command {
	var opts smoke.Options
	var outputs string
	cmd := &cobra.Command{
		Use: "smoke {--url URL --digest DIGEST | --outputs FILE}", Short: "Ask a colour on its own name whether it is well",
		Long: `Ask a colour on its own name whether it serves the bundle that it should, to MCP
clients and over its API, again and again until it does or the time is over.
` + tokenVariable + ` has the bearer token of a colour that is not public.`,
		Example: `  pulumi stack output --json -s blue | prcomment smoke --outputs - --color blue`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Token = os.Getenv(tokenVariable)
			if outputs != "" {
				if err := readOutputs(cmd.InOrStdin(), outputs, &opts); err != nil {
					return err
				}
			}
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
	flags.StringVar(&outputs, "outputs", "", "a `file`, or - for standard input, with the colour's stack outputs as JSON, for --url and --digest")
	flags.StringVar(&opts.URL, "url", "", "where the colour is, `https://`blue.<domain>")
	flags.StringVar(&opts.Digest, "digest", "", "the `digest` of the bundle that it should serve, the stack's output bundleDigest")
	flags.StringVar(&opts.Color, "color", "", "the `colour` that it should be (default any)")
	flags.DurationVar(&opts.Timeout, "timeout", 5*time.Minute, "for how long checks that fail are tried again")
	flags.BoolVar(&opts.AllowDegraded, "allow-degraded", false, "pass a service whose database cannot be used")
	return cmd
}

// readOutputs reads what pulumi stack output --json printed.
func readOutputs(stdin io.Reader, file string, opts *smoke.Options) error {
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("reading the stack's outputs: %w", err)
		}
		defer opened.Close()
		stdin = opened
	}
	var outputs struct{ URL, BundleDigest string }
	if err := json.NewDecoder(stdin).Decode(&outputs); err != nil {
		return fmt.Errorf("reading the stack's outputs from %q: %w", file, err)
	}
	opts.URL, opts.Digest = outputs.URL, outputs.BundleDigest
	return nil
}
