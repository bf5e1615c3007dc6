package pulumi

import (
	"context"
	"io"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Quick is a CLI that is not started for what nobody wants to know. After an update the
// Automation API asks for the stack's outputs, twice, and for its history; the events
// have said what a switch needs, and each start costs a second or two under load.
func Quick(command auto.PulumiCommand) auto.PulumiCommand { return quick{command} }

type quick struct{ auto.PulumiCommand }

// eventsOnly marks an operation of which only the events count.
type eventsOnly struct{}

func (q quick) Run(
	ctx context.Context, dir string, in io.Reader, out, errs []io.Writer, env []string, args ...string,
) (string, string, int, error) {
	if ctx.Value(eventsOnly{}) != nil && len(args) > 1 && args[0] == "stack" {
		switch args[1] {
		case "output":
			return "{}", "", 0, nil
		case "history":
			return "[]", "", 0, nil
		}
	}
	return q.PulumiCommand.Run(ctx, dir, in, out, errs, env, args...)
}
