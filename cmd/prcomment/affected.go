package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
)

func affectedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "affected [FILE...]", Short: "Print which stacks the changed files touch, as a JSON list",
		Long: `Print which stacks the changed files touch, as a JSON list for a matrix. The files
are arguments, or the output of git diff --name-only --no-renames on standard input:
of a renamed file both names count. Standard error has the rule that each file met.`,
		Example: `  git diff --name-only --no-renames origin/main...HEAD | prcomment affected`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				text, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("reading the changed files: %w", err)
				}
				files = names(string(text))
			}
			for _, file := range files {
				stacks, pattern := affected.Of(file)
				if pattern == "" {
					pattern = "no rule"
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%q: %s: %s\n", file, pattern, strings.Join(stacks, " "))
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(affected.Stacks(files))
		},
	}
}

// names are the lines of git diff --name-only, which quotes unusual names as C does.
func names(text string) (files []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if unquoted, err := strconv.Unquote(line); err == nil {
			line = unquoted
		}
		if line != "" {
			files = append(files, line)
		}
	}
	return files
}
