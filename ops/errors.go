package ops

import (
	"errors"
	"fmt"
	"strings"
)

// RefusedError says why nothing was begun.
type RefusedError struct {
	What     string // for example "switch to green"
	Problems []error
}

func (e *RefusedError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, problem := range e.Problems {
		lines = append(lines, "\n  "+problem.Error())
	}
	return e.What + " is refused, nothing was changed:" + strings.Join(lines, "")
}

func (e *RefusedError) Unwrap() []error { return e.Problems }

// refused is a RefusedError when there are problems.
func refused(what string, problems ...error) error {
	problems = compact(problems)
	if len(problems) == 0 {
		return nil
	}
	return &RefusedError{what, problems}
}

func compact(errs []error) (some []error) {
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	return some
}

// SwitchedBackError says that the traffic is back where it was, and why.
type SwitchedBackError struct {
	Color, Digest string
	Reasons       []string
	// After is what the old colour is like since, "" when it is well.
	After string
}

func (e *SwitchedBackError) Error() string {
	text := fmt.Sprintf("the traffic was switched back from %q: %s. Its digest %s is refused until it is cleared: "+
		"bring up a release that works, or run ops unblock", e.Color, strings.Join(e.Reasons, "; "), e.Digest)
	if e.After != "" {
		text += ". The rollback did not help: " + e.After
	}
	return text
}

// UnfinishedError says why a rollout ended before it was done.
type UnfinishedError struct {
	Rollout string
	Weights Weights // that the records last had
	Err     error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("rollout %s is unfinished with %s: %v: see ops status, then run ops switch --resume or --abort", e.Rollout, e.Weights, e.Err)
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

// errInterrupted is the reason of a rollout that was told to end.
var errInterrupted = errors.New("it was interrupted")

// byHandError says that the weights are not what the controller left.
type byHandError struct{ where, rule, got string }

func (e *byHandError) Error() string {
	return fmt.Sprintf("weights were changed by hand: %s must be %s, got %s: they are left alone; put them back and resume, or abort to keep them",
		e.where, e.rule, e.got)
}
