package policies

import (
	"bytes"
	_ "embed" // for exceptions.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed exceptions.json
var exceptions []byte

// Exception sets a rule aside for some resources, until a day.
type Exception struct {
	// Rule is a rule's name.
	Rule string `json:"rule"`
	// Resource is stack/name, for example "prod/access-logs". A * stands for any
	// characters of one of the two.
	Resource string `json:"resource"`
	// Reason is why, for who reviews it.
	Reason string `json:"reason"`
	// Expires is the last day, as 2027-06-30, in UTC.
	Expires string `json:"expires"`
}

// Exceptions returns the project's, of exceptions.json.
func Exceptions() ([]Exception, error) { return ReadExceptions(bytes.NewReader(exceptions)) }

// ReadExceptions reads a list and refuses rows that are not whole.
func ReadExceptions(r io.Reader) ([]Exception, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var list []Exception
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("reading exceptions: want a list of rule, resource, reason and expires: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading exceptions: want one list, and nothing behind it")
	}
	var errs []error
	for i, e := range list {
		if err := e.validate(); err != nil {
			errs = append(errs, fmt.Errorf("exception %d: %w", i, err))
		}
	}
	return list, errors.Join(errs...)
}

func (e Exception) validate() error {
	var errs []error
	if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.Name == e.Rule }) {
		errs = append(errs, fmt.Errorf("rule %q is none: cmd/policies --list shows them", e.Rule))
	}
	if _, err := path.Match(e.Resource, ""); err != nil || strings.Count(e.Resource, "/") != 1 {
		errs = append(errs, fmt.Errorf(`resource must be stack/name, got %q`, e.Resource))
	}
	if len(strings.Fields(e.Reason)) < 3 {
		errs = append(errs, fmt.Errorf("reason must be a sentence, got %q", e.Reason))
	}
	if _, err := time.Parse(time.DateOnly, e.Expires); err != nil {
		errs = append(errs, fmt.Errorf("expires must be a day as 2027-06-30, got %q", e.Expires))
	}
	return errors.Join(errs...)
}

// covers says whether the exception is about a rule and a resource. A name with
// a slash is one name.
func (e Exception) covers(rule *Rule, r *Resource) bool {
	flat := func(name string) string { return strings.ReplaceAll(name, "/", "-") }
	ok, _ := path.Match(e.Resource, r.Stack()+"/"+flat(r.Name))
	return ok && e.Rule == rule.Name
}

// expired says whether the last day is over.
func (e Exception) expired(now time.Time) bool {
	return now.UTC().Format(time.DateOnly) > e.Expires
}
