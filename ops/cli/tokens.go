package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

func (s *session) tokensCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tokens", Short: "Rotate the bearer tokens of the clients", Args: usage(cobra.NoArgs),
		Long: `Rotate the bearer tokens of the clients without a gap: rotate makes a second one
valid, and retire takes the older away when all clients have the newer. Only hashes
are kept, so a token is shown once and never again.`,
		Example: `  ops tokens rotate
  ops tokens retire`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.tokensStatusCommand(), s.rotateCommand(), s.retireCommand())
	return cmd
}

// tokens leads to the secret, to change it or only to look.
func (s *session) tokens(cmd *cobra.Command, changes bool) (tokens.Store, error) {
	if changes && !s.yes && !s.terminal.Asks {
		return nil, usageError{errors.New("it changes the tokens and nobody is there to ask: add --yes")}
	}
	s.flags.AnyDomain = true
	target, err := s.connect(cmd.Context(), s.flags, s.terminal.Err)
	if err != nil {
		return nil, err
	}
	if target.Tokens == nil {
		return nil, errors.New("it has no secret with tokens")
	}
	return target.Tokens, nil
}

func (s *session) tokensStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show which tokens are valid, by the first digits of their hashes", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := s.tokens(cmd, false)
			if err != nil {
				return err
			}
			list, err := tokens.Read(cmd.Context(), store)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(s.terminal.Out).Encode(append([]tokens.Token{}, list...))
			}
			return writeTokens(s.terminal.Out, list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

func writeTokens(out io.Writer, list []tokens.Token) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "No token is valid: make one with ops tokens rotate.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "token\tsince")
	for _, token := range list {
		fmt.Fprintf(w, "%s\t%s\n", token.Fingerprint, token.Since.Format(time.RFC3339))
	}
	return w.Flush()
}

func (s *session) rotateCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new token valid beside the one that is", Args: usage(cobra.NoArgs),
		Example: `  ops tokens rotate
  ops tokens rotate --yes --out token.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" && !s.terminal.Shows {
				return usageError{errors.New("standard output is no terminal and would keep the token: give --out FILE")}
			}
			store, err := s.tokens(cmd, true)
			if err != nil {
				return err
			}
			if err := s.confirm("A new token becomes valid, and is shown only now."); err != nil {
				return err
			}
			var made string
			if err := tokens.Rotate(cmd.Context(), store, func(token string) error {
				made = tokens.Fingerprint(token)
				if file != "" {
					return writeSecret(file, token)
				}
				_, err := fmt.Fprintln(s.terminal.Out, token)
				return err
			}); err != nil {
				return err
			}
			fmt.Fprintf(s.terminal.Err, "Token %s is valid as soon as the servers read it, within a minute or two.\n", made)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "out", "", "write the token to a new `file` that only you can read")
	s.yesFlag(cmd)
	return cmd
}

// writeSecret writes a file that only its owner can read and that was not there.
func writeSecret(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (s *session) retireCommand() *cobra.Command {
	var opts tokens.RetireOptions
	cmd := &cobra.Command{
		Use: "retire", Short: "Take the older token away", Args: usage(cobra.NoArgs),
		Example: `  ops tokens retire
  ops tokens retire --newest   # it leaked, or nobody has it`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := s.tokens(cmd, true)
			if err != nil {
				return err
			}
			return tokens.Retire(cmd.Context(), store, opts, func(goes, stays tokens.Token) error {
				return s.confirm(fmt.Sprintf("Clients with token %s get no answer any more. Token %s, valid for %s, stays.",
					goes.Fingerprint, stays.Fingerprint, time.Since(stays.Since).Round(time.Second)))
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Newest, "newest", false, "take the newest away instead")
	flags.BoolVar(&opts.Now, "now", false, "do not wait until all servers know the newer")
	s.yesFlag(cmd)
	return cmd
}
