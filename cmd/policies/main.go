// Command policies checks previews and states against the project's rules.
//
// The report is on standard output, errors are on standard error. Exit codes: 0
// nothing is violated, 1 something is, or a file cannot be read, 2 wrong usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
)

const (
	exitOK = iota
	exitViolations
	exitUsage
)

const long = `Check what stacks register against the project's rules.

A FILE is what pulumi preview --json or pulumi stack export wrote, or a file of a
state backend; without one, standard input is read. Several files are one graph.
Exceptions are in policies/exceptions.json.

Exit codes:
  0  nothing is violated
  1  something is, or a file cannot be read
  2  wrong usage`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now())) }

var errViolations = errors.New("rules are violated")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now time.Time) int {
	started := false
	var list, markdown bool
	root := &cobra.Command{
		Use: "policies [FILE…]", Short: "Check previews and states against the project's rules", Long: long,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(_ *cobra.Command, files []string) error {
			started = true
			if list {
				return table(stdout)
			}
			return report(files, stdin, stdout, markdown, now)
		},
	}
	root.Flags().BoolVar(&list, "list", false, "list the rules")
	root.Flags().BoolVar(&markdown, "markdown", false, "write the report for a comment")
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	switch err := root.Execute(); {
	case err == nil:
		return exitOK
	case !started:
		fmt.Fprintf(stderr, "policies: %v\nRun \"policies --help\" for the flags.\n", err)
		return exitUsage
	case !errors.Is(err, errViolations):
		fmt.Fprintln(stderr, "policies:", err)
	}
	return exitViolations
}

func report(files []string, stdin io.Reader, stdout io.Writer, markdown bool, now time.Time) error {
	exceptions, err := policies.Exceptions()
	if err != nil {
		return err
	}
	resources, err := read(files, stdin)
	if err != nil {
		return err
	}
	found := policies.Check(resources, exceptions, now)
	text := found.String()
	if markdown {
		text = found.Markdown()
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if len(found.Violations) > 0 {
		return errViolations
	}
	return nil
}

func read(files []string, stdin io.Reader) (resources []policies.Resource, err error) {
	if len(files) == 0 {
		return policies.Decode(stdin)
	}
	for _, name := range files {
		found, err := readFile(name)
		if err != nil {
			return nil, err
		}
		resources = append(resources, found...)
	}
	return resources, nil
}

func readFile(name string) ([]policies.Resource, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	resources, err := policies.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return resources, nil
}

func table(stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tID\tWHAT")
	for _, rule := range policies.Rules {
		fmt.Fprintf(w, "%s\t%s\t%s\n", rule.Name, rule.ID, rule.Title)
	}
	return w.Flush()
}
