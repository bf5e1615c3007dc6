// Package cli is the command line of the traffic controller. Where it works is the
// caller's: cmd/ops leads it to AWS, the sandbox to its own account.
//
// Start with [Run].
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

// Exit codes.
const (
	ExitOK           = iota
	ExitFailure      // something could not be read or done
	ExitUsage        // wrong usage
	ExitSwitchedBack // the new colour was bad, the traffic is back
	ExitRefused      // nothing was changed
	ExitUnfinished   // stopped on the way: resume or abort
	ExitLocked       // somebody else changes the traffic
)

const long = `Move the traffic from one colour to another, watch it on the way, and bring it
back when the new colour is bad.

Decisions and results are on standard output, Pulumi's progress and messages on
standard error. Each decision is in the journal before it is carried out: in the bucket
of the state, with a copy in .ops/<platform>. Who has its lease changes the traffic.

Exit codes:
  0  success
  1  failure
  2  wrong usage
  3  the new colour was bad, the traffic is back on the old one
  4  refused, nothing was changed
  5  stopped on the way: see ops status, then ops switch --resume or --abort
  6  somebody else is changing the traffic`

// Flags of every command.
type Flags struct {
	Root     string // the project's folder
	Platform string // the platform's stack
	// AnyDomain is for what needs no weights: a platform without a domain will do.
	AnyDomain bool
}

// Target is where the controller works.
type Target struct {
	Cloud  ops.Cloud
	Stacks ops.Stacks
	Schema ops.Schema // of the database
	Colors []string
	Dir    string // of the journal and the lock
	// Store has the journal and the lease of all machines. Default: there is none, and
	// the folder's lock is this machine's only.
	Store ops.Store
	// Probe sends a request of its own to a colour. Default: it cannot.
	Probe func(ctx context.Context, color string) error
	// Repository and File are for --commit: the platform's stack file. Without a
	// repository there is none.
	Repository ops.Repository
	File       string
	Pace       ops.Pace
	Thresholds ops.Thresholds
	// Until is when the credentials end. Default: they are renewed, or nobody knows.
	Until time.Time
	// Tokens is the secret of the clients' tokens. Default: it has none.
	Tokens tokens.Store
}

// Connect leads to a target. The engine's progress goes to log.
type Connect func(ctx context.Context, flags Flags, log io.Writer) (*Target, error)

// Terminal is what the command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	// Asks is true when somebody is there to answer.
	Asks bool
	// Shows is true when Out is a terminal, which keeps nothing.
	Shows bool
}

// usageError is an error of the command line.
type usageError struct{ error }

// Run runs a command line and returns its exit code.
func Run(ctx context.Context, args []string, terminal Terminal, connect Connect) int {
	root := newCommand(terminal, connect)
	root.SetArgs(args)
	root.SetIn(terminal.In)
	root.SetOut(terminal.Out)
	root.SetErr(terminal.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	fmt.Fprintln(terminal.Err, "ops:", err)
	return exitCode(err)
}

func exitCode(err error) int {
	var (
		usage        usageError
		switchedBack *ops.SwitchedBackError
		refused      *ops.RefusedError
		unfinished   *ops.UnfinishedError
		locked       *ops.LockedError
	)
	switch {
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &switchedBack):
		return ExitSwitchedBack
	case errors.As(err, &refused):
		return ExitRefused
	case errors.As(err, &unfinished):
		return ExitUnfinished
	case errors.As(err, &locked):
		return ExitLocked
	}
	return ExitFailure
}

// session is one run of the command.
type session struct {
	terminal Terminal
	connect  Connect
	flags    Flags
	yes      bool
	commit   bool
}

func newCommand(terminal Terminal, connect Connect) *cobra.Command {
	s := &session{terminal: terminal, connect: connect}
	root := &cobra.Command{
		Use: "ops", Short: "Move the traffic between the colours, safely", Long: long,
		Example: `  ops status
  ops switch --to green --steps 10,50,100 --bake 5m --guard 30m
  ops switch --resume
  ops traffic rollback
  ops rollback --color green
  ops tokens rotate`,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&s.flags.Root, "root", ".", "the project's `folder`")
	root.PersistentFlags().StringVarP(&s.flags.Platform, "stack", "s", "prod", "the platform's `stack`")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(s.switchCommand(), s.guardCommand(), s.trafficCommand(), s.rollbackCommand(), s.statusCommand(), s.idleCommand(), s.unblockCommand(), s.tokensCommand())
	return root
}

// usage makes an error of the arguments one of usage.
func usage(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := args(cmd, list); err != nil {
			return usageError{err}
		}
		return nil
	}
}

func (s *session) yesFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&s.yes, "yes", "y", false, "do it without asking")
}

// confirm asks.
func (s *session) confirm(what string) error {
	if s.yes {
		return nil
	}
	fmt.Fprintf(s.terminal.Err, "%s\nGo on? [y/N] ", what)
	answer, _ := bufio.NewReader(s.terminal.In).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return errors.New("the answer was no")
}

// change does what changes the traffic, with the lease. Seizing takes it from whoever
// has it.
func (s *session) change(cmd *cobra.Command, seizing bool, use func(*ops.Controller, *Target) error) (err error) {
	if !s.yes && !s.terminal.Asks {
		return usageError{errors.New("it changes the traffic and nobody is there to ask: add --yes")}
	}
	target, err := s.connect(cmd.Context(), s.flags, s.terminal.Err)
	if err != nil {
		return err
	}
	if s.commit && target.Repository == nil {
		return usageError{errors.New("its stack file is in no repository: leave --commit out")}
	}
	ctx, lose := context.WithCancelCause(cmd.Context())
	defer lose(nil)
	cmd.SetContext(ctx)
	journal, err := target.open(ctx, ops.OpenOptions{
		Command: cmd.CommandPath(), Seize: seizing, Lose: lose,
		Notice: func(text string) { fmt.Fprintln(s.terminal.Out, text) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	controller := target.controller(journal, s.terminal.Out)
	controller.Confirm = s.confirm
	return use(controller, target)
}

// journal is one that is open for writing.
type journal interface {
	ops.Journal
	io.Closer
}

func (t *Target) open(ctx context.Context, opts ops.OpenOptions) (journal, error) {
	if t.Store == nil {
		return ops.OpenJournal(t.Dir, opts.Command)
	}
	return ops.OpenShared(ctx, t.Store, t.Dir, opts)
}

// read returns the journal's entries and who has the lease. The copy does when the
// store is out of reach, and the error says so.
func (t *Target) read(ctx context.Context) ([]ops.Entry, *ops.Holder, error) {
	if t.Store == nil {
		return ops.ReadJournal(t.Dir)
	}
	entries, holder, err := ops.ReadShared(ctx, t.Store)
	if err == nil {
		return entries, holder, nil
	}
	entries, holder, localErr := ops.ReadJournal(t.Dir)
	return entries, holder, errors.Join(err, localErr)
}

func (t *Target) controller(journal ops.Journal, out io.Writer) *ops.Controller {
	return &ops.Controller{
		Cloud: t.Cloud, Stacks: t.Stacks, Journal: journal, Out: out, Pace: t.Pace, Thresholds: t.Thresholds,
		Schema: t.Schema, Probe: t.Probe,
	}
}
