package pulumi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// recordType is the one type of resource that a switch changes.
const recordType = "aws:route53/record:Record"

// changes collects what an operation changes.
type changes struct {
	*Collector
	other map[string]apitype.OpType // by URN: what is no plain change of a record
}

func newChanges() *changes {
	c := &changes{other: map[string]apitype.OpType{}}
	c.Collector = Collect(c.note)
	return c
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
