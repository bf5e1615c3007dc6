package pulumi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// recordType is the one type of resource that a switch changes.
const recordType = "aws:route53/record:Record"

// changes collects what the engine's events say. The channel of an operation that
// is refused early is never closed, so its end is told.
type changes struct {
	events      chan events.EngineEvent
	ended, done chan struct{}
	other       map[string]apitype.OpType // by URN: what is no plain change of a record
	errors      []string
}

func newChanges() *changes {
	c := &changes{
		events: make(chan events.EngineEvent), ended: make(chan struct{}), done: make(chan struct{}), other: map[string]apitype.OpType{},
	}
	go func() {
		defer close(c.done)
		for {
			select {
			case event, ok := <-c.events:
				if !ok {
					return
				}
				c.note(event)
			case <-c.ended:
				return
			}
		}
	}()
	return c
}

// end waits until what was told is collected.
func (c *changes) end() {
	close(c.ended)
	<-c.done
}

func (c *changes) note(event events.EngineEvent) {
	if e := event.ResourcePreEvent; e != nil {
		switch step := e.Metadata; step.Op {
		case apitype.OpSame, apitype.OpRefresh,
			apitype.OpRead, apitype.OpReadReplacement, apitype.OpReadDiscard, apitype.OpDiscardReplaced: // stack references
		case apitype.OpCreate, apitype.OpUpdate, apitype.OpDelete:
			if step.Type != recordType {
				c.other[step.URN] = step.Op
			}
		default:
			c.other[step.URN] = step.Op
		}
	}
	if d := event.DiagnosticEvent; d != nil && d.Severity == string(diag.Error) {
		c.errors = append(c.errors, strings.TrimSpace(colors.Never.Colorize(d.Message)))
	}
}

// explain is the engine's own errors, each once: err repeats all the progress.
func (c *changes) explain(err error) error {
	if len(c.errors) == 0 {
		return err
	}
	slices.Sort(c.errors)
	return errors.New(strings.Join(slices.Compact(c.errors), "\n"))
}

// onlyRecords fails when more than records would change.
func (c *changes) onlyRecords(stack string) error {
	if len(c.other) == 0 {
		return nil
	}
	var list []string
	for _, urn := range slices.Sorted(maps.Keys(c.other)) {
		parts := strings.SplitN(urn, "::", 4) // urn:pulumi:stack::project::types::name
		list = append(list, fmt.Sprintf("%s %s", c.other[urn], parts[len(parts)-1]))
	}
	return fmt.Errorf("a switch must change nothing but records, but the update of stack %q would also %s: "+
		"bring the platform up on its own first, with pulumi up -s %s", stack, strings.Join(list, ", "), stack)
}
