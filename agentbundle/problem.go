package agentbundle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Problem is one thing that is wrong with a source file. [Load] joins all of
// them into its error.
type Problem struct {
	// Path is the file, as it can be opened from the working directory.
	Path string
	// Line counts from 1; 0 stands for the whole file.
	Line int
	// Rule is the short name of the broken rule, such as "duplicate-name".
	Rule string
	// Message says what the rule asks for and what the file has.
	Message string
	// Hint says how to fix it. It may be empty.
	Hint string
}

// Error formats the problem as "path:line: rule: message (hint)".
func (p Problem) Error() string {
	s := p.Path
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	s = fmt.Sprintf("%s: %s: %s", s, p.Rule, p.Message)
	if p.Hint != "" {
		s = fmt.Sprintf("%s (%s)", s, p.Hint)
	}
	return s
}

// join returns the problems, sorted by file and line, as one error; nil when
// there are none.
func join(problems []Problem) error {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
