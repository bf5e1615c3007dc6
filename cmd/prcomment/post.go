package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/sticky"
)

// githubTimeout bounds a request.
const githubTimeout = 30 * time.Second

func postCommand() *cobra.Command {
	client := sticky.Client{HTTP: &http.Client{Timeout: githubTimeout}}
	var pull int
	cmd := &cobra.Command{
		Use: "post --pull N FILE", Short: "Write the comment to GitHub, over that of the run before",
		Long: `Write the comment to GitHub. The one that was written before is edited; those of
others are left alone. Environment: GITHUB_TOKEN (pull-requests: write), and as
GitHub sets them GITHUB_REPOSITORY and GITHUB_API_URL.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if pull < 1 {
				return usageError{fmt.Errorf("--pull must be the number of a pull request, got %d", pull)}
			}
			body, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("reading the comment: %w", err)
			}
			client.API, client.Token = os.Getenv("GITHUB_API_URL"), os.Getenv("GITHUB_TOKEN")
			address, err := client.Post(cmd.Context(), pull, comment.Marker, string(body))
			if err != nil {
				return fmt.Errorf("writing the comment: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), address)
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&pull, "pull", 0, "the `number` of the pull request")
	flags.StringVar(&client.Repository, "repo", os.Getenv("GITHUB_REPOSITORY"), "the `repository`, owner/name")
	flags.StringVar(&client.Author, "author", sticky.Author, "the `login` that the token writes as")
	return cmd
}
