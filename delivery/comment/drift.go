package comment

import (
	"fmt"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
)

const (
	// DriftMarker begins the text of the issue about drift, by which the next run finds
	// it. It is not shown.
	DriftMarker = "<!-- codeflow-drift -->"
	// DriftTitle is that issue's.
	DriftTitle = "The account is not as the stacks have it"
)

// Drift writes the issue about what previews of refreshes found, and "" when that is
// nothing. What could not be compared is told too. Log is the URL of the job, or "".
func Drift(refreshes []*preview.Preview, log string) string {
	var head strings.Builder
	var all []part
	for _, p := range refreshes {
		switch {
		case len(p.Errors) > 0:
			fmt.Fprintf(&head, "- **%s** could not be compared: %s\n", p.Stack, code(p.Errors[0]))
		case len(p.Steps) > 0:
			fmt.Fprintf(&head, "- **%s**: %d %s not as the state has %s\n", p.Stack, len(p.Steps),
				plural(len(p.Steps), "resource is", "resources are"), plural(len(p.Steps), "it", "them"))
			all = append(all, part{"What differs in " + p.Stack, "diff", full(p)})
		}
	}
	if head.Len() == 0 {
		return ""
	}
	text := DriftMarker + "\n" + head.String() + "\nThe first value is the state's, the second the account's. `pulumi up` puts " +
		"back what the program says; if the account is right, change the program.\n"
	if warning := unmarked(refreshes); warning != "" {
		text += "\n" + warning
	}
	return text + folded(all, Limit-1-len(text), log)
}
