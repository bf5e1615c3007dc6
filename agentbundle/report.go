package agentbundle

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	// Skipped is every other file below a source that is not packed, by reason.
	Skipped []Skipped `json:"skipped"`
	// Formats counts the files by what they are made for.
	Formats []FormatCount `json:"formats"`
}

// Skipped are files of a source that are not packed for one reason.
type Skipped struct {
	Source string `json:"source"`
	Reason string `json:"reason"`
	// Paths are relative to the source; one that ends in / stands for all below it.
	Paths []string `json:"paths"`
}

// FormatCount counts the files of a format. What is read is packed, refused for
// an error, or overridden by a file of a later source.
type FormatCount struct {
	Format     string `json:"format"`
	Read       int    `json:"read"`
	Packed     int    `json:"packed"`
	Refused    int    `json:"refused"`
	Overridden int    `json:"overridden"`
}

func (r *Report) skip(source, path, reason string) {
	i := slices.IndexFunc(r.Skipped, func(s Skipped) bool { return s.Source == source && s.Reason == reason })
	if i < 0 {
		i = len(r.Skipped)
		r.Skipped = append(r.Skipped, Skipped{Source: source, Reason: reason})
	}
	r.Skipped[i].Paths = append(r.Skipped[i].Paths, path)
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

// maxShown bounds the paths of one reason that people are shown.
const maxShown = 5

// WriteText writes the report for people: a line per problem, override,
// exclusion and reason to leave files out, a table of the formats and a summary.
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
	for _, s := range r.Skipped {
		shown := s.Paths
		if len(shown) > maxShown {
			shown = tops(shown)
		}
		if left := len(shown) - maxShown; left > 0 {
			shown = append(slices.Clone(shown[:maxShown]), fmt.Sprintf("%d more", left))
		}
		line("%s: passed over %d: %s: %s", s.Source, len(s.Paths), s.Reason, strings.Join(shown, ", "))
	}
	if len(r.Formats) > 0 {
		line("%-12s %6s %6s %7s %10s", "format", "read", "packed", "refused", "overridden")
	}
	for _, f := range r.Formats {
		line("%-12s %6d %6d %7d %10d", f.Format, f.Read, f.Packed, f.Refused, f.Overridden)
	}
	line("%d agents, %d commands: %d errors, %d warnings, %d overridden, %d excluded",
		r.Agents, r.Commands, r.Errors(), len(r.Problems)-r.Errors(), len(r.Overridden), len(r.Excluded))
	return errors.Join(errs...)
}

// tops are the first elements of paths, once each.
func tops(paths []string) []string {
	var tops []string
	for _, path := range paths {
		if top, _, nested := strings.Cut(path, "/"); nested {
			path = top + "/"
		}
		tops = append(tops, path)
	}
	return slices.Compact(tops)
}
