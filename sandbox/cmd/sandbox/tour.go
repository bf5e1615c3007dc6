package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// step is one operation of the tour.
type step struct {
	name, stack string
	operation   engine.Operation
	// prepare changes the config before the operation.
	prepare func(*engine.Sandbox) error
	// only is the one type of resource that may change; "" any, "none" no change.
	only string
}

const (
	nothing = "none"
	records = "aws:route53/record:Record"
)

// tour is the main job: both colours come up, the traffic goes from one to the
// other and back, and nothing changes when nothing was asked for.
func tour(packed func(*engine.Sandbox) error) []step {
	steps := []step{
		{name: "bootstrap up", stack: "bootstrap", operation: engine.Up},
		{name: "prod up", stack: "prod", operation: engine.Up},
		{name: "blue up", stack: "blue", operation: engine.Up, prepare: packed},
		{name: "traffic blue 100", stack: "prod", operation: engine.Up, prepare: traffic(map[string]int{"blue": 100}), only: records},
		{name: "green up, another agent", stack: "green", operation: engine.Up, prepare: changeAgent},
		{name: "dr up, in standby", stack: "dr", operation: engine.Up},
		{name: "traffic blue 90 green 10", stack: "prod", operation: engine.Up, prepare: traffic(map[string]int{"blue": 90, "green": 10}), only: records},
		{name: "traffic green 100", stack: "prod", operation: engine.Up, prepare: traffic(map[string]int{"blue": 0, "green": 100}), only: records},
		{name: "traffic blue 100 again", stack: "prod", operation: engine.Up, prepare: traffic(map[string]int{"blue": 100, "green": 0}), only: records},
	}
	for _, round := range []struct {
		name      string
		operation engine.Operation
	}{{"second up", engine.Up}, {"refresh", engine.Refresh}} {
		for _, stack := range engine.Names {
			steps = append(steps, step{name: round.name + " " + stack, stack: stack, operation: round.operation, only: nothing})
		}
	}
	return steps
}

// changeAgent gives green another version of an agent than blue.
func changeAgent(s *engine.Sandbox) error {
	return s.ChangeAgent("green", "codeflow-agents/development/code-reviewer.md", func(text []byte) []byte {
		return append(text, "\nPrefer small reviews.\n"...)
	})
}

func traffic(weights map[string]int) func(*engine.Sandbox) error {
	return func(s *engine.Sandbox) error { return s.SetConfig("prod", weights, "codeflow:traffic") }
}

// report is .sandbox/tour.json.
type report struct {
	Steps []reportStep `json:"steps"`
}

type reportStep struct {
	Step      string           `json:"step"`
	Stack     string           `json:"stack"`
	Operation engine.Operation `json:"operation"`
	Seconds   float64          `json:"seconds"`
	Changes   map[string]int   `json:"changes"`
	Changed   []engine.Change  `json:"changed"`
}

func tourCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "tour", Short: "Bring prod, blue and green up, switch the traffic and switch it back", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Run = true
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				if err := runTour(cmd.Context(), s, cmd.OutOrStdout(), opts.Out); err != nil {
					return err
				}
				return knock(cmd.Context(), s, cmd.OutOrStdout())
			})
		},
	}
}

// runTour writes the table to stdout and the progress to progress.
func runTour(ctx context.Context, s *engine.Sandbox, stdout, progress io.Writer) error {
	for _, stack := range engine.Names {
		if err := s.ResetConfig(stack); err != nil {
			return err
		}
	}
	// While the platform comes up, the server is compiled.
	packing := make(chan error, 1)
	go func() { packing <- s.Pack(ctx) }()
	packed := func(*engine.Sandbox) error {
		fmt.Fprintln(progress, "packing the agents and the server into the image (the server is compiled once, for about two minutes)")
		return <-packing
	}
	var done report
	var failure error
	for _, step := range tour(packed) {
		fmt.Fprintf(progress, "\n=== %s\n", step.name)
		result, err := runStep(ctx, s, step)
		if result != nil {
			done.Steps = append(done.Steps, reportStep{
				step.name, step.stack, step.operation, result.Seconds, result.Counts, result.Changed,
			})
		}
		if err != nil {
			failure = fmt.Errorf("step %q: %w", step.name, err)
			break
		}
	}
	data, err := json.MarshalIndent(done, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(s.Dir(), "tour.json"), append(data, '\n'), 0o600)
	}
	return errors.Join(failure, err, table(stdout, done))
}

// knock sends a request in at the front door and tells what answers.
func knock(ctx context.Context, s *engine.Sandbox, out io.Writer) error {
	if s.Domain() == "" {
		return nil
	}
	var health struct{ Status, Color string }
	status, err := s.Get(ctx, "/health", &health)
	if errors.Is(err, account.ErrNothingRuns) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "https://%s/health answers %s: %s is %s; to keep it running: go run -C sandbox . run\n",
		s.Domain(), status, health.Color, health.Status)
	return nil
}

func runStep(ctx context.Context, s *engine.Sandbox, step step) (*engine.Result, error) {
	if step.prepare != nil {
		if err := step.prepare(s); err != nil {
			return nil, err
		}
	}
	result, err := s.Run(ctx, step.stack, step.operation)
	if err != nil || step.only == "" {
		return result, err
	}
	for _, change := range result.Changed {
		if !strings.Contains(change.URN, step.only+"::") || change.Op == "replace" {
			return result, fmt.Errorf("changed more than it may (%s): %s %s", step.only, change.Op, change.URN)
		}
	}
	return result, nil
}

func table(out io.Writer, r report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "step\tstack\tcreated\tupdated\treplaced\tdeleted\tunchanged\tseconds")
	total := 0.0
	for _, s := range r.Steps {
		total += s.Seconds
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f\n", s.Step, s.Stack,
			s.Changes["create"], s.Changes["update"], s.Changes["replace"], s.Changes["delete"], s.Changes["same"], s.Seconds)
	}
	fmt.Fprintf(w, "total\t\t\t\t\t\t\t%.1f\n", total)
	return w.Flush()
}
