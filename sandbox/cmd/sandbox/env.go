package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

func envCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "env", Short: "Print what leads the AWS CLI to the sandbox that runs, as a role", Args: cobra.NoArgs,
		Example: `  eval $(go run -C sandbox . env --as codeflow-operator-prod)
  aws ecs list-clusters`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRunning(cmd.Context(), opts, func(s *engine.Sandbox) error {
				access, err := s.Account.Access(cmp.Or(opts.As, account.Administrator))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "export AWS_ENDPOINT_URL=%s AWS_REGION=%[2]s AWS_DEFAULT_REGION=%[2]s "+
					"AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=\n", access.URL, s.Region(), access.AccessKeyID, access.SecretAccessKey)
				return err
			})
		},
	}
}
