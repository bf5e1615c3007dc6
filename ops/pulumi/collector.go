package pulumi

import (
	"errors"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// Collector reads the events of one operation of the engine. The channel of an
// operation that is refused early is never closed, so its end is told.
type Collector struct {
	// Events is for the operation.
	Events chan events.EngineEvent

	ended, done chan struct{}
	errors      []string
}

// Collect hands each event to a function until [Collector.End].
func Collect(note func(events.EngineEvent)) *Collector {
	c := &Collector{Events: make(chan events.EngineEvent), ended: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			select {
			case event, ok := <-c.Events:
				if !ok {
					return
				}
				note(event)
				if d := event.DiagnosticEvent; d != nil && d.Severity == string(diag.Error) {
					c.errors = append(c.errors, strings.TrimSpace(colors.Never.Colorize(d.Message)))
				}
			case <-c.ended:
				return
			}
		}
	}()
	return c
}

// End waits until what was told is collected.
func (c *Collector) End() {
	close(c.ended)
	<-c.done
}

// Explain is the engine's own errors, each once, instead of err, which repeats all
// the progress.
func (c *Collector) Explain(err error) error {
	if len(c.errors) == 0 {
		return err
	}
	slices.Sort(c.errors)
	return errors.New(strings.Join(slices.Compact(c.errors), "\n"))
}
