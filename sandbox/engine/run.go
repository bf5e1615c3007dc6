package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
)

// Operation is what the engine does to a stack.
type Operation string

// The operations.
const (
	Up      Operation = "up"
	Preview Operation = "preview"
	Refresh Operation = "refresh"
	Destroy Operation = "destroy"
	// UpRefresh is pulumi up --refresh, the repair of a state that believes what
	// is not so.
	UpRefresh Operation = "up --refresh"
	// Drift is pulumi refresh --preview-only: what is not as the state has it.
	Drift Operation = "refresh --preview-only"
)

// Change is what happened to one resource.
type Change struct {
	URN string `json:"urn"`
	Op  string `json:"op"`
}

// Result of an operation.
type Result struct {
	Seconds float64
	// Counts of the resources by what happened to them: create, update, replace,
	// delete, same.
	Counts map[string]int
	// Changed lists all but the same, by URN.
	Changed []Change
}

// Run does the operation to the stack and shows Pulumi's own progress.
func (s *Sandbox) Run(ctx context.Context, stack string, operation Operation) (_ *Result, err error) {
	selected, err := s.stack(ctx, stack)
	if err != nil {
		return nil, err
	}
	back, err := s.as(stack, operation)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, back()) }()
	tally := newTally(s.events)
	start := time.Now()
	err = s.operate(context.WithValue(ctx, eventsOnly{}, true), selected, operation, tally.Events)
	tally.End()
	if err == nil && operation == Destroy {
		s.forget(stack)
		err = selected.Workspace().RemoveStack(ctx, stack)
	}
	if err == nil {
		err = s.note(stack, operation)
	}
	result := tally.result()
	result.Seconds = time.Since(start).Seconds()
	if ctx.Err() != nil {
		s.interrupted.Store(true)
	}
	if err != nil {
		// The progress was shown already: of what failed, its errors are enough.
		return result, fmt.Errorf("%s of stack %q: %w", operation, stack, tally.Explain(err))
	}
	return result, nil
}

// RunJSON does what [Sandbox.Run] does, and writes what the CLI prints with --json,
// which previews, with what stays the same, and [Drift] have.
func (s *Sandbox) RunJSON(ctx context.Context, stack string, operation Operation, out io.Writer) error {
	_, err := s.Run(context.WithValue(ctx, asJSON{}, out), stack, operation)
	return err
}

// asJSON is the key of where the CLI is to print JSON to.
type asJSON struct{}

// planFile is the key of the file of a plan.
type planFile struct{}

// WithPlan has a preview write its plan to a file, and an update keep to the one in it:
// https://www.pulumi.com/docs/iac/concepts/update-plans/
func WithPlan(ctx context.Context, file string) context.Context {
	return context.WithValue(ctx, planFile{}, file)
}

// eventsOnly is the key of an operation whose events are all that is of use.
type eventsOnly struct{}

// command is the CLI, which the Automation API asks for no JSON, and after each
// operation for outputs and history, with a start of the CLI and of its decryption
// for each.
type command struct{ auto.PulumiCommand }

func (c command) Run(
	ctx context.Context, dir string, in io.Reader, out, errs []io.Writer, env []string, args ...string,
) (stdout, stderr string, code int, err error) {
	if ctx.Value(eventsOnly{}) != nil && args[0] == "stack" {
		switch args[1] {
		case "output":
			return "{}", "", 0, nil
		case "history":
			return "[]", "", 0, nil
		}
	}
	if to, ok := ctx.Value(asJSON{}).(io.Writer); ok {
		switch args[0] {
		case "preview":
			out, args = []io.Writer{to}, append(args, "--json", "--show-sames")
		case "refresh":
			out, args = []io.Writer{to}, append(args, "--json")
		}
	}
	return c.PulumiCommand.Run(ctx, dir, in, out, errs, env, args...)
}

func (s *Sandbox) forget(stack string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stacks, stack)
}

func (s *Sandbox) operate(ctx context.Context, stack auto.Stack, operation Operation, seen chan<- events.EngineEvent) (err error) {
	out := []io.Writer{s.out}
	plan, _ := ctx.Value(planFile{}).(string)
	switch operation {
	case Up:
		_, err = stack.Up(ctx, optup.ProgressStreams(out...), optup.ErrorProgressStreams(out...), optup.EventStreams(seen), optup.SuppressOutputs(), optup.Plan(plan))
	case UpRefresh:
		_, err = stack.Up(ctx, optup.ProgressStreams(out...), optup.ErrorProgressStreams(out...), optup.EventStreams(seen), optup.Refresh())
	case Preview:
		_, err = stack.Preview(ctx, optpreview.ProgressStreams(out...), optpreview.ErrorProgressStreams(out...), optpreview.EventStreams(seen), optpreview.Plan(plan))
	case Refresh:
		_, err = stack.Refresh(ctx, optrefresh.ProgressStreams(out...), optrefresh.ErrorProgressStreams(out...), optrefresh.EventStreams(seen))
	case Drift:
		_, err = stack.PreviewRefresh(ctx, optrefresh.ProgressStreams(out...), optrefresh.ErrorProgressStreams(out...), optrefresh.EventStreams(seen))
	case Destroy:
		// As the CLI does, unless it is told to skip the preview: what is protected is
		// found there, before anything is deleted.
		if _, err = stack.PreviewDestroy(ctx, optdestroy.ProgressStreams(out...), optdestroy.ErrorProgressStreams(out...)); err != nil {
			return err
		}
		_, err = stack.Destroy(ctx, optdestroy.ProgressStreams(out...), optdestroy.ErrorProgressStreams(out...), optdestroy.EventStreams(seen))
	default:
		err = fmt.Errorf("unknown operation %q", operation)
	}
	return err
}

// DestroyAll destroys every stack that exists, the colours before the platform.
func (s *Sandbox) DestroyAll(ctx context.Context) error {
	for _, name := range slices.Backward(Names) {
		if !s.exists(name) {
			continue
		}
		if _, err := s.Run(ctx, name, Destroy); err != nil {
			return err
		}
	}
	return nil
}

// exists is true for a stack that the backend has.
func (s *Sandbox) exists(name string) bool {
	_, err := os.Stat(s.path("state", ".pulumi", "stacks", project, name+".json"))
	return err == nil
}

// Outputs of a stack, with "[secret]" for what is secret.
func (s *Sandbox) Outputs(ctx context.Context, stack string) (values map[string]any, err error) {
	stdout, err := s.ask(ctx, stack, "output", "--json")
	if err == nil {
		err = json.Unmarshal(stdout, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("reading outputs of stack %q: %w", stack, err)
	}
	return values, nil
}

// Export is the stack's state as the engine exports it, with secrets encrypted.
func (s *Sandbox) Export(ctx context.Context, stack string) ([]byte, error) {
	state, err := s.ask(ctx, stack, "export")
	if err != nil {
		return nil, fmt.Errorf("exporting stack %q: %w", stack, err)
	}
	return state, nil
}

// ask is what pulumi stack prints. The Automation API asks so that it shows the
// secrets.
func (s *Sandbox) ask(ctx context.Context, stack string, args ...string) ([]byte, error) {
	selected, err := s.stack(ctx, stack)
	if err != nil {
		return nil, err
	}
	var env []string
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	stdout, stderr, _, err := s.command.Run(ctx, selected.Workspace().WorkDir(), nil, nil, nil,
		append(env, "PULUMI_HOME="+s.path("home")), append([]string{"stack"}, append(args, "--stack", stack)...)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr)
	}
	return []byte(stdout), nil
}

// tally counts what the engine's events say.
type tally struct {
	*pulumi.Collector
	ops  map[string]string // by URN
	seen func(events.EngineEvent)
}

func newTally(seen func(events.EngineEvent)) *tally {
	t := &tally{ops: map[string]string{}, seen: seen}
	t.Collector = pulumi.Collect(t.note)
	return t
}

func (t *tally) note(event events.EngineEvent) {
	if t.seen != nil {
		t.seen(event)
	}
	if event.ResourcePreEvent != nil {
		t.add(event.ResourcePreEvent.Metadata)
	}
	if event.ResOutputsEvent != nil {
		t.add(event.ResOutputsEvent.Metadata)
	}
}

// outcomes of the engine's steps for a resource; a step that is absent (a read, a
// refresh that found nothing) changes nothing.
var outcomes = map[apitype.OpType]string{
	apitype.OpSame:   "same",
	apitype.OpCreate: "create", apitype.OpUpdate: "update", apitype.OpDelete: "delete",
	apitype.OpReplace: "replace", apitype.OpCreateReplacement: "replace", apitype.OpDeleteReplaced: "replace",
}

func (t *tally) add(step apitype.StepEventMetadata) {
	if outcome, ok := outcomes[step.Op]; ok {
		t.ops[step.URN] = outcome
	}
}

func (t *tally) result() *Result {
	r := &Result{Counts: map[string]int{"create": 0, "update": 0, "replace": 0, "delete": 0, "same": 0}, Changed: []Change{}}
	for _, urn := range slices.Sorted(maps.Keys(t.ops)) {
		op := t.ops[urn]
		r.Counts[op]++
		if op != "same" {
			r.Changed = append(r.Changed, Change{URN: urn, Op: op})
		}
	}
	return r
}
