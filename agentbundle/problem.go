package agentbundle

import (
	"cmp"
	"fmt"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

// The levels of a [Problem]. An error keeps the bundle from being built, a
// warning does not.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// Problem is one thing that is wrong with a source file. A [Report] holds all
// of them.
type Problem struct {
	// Path is the file, as it can be opened from the working directory.
	Path string `json:"path"`
	// Line counts from 1; 0 stands for the whole file.
	Line int `json:"line,omitempty"`
	// Severity is [SeverityError] or [SeverityWarning].
	Severity string `json:"severity"`
	// Rule is the short name of the broken rule, such as "duplicate-name".
	Rule string `json:"rule"`
	// Message says what the rule asks for and what the file has.
	Message string `json:"message"`
	// Hint says how to fix it. It may be empty.
	Hint string `json:"hint,omitempty"`
}

// Error formats the problem as "path:line: severity: rule: message (hint)", for
// people: characters that nobody would see are shown as U+202E.
func (p Problem) Error() string {
	s := p.Path
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	s = fmt.Sprintf("%s: %s: %s: %s", s, p.Severity, p.Rule, p.Message)
	if p.Hint != "" {
		s = fmt.Sprintf("%s (%s)", s, p.Hint)
	}
	return hidden.Show(s)
}

// compare orders problems by file and line.
func (p Problem) compare(q Problem) int {
	return cmp.Or(
		cmp.Compare(p.Path, q.Path), cmp.Compare(p.Line, q.Line),
		cmp.Compare(p.Rule, q.Rule), cmp.Compare(p.Message, q.Message),
	)
}
