package agentbundle

import (
	"errors"
	"fmt"
	"io"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// Report is the result of checking the sources of a bundle. Its lists are
// sorted and never nil, so that the same sources give the same JSON.
type Report struct {
	// Agents and Commands count the files that were read, from every source
	// and with those that have problems.
	Agents   int `json:"agents"`
	Commands int `json:"commands"`
	// Problems is everything that is wrong with any of them.
	Problems []Problem `json:"problems"`
	// Overridden lists the files that one of a later source replaces.
	Overridden []Override `json:"overridden"`
	// Excluded lists the files that the config leaves out.
	Excluded []manifest.Exclusion `json:"excluded"`
}

// Override is an agent or command that several sources have. The last wins.
type Override struct {
	// Kind is "agent" or "command".
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Path is the file that is in the bundle, Replaces the one that is not.
	Path     string `json:"path"`
	Replaces string `json:"replaces"`
}

// Check reads the agents and commands that cfg names and reports every
// problem of every file. Its error is about the config or the package as a
// whole.
func Check(cfg Config) (*Report, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, err
	}
	return &l.report, nil
}

// Errors counts the problems that keep the bundle from being built.
func (r *Report) Errors() int { return len(r.errors()) }

// Err joins the problems that [Report.Errors] counts; nil when there are none.
func (r *Report) Err() error { return errors.Join(r.errors()...) }

func (r *Report) errors() []error {
	var errs []error
	for _, p := range r.Problems {
		if p.Severity == SeverityError {
			errs = append(errs, p)
		}
	}
	return errs
}

// WriteText writes the report for people: a line per problem, override and
// exclusion, and a summary.
func (r *Report) WriteText(w io.Writer) error {
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		errs = append(errs, err)
	}
	for _, p := range r.Problems {
		line("%v", p)
	}
	for _, o := range r.Overridden {
		line("%s: overrides %s %q of %s", o.Path, o.Kind, o.Name, o.Replaces)
	}
	for _, e := range r.Excluded {
		line("%s: excluded: %s", e.Path, e.Reason)
	}
	line("%d agents, %d commands: %d errors, %d warnings, %d overridden, %d excluded",
		r.Agents, r.Commands, r.Errors(), len(r.Problems)-r.Errors(), len(r.Overridden), len(r.Excluded))
	return errors.Join(errs...)
}
