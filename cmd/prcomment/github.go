package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/sticky"
)

// githubTimeout bounds a request.
const githubTimeout = 30 * time.Second

// onGitHub is a command that writes to GitHub and prints the address of what it wrote.
func onGitHub(cmd *cobra.Command, write func(*sticky.Client, *cobra.Command, []string) (address string, err error)) *cobra.Command {
	client := &sticky.Client{HTTP: &http.Client{Timeout: githubTimeout}}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client.API, client.Token = os.Getenv("GITHUB_API_URL"), os.Getenv("GITHUB_TOKEN")
		address, err := write(client, cmd, args)
		if err == nil && address != "" {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), address)
		}
		return err
	}
	flags := cmd.Flags()
	flags.StringVar(&client.Repository, "repo", os.Getenv("GITHUB_REPOSITORY"), "the `repository`, owner/name")
	flags.StringVar(&client.Author, "author", "", "the `login` that the token writes as (default: it is asked)")
	return cmd
}

func postCommand() *cobra.Command {
	var pull int
	cmd := onGitHub(&cobra.Command{
		Use: "post --pull N FILE", Short: "Write the comment to GitHub, over that of the run before",
		Long: `Write the comment to GitHub. The one that was written before is edited; those of
others are left alone. Environment: GITHUB_TOKEN (pull-requests: write), and as
GitHub sets them GITHUB_REPOSITORY and GITHUB_API_URL.`,
		Args: usage(cobra.ExactArgs(1)),
	}, func(client *sticky.Client, cmd *cobra.Command, args []string) (string, error) {
		if pull < 1 {
			return "", usageError{fmt.Errorf("--pull must be the number of a pull request, got %d", pull)}
		}
		body, err := os.ReadFile(args[0])
		if err != nil {
			return "", fmt.Errorf("reading the comment: %w", err)
		}
		address, err := client.Post(cmd.Context(), pull, comment.Marker, string(body))
		if err != nil {
			return "", fmt.Errorf("writing the comment: %w", err)
		}
		return address, nil
	})
	cmd.Flags().IntVar(&pull, "pull", 0, "the `number` of the pull request")
	return cmd
}

func driftCommand() *cobra.Command {
	var refreshes, log, out string
	cmd := &cobra.Command{
		Use: "drift --refreshes DIR", Short: "Write the issue about what pulumi refresh found",
		Long: `Write the issue about what pulumi refresh --preview-only --json found, of each stack
in DIR/<stack>.json. It is empty when nothing was found.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var found []*preview.Preview
			for _, stack := range affected.All {
				found = append(found, decode(fmt.Sprintf("%s/%s.json", refreshes, stack), stack))
			}
			return writeTo(out, cmd.OutOrStdout(), comment.Drift(found, log))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&refreshes, "refreshes", "", "the `folder` of the refreshes")
	flags.StringVar(&log, "log-url", "", "the `address` of the job, which has what the issue leaves out")
	flags.StringVar(&out, "out", "", "the `file` to write (default standard output)")
	return cmd
}

func issueCommand() *cobra.Command {
	return onGitHub(&cobra.Command{
		Use: "issue FILE", Short: "Open or update the issue about drift on GitHub, or close it when the file is empty",
		Long: `Open or update the issue about drift on GitHub, or close it when the file is empty.
Environment: GITHUB_TOKEN (issues: write), GITHUB_REPOSITORY and GITHUB_API_URL.`,
		Args: usage(cobra.ExactArgs(1)),
	}, func(client *sticky.Client, cmd *cobra.Command, args []string) (string, error) {
		body, err := os.ReadFile(args[0])
		if err != nil {
			return "", fmt.Errorf("reading the issue: %w", err)
		}
		address, err := client.Issue(cmd.Context(), comment.DriftTitle, comment.DriftMarker, string(body))
		if err != nil {
			return "", fmt.Errorf("writing the issue: %w", err)
		}
		return address, nil
	})
}

func pullCommand() *cobra.Command {
	var base, title string
	cmd := onGitHub(&cobra.Command{
		Use: "pull --title TEXT BRANCH", Short: "Open a pull request on GitHub for a branch that was pushed",
		Long: `Open a pull request on GitHub for a branch that was pushed.
Environment: GITHUB_TOKEN (pull-requests: write), GITHUB_REPOSITORY and GITHUB_API_URL.`,
		Args: usage(cobra.ExactArgs(1)),
	}, func(client *sticky.Client, cmd *cobra.Command, args []string) (string, error) {
		address, err := client.Pull(cmd.Context(), args[0], base, title)
		if err != nil {
			return "", fmt.Errorf("opening a pull request for %q: %w", args[0], err)
		}
		return address, nil
	})
	cmd.Flags().StringVar(&base, "base", "main", "the `branch` to merge into")
	cmd.Flags().StringVar(&title, "title", "", "the title (`text`)")
	return cmd
}
