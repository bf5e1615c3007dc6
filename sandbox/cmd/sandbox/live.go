package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/smoke"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/rehearsal"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/alarm"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
)

func runCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the services until Ctrl-C, for the other commands to work on", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Run = true
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				if s.Cloud == nil {
					return fmt.Errorf("the sandbox %q runs already, in another process", s.Dir())
				}
				status, err := s.Account.Status()
				if err != nil {
					return err
				}
				writeStatus(cmd.OutOrStdout(), status)
				fmt.Fprintf(cmd.OutOrStdout(), "\nTry, with the same --dir, in another terminal:\n"+
					"  go run -C sandbox . curl https://NAME/health\n  curl --cacert %s --connect-to ::%s https://NAME/health\n"+
					"  go run -C sandbox . ops switch --to green --bake 5s --guard 10s\nCtrl-C ends it.\n", status.Authority, status.Door.HTTPS)
				<-cmd.Context().Done()
				fmt.Fprintln(opts.Out, "stopping the services")
				return nil
			})
		},
	}
}

func statusCommand(opts *engine.Options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the services, targets and weights that run", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRunning(cmd.Context(), opts, func(s *engine.Sandbox) error {
				status, err := s.Account.Status()
				if err != nil {
					return err
				}
				if !asJSON {
					writeStatus(cmd.OutOrStdout(), status)
					return nil
				}
				return printJSON(cmd.OutOrStdout(), status)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print all of it as JSON")
	return cmd
}

// withRunning works on the sandbox that another process runs.
func withRunning(ctx context.Context, opts *engine.Options, use func(*engine.Sandbox) error) error {
	return with(ctx, opts, func(s *engine.Sandbox) error {
		if s.Cloud != nil {
			return account.ErrNothingRuns
		}
		return use(s)
	})
}

func writeStatus(out io.Writer, s account.Status) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "front door\thttps %s, http %s, %g times AWS's time\n", s.Door.HTTPS, s.Door.HTTP, s.TimeScale)
	for _, service := range s.Services {
		_, digest, _ := strings.Cut(service.Image, "@sha256:")
		fmt.Fprintf(w, "service\t%s\t%d of %d tasks\t%.12s\t%s\n", service.Name, service.RunningCount, service.DesiredCount, digest,
			service.Deployments[0].RolloutState)
		for _, task := range service.Tasks {
			fmt.Fprintf(w, "  task\t%.8s\t%s %s\t%s\t%s\n", task.ID, task.LastStatus, task.HealthStatus, task.AvailabilityZone, task.Address)
		}
	}
	for _, group := range s.TargetGroups {
		healthy := 0
		for _, target := range group.Targets {
			if target.State == balancer.Healthy {
				healthy++
			}
		}
		fmt.Fprintf(w, "targets\t%s\t%d of %d healthy\t%d requests/min\tp95 %.3f s\n", group.Name, healthy, len(group.Targets),
			group.Metrics.RequestCount, group.Metrics.TargetResponseTimeP95)
	}
	for _, record := range s.Records {
		if record.Weight != nil {
			fmt.Fprintf(w, "record\t%s\t%s\tweight %d\n", record.Name, record.SetIdentifier, *record.Weight)
		} else if record.Alias != nil {
			fmt.Fprintf(w, "record\t%s\t%s\n", record.Name, record.Alias.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Databases)) {
		fmt.Fprintf(w, "database\t%s\t%s\n", name, s.Databases[name])
	}
	for _, a := range s.AllAlarms {
		if a.State == alarm.StateAlarm {
			fmt.Fprintf(w, "alarm\t%s\tsince %s\n", a.Name, a.Since.Local().Format(time.TimeOnly))
		}
	}
	for _, name := range s.Faults {
		fmt.Fprintf(w, "fault\t%s\n", name)
	}
}

func alarmsCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "alarms", Short: "Show all alarms, since when they have their states, and who was told", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRunning(cmd.Context(), opts, func(s *engine.Sandbox) error {
				status, err := s.Account.Status()
				if err == nil {
					writeAlarms(cmd.OutOrStdout(), status)
				}
				return err
			})
		},
	}
}

func writeAlarms(out io.Writer, s account.Status) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for _, a := range s.AllAlarms {
		fmt.Fprintf(w, "%s\t%s\tsince %s\n", a.Name, a.State, a.Since.Local().Format(time.TimeOnly))
	}
	for _, n := range s.Told {
		fmt.Fprintf(w, "told %s\t%s is %s\t%s\n", n.Time.Local().Format(time.TimeOnly), n.Alarm, n.State, cmp.Or(n.Level, n.Action))
	}
}

func logsCommand(opts *engine.Options) *cobra.Command {
	var since time.Duration
	cmd := &cobra.Command{
		Use: "logs SERVICE", Short: "Print what the tasks of a service logged", Args: cobra.ExactArgs(1),
		Example: "  go run -C sandbox . logs codeflow-green-service --since 1m",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRunning(cmd.Context(), opts, func(s *engine.Sandbox) error {
				events, err := s.Account.Logs(args[0], time.Now().Add(-since))
				for _, e := range events {
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", e.Timestamp.Local().Format(time.TimeOnly), e.Stream, e.Message)
				}
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how far back")
	return cmd
}

func faultCommand(opts *engine.Options) *cobra.Command {
	var off bool
	cmd := &cobra.Command{
		Use: "fault KIND[=VALUE][:SCOPE]", Short: "Hurt what runs, until --off", Args: cobra.ExactArgs(1),
		Long: "Hurt what runs, until --off. The kinds are " + strings.Join(account.FaultKinds, ", ") + `.
A scope is the name of a service, a colour, an availability zone, an image digest or a task.`,
		Example: `  go run -C sandbox . fault error-rate=5:green
  go run -C sandbox . fault slow=2500ms:codeflow-blue-service
  go run -C sandbox . fault metric=AWS/RDS/CPUUtilization=95
  go run -C sandbox . fault az-down:eu-central-1a --off`,
		RunE: func(cmd *cobra.Command, args []string) error {
			use := withRunning
			if account.Kept(args[0]) {
				use = with
			}
			return use(cmd.Context(), opts, func(s *engine.Sandbox) error { return s.Account.SetFault(args[0], !off) })
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "end the fault")
	return cmd
}

func curlCommand(opts *engine.Options) *cobra.Command {
	var data string
	var headers []string
	cmd := &cobra.Command{
		Use: "curl URL", Short: "Send a request in at the front door", Args: cobra.ExactArgs(1),
		Example: "  go run -C sandbox . curl https://codeflow.example.com/health",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRunning(cmd.Context(), opts, func(s *engine.Sandbox) error {
				status, err := s.Account.Status()
				if err != nil {
					return err
				}
				return request(cmd, status, args[0], data, headers)
			})
		},
	}
	cmd.Flags().StringVarP(&data, "data", "d", "", "send it as the body of a POST")
	cmd.Flags().StringArrayVarP(&headers, "header", "H", nil, "a header, `NAME: VALUE`")
	return cmd
}

// request shows what the services answer.
func request(cmd *cobra.Command, status account.Status, address, data string, headers []string) error {
	client, err := status.Client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if data != "" {
		req.Method, req.Body, req.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(data)), int64(len(data))
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	response, err := client.Do(req)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Fprintln(cmd.ErrOrStderr(), response.Proto, response.Status)
	_, err = io.Copy(cmd.OutOrStdout(), response.Body)
	return err
}

func smokeCommand(opts *engine.Options) *cobra.Command {
	var color string
	cmd := &cobra.Command{
		Use: "smoke --stack COLOR", Short: "Ask a colour on its own name whether it is well", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Run = true
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				outputs, err := s.Outputs(cmd.Context(), color)
				if err != nil {
					return err
				}
				client, err := s.Client()
				if err != nil {
					return err
				}
				report, err := smoke.Run(cmd.Context(), smoke.Options{
					URL: fmt.Sprint(outputs["url"]), Digest: fmt.Sprint(outputs["bundleDigest"]), Color: color,
					Timeout: time.Minute, Transport: client.Transport,
				})
				if err != nil {
					return err
				}
				return errors.Join(report.WriteText(cmd.OutOrStdout()), report.Err())
			})
		},
	}
	stackFlag(cmd, &color)
	return cmd
}

// exitCode is how the process ends when ops has said all.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

func opsCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "ops COMMAND", Short: "Move the traffic between the colours: the traffic controller, here", DisableFlagParsing: true,
		Example: `  go run -C sandbox . ops status
  go run -C sandbox . ops switch --to green --bake 5s --guard 10s --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Run = true
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				connect := func(_ context.Context, flags cli.Flags, log io.Writer) (*cli.Target, error) {
					if !slices.Contains(engine.Names, flags.Platform) {
						return nil, fmt.Errorf("there is no stack %q", flags.Platform)
					}
					return s.Ops(flags.Platform, log)
				}
				terminal := cli.Terminal{
					In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Asks: term.IsTerminal(int(os.Stdin.Fd())),
				}
				if code := cli.Run(cmd.Context(), args, terminal, connect); code != cli.ExitOK {
					return exitCode(code)
				}
				return nil
			})
		},
	}
}

// exitTooSlow is rehearsal's for a machine that was too slow to judge: 1 is a failure,
// and ops has those between.
const exitTooSlow = exitCode(7)

func rehearsalCommand(opts *engine.Options) *cobra.Command {
	var rate float64
	cmd := &cobra.Command{
		Use: "rehearsal", Short: "Rehearse bad releases, a switch, a rollback and outages under load, in a sandbox of its own", Args: cobra.NoArgs,
		Long: `Rehearse bad releases, a switch, a rollback and outages under load, in a sandbox of its own.

It first measures what the machine bears, and sends less where that is less than --rate
needs. The exit code is 0 when every scenario passed, 1 when one failed or something
could not be done, and 7 when none failed but the machine was too slow to judge one.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Dir == "" {
				opts.Dir = filepath.Join(opts.Folder(), "rehearsal")
			}
			err := rehearsal.Run(cmd.Context(), rehearsal.Options{Sandbox: *opts, Rate: rate, Out: cmd.OutOrStdout()})
			if errors.Is(err, rehearsal.ErrTooSlow) {
				fmt.Fprintln(cmd.ErrOrStderr(), "error:", err)
				return exitTooSlow
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&rate, "rate", 320, "requests per second, at most")
	return cmd
}
