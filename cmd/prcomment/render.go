package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

// renderFlags say where the parts of a comment are.
type renderFlags struct {
	affected, previews, agents, policies, log, out string
	labels                                         []string
}

func renderCommand() *cobra.Command {
	f := &renderFlags{}
	cmd := &cobra.Command{
		Use: "render --affected LIST --previews DIR", Short: "Write the comment of the previews",
		Long: `Write the comment of the previews of the affected stacks, each of which must have
its output of pulumi preview --json in DIR/<stack>.json: a missing one counts as a
preview that failed. The comment is written whatever it says; the exit code is for the
check of the pull request.`,
		Example: `  prcomment render --affected '["prod","blue"]' --previews previews \
    --agents agents.txt --policies policies.md --label ` + protect.Label + ` --out comment.md`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.render(cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.affected, "affected", "", "what prcomment affected printed, a JSON `list`")
	flags.StringVar(&f.previews, "previews", "", "the `folder` of the previews")
	flags.StringVar(&f.agents, "agents", "", "a `file` with the output of agentbundle diff")
	flags.StringVar(&f.policies, "policies", "", "a Markdown `file` with the results of the policy rules")
	flags.StringArrayVar(&f.labels, "label", nil, "a `label` of the pull request; once for each")
	flags.StringVar(&f.log, "log-url", "", "the `address` of the job, which has what the comment leaves out")
	flags.StringVar(&f.out, "out", "", "the `file` to write (default standard output)")
	return cmd
}

func (f *renderFlags) render(stdout io.Writer) error {
	in, err := f.input()
	if err != nil {
		return err
	}
	if err := writeTo(f.out, stdout, comment.Render(in)); err != nil {
		return err
	}
	verdict := comment.Judge(in)
	switch {
	case verdict.Blocked():
		return fmt.Errorf("%w, and the pull request lacks the label %q: see the comment", errProtected, protect.Label)
	case len(verdict.Failed) > 0:
		return fmt.Errorf("previews failed: %s", strings.Join(verdict.Failed, ", "))
	}
	return nil
}

// writeTo writes a text to a file, or to standard output.
func writeTo(file string, stdout io.Writer, text string) (err error) {
	if file == "" {
		_, err = io.WriteString(stdout, text)
	} else {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the text: %w", err)
	}
	return nil
}

func (f *renderFlags) input() (*comment.Input, error) {
	var stacks []string
	if err := json.Unmarshal([]byte(f.affected), &stacks); err != nil {
		return nil, usageError{fmt.Errorf(`--affected must be a JSON list such as ["prod","blue"], got %q`, f.affected)}
	}
	in := &comment.Input{Labels: f.labels, Log: f.log}
	for _, stack := range stacks {
		if !slices.Contains(affected.All, stack) {
			return nil, usageError{fmt.Errorf("--affected must be of %s, got %q", strings.Join(affected.All, ", "), stack)}
		}
	}
	for _, stack := range affected.All {
		if slices.Contains(stacks, stack) {
			in.Previews = append(in.Previews, decode(filepath.Join(f.previews, stack+".json"), stack))
		} else {
			in.Unaffected = append(in.Unaffected, stack)
		}
	}
	for _, part := range []struct {
		file string
		text *string
	}{{f.agents, &in.Agents}, {f.policies, &in.Policies}} {
		if part.file == "" {
			continue
		}
		text, err := os.ReadFile(part.file)
		if err != nil {
			return nil, fmt.Errorf("reading a part of the comment: %w", err)
		}
		*part.text = string(text)
	}
	return in, nil
}

// decode reads a preview. A job that died left none: that must not look as if the
// stack did not change.
func decode(file, stack string) *preview.Preview {
	opened, err := os.Open(file)
	if err != nil {
		return preview.Failed(stack, "its job left no preview: the job's log says why")
	}
	defer opened.Close()
	return preview.Decode(stack, opened)
}
