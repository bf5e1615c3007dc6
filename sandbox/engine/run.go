package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
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
func (s *Sandbox) Run(ctx context.Context, stack string, operation Operation) (*Result, error) {
	selected, err := s.stack(ctx, stack)
	if err != nil {
		return nil, err
	}
	tally := newTally()
	start := time.Now()
	err = s.operate(ctx, selected, operation, tally.events)
	tally.end()
	if err == nil && operation == Destroy {
		s.forget(stack)
		err = selected.Workspace().RemoveStack(ctx, stack)
	}
	result := tally.result()
	result.Seconds = time.Since(start).Seconds()
	if ctx.Err() != nil {
		s.interrupted.Store(true)
	}
	if err != nil {
		// The progress was shown already: of what failed, its errors are enough.
		if problems := tally.problems(); problems != "" {
			err = errors.New(problems)
		}
		return result, fmt.Errorf("%s of stack %q: %w", operation, stack, err)
	}
	return result, nil
}

func (s *Sandbox) forget(stack string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stacks, stack)
}

func (s *Sandbox) operate(ctx context.Context, stack auto.Stack, operation Operation, seen chan<- events.EngineEvent) (err error) {
	out := []io.Writer{s.out}
	switch operation {
	case Up:
		_, err = stack.Up(ctx, optup.ProgressStreams(out...), optup.ErrorProgressStreams(out...), optup.EventStreams(seen), optup.SuppressOutputs())
	case UpRefresh:
		_, err = stack.Up(ctx, optup.ProgressStreams(out...), optup.ErrorProgressStreams(out...), optup.EventStreams(seen), optup.Refresh())
	case Preview:
		_, err = stack.Preview(ctx, optpreview.ProgressStreams(out...), optpreview.ErrorProgressStreams(out...), optpreview.EventStreams(seen))
	case Refresh:
		_, err = stack.Refresh(ctx, optrefresh.ProgressStreams(out...), optrefresh.ErrorProgressStreams(out...), optrefresh.EventStreams(seen))
	case Destroy:
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

// Outputs of a stack, with secrets as they are.
func (s *Sandbox) Outputs(ctx context.Context, stack string) (map[string]any, error) {
	selected, err := s.stack(ctx, stack)
	if err != nil {
		return nil, err
	}
	outputs, err := selected.Outputs(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading outputs of stack %q: %w", stack, err)
	}
	values := map[string]any{}
	for key, output := range outputs {
		values[key] = output.Value
		if output.Secret {
			values[key] = "[secret]"
		}
	}
	return values, nil
}

// tally counts what the engine's events say. The channel of an operation that is
// refused early is never closed, so the end is told apart.
type tally struct {
	events      chan events.EngineEvent
	ended, done chan struct{}
	ops         map[string]string // by URN
	errors      []string
}

func newTally() *tally {
	t := &tally{
		events: make(chan events.EngineEvent), ended: make(chan struct{}), done: make(chan struct{}), ops: map[string]string{},
	}
	go func() {
		defer close(t.done)
		for {
			select {
			case event, ok := <-t.events:
				if !ok {
					return
				}
				t.note(event)
			case <-t.ended:
				return
			}
		}
	}()
	return t
}

// end waits until what was told is counted.
func (t *tally) end() {
	close(t.ended)
	<-t.done
}

func (t *tally) note(event events.EngineEvent) {
	if event.ResourcePreEvent != nil {
		t.add(event.ResourcePreEvent.Metadata)
	}
	if event.ResOutputsEvent != nil {
		t.add(event.ResOutputsEvent.Metadata)
	}
	if d := event.DiagnosticEvent; d != nil && d.Severity == string(diag.Error) {
		t.errors = append(t.errors, strings.TrimSpace(colors.Never.Colorize(d.Message)))
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

// problems are the errors that the engine reported, each once.
func (t *tally) problems() string {
	slices.Sort(t.errors)
	return strings.Join(slices.Compact(t.errors), "\n")
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
