package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

func (s *session) switchCommand() *cobra.Command {
	var (
		opts                     ops.SwitchOptions
		announced, resume, abort bool
		orResume                 bool
	)
	cmd := &cobra.Command{
		Use: "switch --to COLOR", Short: "Move the traffic to a colour, step by step", Args: usage(cobra.NoArgs),
		Long: `Move the traffic to a colour, step by step.

Before it starts, everything must be well: the colour settled, all its targets
healthy, no alarm ringing, its digest not switched back. Each step edits
codeflow:traffic, updates the platform (records only), and watches until resolvers know
and for the bake, longer when too little is known. Three bad samples of five, or a grave
one, bring the traffic back; after the last step the guard watches, and five bad samples
in a row or a grave one do.`,
		Example: `  ops switch --to green
  ops switch --to green --steps 5,25,100 --bake 10m --guard 1h --yes --commit
  ops switch --abort`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if given := cmd.Flags().Changed("to"); count(given, announced, resume, abort) != 1 {
				return usageError{errors.New("give one of --to, --announced, --resume and --abort")}
			}
			return s.change(cmd, false, func(c *ops.Controller, t *Target) error {
				if orResume && unfinished(c, opts.To) {
					resume = true
				}
				if !resume && !abort {
					if err := ops.Lasts("the switch", opts.Takes(t.Pace), t.Until); err != nil {
						return err
					}
				}
				move := func(ctx context.Context) error { return c.Switch(ctx, opts) }
				switch {
				case announced && !resume:
					move = func(ctx context.Context) error { return c.Announced(ctx, opts) }
				case resume:
					move = c.Resume
				case abort:
					move = c.Abort
				}
				if resume || abort {
					if err := s.confirmUnfinished(c); err != nil {
						return err
					}
				}
				return s.thenCommit(cmd.Context(), t, move(cmd.Context()))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.To, "to", "", "the `colour` to switch to")
	flags.IntSliceVar(&opts.Steps, "steps", []int{10, 50, 100}, "`percent` for the new colour, rising to 100")
	flags.DurationVar(&opts.Bake, "bake", 5*time.Minute, "how long to watch each step, besides the time to live")
	flags.DurationVar(&opts.Guard, "guard", 30*time.Minute, "how long to watch after the last step")
	flags.BoolVar(&opts.Probe, "probe", false, "send requests to the colour's own name, as many as a bake needs, where clients send few")
	flags.BoolVar(&opts.OneWay, "one-way", false, "though a migration of the database blocks the way back")
	flags.BoolVar(&announced, "announced", false, "to the colour that codeflow:traffic gives everything, as a merged pull request does")
	flags.BoolVar(&resume, "resume", false, "go on with an unfinished switch")
	flags.BoolVar(&orResume, "or-resume", false, "go on with a switch to the colour that is unfinished, as a workflow that runs again does")
	flags.BoolVar(&abort, "abort", false, "end an unfinished switch with the weights from before it")
	s.commitFlag(cmd)
	s.yesFlag(cmd)
	return cmd
}

// unfinished is true when there is a rollout to go on with: to the colour, or to any.
func unfinished(c *ops.Controller, to string) bool {
	entries, err := c.Journal.Entries()
	rollout := ops.Fold(entries)
	return err == nil && rollout.Unfinished() && (to == "" || to == rollout.Plan.To)
}

func count(all ...bool) (n int) {
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}

func (s *session) confirmUnfinished(c *ops.Controller) error {
	entries, err := c.Journal.Entries()
	if err != nil {
		return err
	}
	rollout := ops.Fold(entries)
	if !rollout.Unfinished() {
		return nil // which is for the controller to say
	}
	return s.confirm(rollout.Explain())
}

func (s *session) commitFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.commit, "commit", false, "commit the weights on a branch of their own when it is over")
}

// thenCommit commits the weights when they are where they stay, and passes on err.
func (s *session) thenCommit(ctx context.Context, t *Target, err error) error {
	var back *ops.SwitchedBackError
	if !s.commit || err != nil && !errors.As(err, &back) {
		return err
	}
	weights, failed := t.Stacks.Traffic(ctx)
	if failed == nil {
		var branch string
		message := "traffic: " + weights.String()
		if err != nil {
			message += "\n\n" + err.Error()
		}
		branch, failed = t.Repository.Commit(ctx, t.File, "ops/traffic-"+time.Now().UTC().Format("20060102-150405"), message)
		if failed == nil && branch != "" {
			fmt.Fprintf(s.terminal.Out, "the weights are committed on branch %s\n", branch)
		}
	}
	return errors.Join(err, failed)
}

func (s *session) guardCommand() *cobra.Command {
	var window time.Duration
	cmd := &cobra.Command{
		Use: "guard", Short: "Watch the colour that has the traffic", Args: usage(cobra.NoArgs),
		Long: `Watch the colour that has the traffic, with the warm standby as the way back.

It is a circuit breaker: five bad samples in a row, or a grave one, open it and bring
the traffic back; sixty seconds later it is half-open and looks at the old colour.`,
		Example: "  ops guard --for 1h --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.change(cmd, false, func(c *ops.Controller, t *Target) error {
				if err := ops.Lasts("the guard", window, t.Until); err != nil {
					return err
				}
				return s.thenCommit(cmd.Context(), t, c.Guard(cmd.Context(), window))
			})
		},
	}
	cmd.Flags().DurationVar(&window, "for", 30*time.Minute, "how long")
	s.commitFlag(cmd)
	s.yesFlag(cmd)
	return cmd
}

func (s *session) trafficCommand() *cobra.Command {
	var opts ops.TakeBackOptions
	parent := &cobra.Command{
		Use: "traffic", Short: "Take the traffic back by hand", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd := &cobra.Command{
		Use: "rollback", Short: "Take the traffic back at once", Args: usage(cobra.NoArgs),
		Long: `Take the traffic back at once, for an outage: one call of Route 53 sets the records, if
they are still what they were. Nothing is checked but that the colour has a healthy
target. It needs neither the engine nor the state, and takes the lease from whoever has
it. codeflow:traffic and the state are told afterwards; when that fails, ops switch
--resume does it later.`,
		Example: `  ops traffic rollback
  ops traffic rollback --to blue --reason "checkout fails" --yes`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.change(cmd, true, func(c *ops.Controller, t *Target) error {
				return s.thenCommit(cmd.Context(), t, c.TakeBack(cmd.Context(), opts))
			})
		},
	}
	cmd.Flags().StringVar(&opts.To, "to", "", "the `colour` that gets it (default: where the last switch came from)")
	cmd.Flags().StringVar(&opts.Reason, "reason", "by hand", "why (`text`)")
	cmd.Flags().BoolVar(&opts.Force, "force", false, "to a colour without a healthy target, too")
	s.commitFlag(cmd)
	s.yesFlag(cmd)
	parent.AddCommand(cmd)
	return parent
}

func (s *session) rollbackCommand() *cobra.Command {
	var opts ops.RollbackOptions
	cmd := &cobra.Command{
		Use: "rollback --color COLOR", Short: "Make a colour run its release before", Args: usage(cobra.NoArgs),
		Long: `Make a colour run its release before, or a given task definition, as it is: nothing
is built. It leaves the traffic as it is (ops switch moves that), and is refused when
a migration of the database since then is marked "-- irreversible: reason".`,
		Example: `  ops rollback --color green
  ops rollback --color green --to-task-definition codeflow-green:5 --schema 3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Color == "" {
				return usageError{errors.New("--color is missing: for example --color green")}
			}
			return s.change(cmd, false, func(c *ops.Controller, t *Target) error {
				return c.Rollback(cmd.Context(), t.Schema, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Color, "color", "", "the `colour`")
	flags.StringVar(&opts.TaskDefinition, "to-task-definition", "", "the `ARN` to go back to (default: the one before, of the stack's outputs)")
	flags.StringVar(&opts.SchemaVersion, "schema", "", "the `version` of the schema that the release needs (default: of the stack's outputs)")
	flags.DurationVar(&opts.Timeout, "timeout", 15*time.Minute, "until all its targets are healthy")
	s.yesFlag(cmd)
	return cmd
}

func (s *session) unblockCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "unblock --reason TEXT", Short: "Let a digest that was switched back have traffic again", Args: usage(cobra.NoArgs),
		Example: `  ops unblock --reason "the alarm was a test"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reason == "" {
				return usageError{errors.New("--reason is missing: it goes into the journal")}
			}
			return s.change(cmd, false, func(c *ops.Controller, _ *Target) error {
				if err := s.confirm("the digest that was switched back may have traffic again"); err != nil {
					return err
				}
				return c.Unblock(cmd.Context(), reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it may (`text`)")
	s.yesFlag(cmd)
	return cmd
}

func (s *session) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the colours, their traffic, and what an unfinished switch was doing", Args: usage(cobra.NoArgs),
		Example: `  ops status
  ops status --json | jq .rollout.stopped`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := s.connect(cmd.Context(), s.flags, s.terminal.Err)
			if err != nil {
				return err
			}
			entries, holder, unread := target.read(cmd.Context())
			status, err := target.controller(past(entries), s.terminal.Out).Status(cmd.Context(), target.Colors, holder)
			if err != nil {
				return err
			}
			if unread != nil {
				status.Problems = append(status.Problems, "journal: "+unread.Error())
			}
			if err := s.show(status, asJSON); err != nil || len(status.Problems) == 0 {
				return err
			}
			return errors.New("not everything could be seen")
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

func (s *session) idleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "idle", Short: "Print the colour without traffic, to bring a release up on", Args: usage(cobra.NoArgs),
		Example: "  pulumi up -s $(ops idle)",
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := s.connect(cmd.Context(), s.flags, s.terminal.Err)
			if err != nil {
				return err
			}
			color, err := target.controller(past{}, s.terminal.Err).Idle(cmd.Context(), target.Colors)
			if err == nil {
				fmt.Fprintln(s.terminal.Out, color)
			}
			return err
		},
	}
}

func (s *session) show(status *ops.Status, asJSON bool) error {
	if !asJSON {
		return status.WriteText(s.terminal.Out)
	}
	encoder := json.NewEncoder(s.terminal.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(status)
}

// past is a journal that is only read.
type past []ops.Entry

func (p past) Append(ops.Entry) error        { return errors.New("the journal is open for reading only") }
func (p past) Entries() ([]ops.Entry, error) { return p, nil }
