package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Kinds are what happens to a resource, in the order in which a table shows them.
var Kinds = []Kind{Create, Update, Replace, Delete, Same}

// Kind is what happens to a resource.
type Kind string

// The kinds. Reading a resource of somebody else counts as none.
const (
	Create  Kind = "create"
	Update  Kind = "update"
	Replace Kind = "replace"
	Delete  Kind = "delete"
	Same    Kind = "same"
)

// kinds by the engine's operation. A replacement may be told as one step, as its
// halves, or as both. What is imported is created for the stack, and what is
// discarded or removed from it is deleted.
// https://github.com/pulumi/pulumi/blob/sdk/v3.274.1/sdk/go/common/apitype/history.go
var kinds = map[string]Kind{
	"create": Create, "import": Create,
	"update": Update, "refresh": Update,
	"replace": Replace, "create-replacement": Replace, "delete-replaced": Replace, "read-replacement": Replace,
	"import-replacement": Replace, "discard-replaced": Replace, "remove-pending-replace": Replace,
	"delete": Delete, "discard": Delete,
	"same": Same, "read": "",
}

// Preview is what an update of one stack would do.
type Preview struct {
	Stack string
	// Counts of the resources by what happens to them.
	Counts map[Kind]int
	// Steps are the resources that change, in the engine's order.
	Steps []Step
	// Errors are why the preview failed; none when it did not.
	Errors []string
	// Warnings are what the program and the engine warn of.
	Warnings []string
	// Masked is what looked like a secret and was not marked as one.
	Masked []Masked
}

// Masked is where something looked like a secret. It is not shown.
type Masked struct {
	// Where it came from, such as "blue-task containerDefinitions[0].environment[1].value".
	Where string
	// What it looked like, such as "a GitHub token".
	What string
}

// Step is what happens to one resource.
type Step struct {
	Kind Kind
	URN  string
	Type string // such as aws:rds/instance:Instance
	Name string
	// Changes are the properties that differ, sorted; none for what is created or
	// deleted.
	Changes []Change
	// Reasons are the properties that make it a replacement.
	Reasons []string
	// Old and New are the inputs before and after; nil for what is created or deleted.
	Old, New map[string]any
}

// document is pulumi's own, as far as it is used.
// https://github.com/pulumi/pulumi/blob/sdk/v3.274.1/sdk/go/common/display/json.go
type document struct {
	Reduced       *Preview       `json:"reduced"` // ours, see [Preview.Encode]
	Steps         []step         `json:"steps"`
	Diagnostics   []diagnostic   `json:"diagnostics"`
	ChangeSummary map[string]int `json:"changeSummary"`
}

type diagnostic struct {
	Message  string `json:"message"`
	Severity string `json:"severity"`
}

type step struct {
	Op             string                `json:"op"`
	URN            string                `json:"urn"`
	Old            *state                `json:"oldState"`
	New            *state                `json:"newState"`
	DiffReasons    []string              `json:"diffReasons"`
	ReplaceReasons []string              `json:"replaceReasons"`
	DetailedDiff   map[string]difference `json:"detailedDiff"`
}

type state struct {
	Inputs  map[string]any `json:"inputs"`
	Outputs map[string]any `json:"outputs"`
}

type difference struct {
	InputDiff bool `json:"inputDiff"`
}

// Failed is a preview of which only is known why there is none.
func Failed(stack, reason string) *Preview {
	return &Preview{Stack: stack, Counts: map[Kind]int{}, Errors: []string{reason}}
}

// Decode reads the preview of a stack. What is no preview, or one that is cut off,
// becomes a preview with an error, since it must be told as much as any other. Its
// text is not quoted: nobody took the secrets out of it. What [Preview.Encode] wrote is
// read as well.
func Decode(stack string, r io.Reader) *Preview {
	var d document
	if json.NewDecoder(r).Decode(&d) != nil {
		return Failed(stack, "pulumi preview --json printed no complete JSON: the job's log has its messages")
	}
	if d.Reduced != nil {
		d.Reduced.Stack = stack
		return d.Reduced
	}
	p := &Preview{Stack: stack, Counts: map[Kind]int{}}
	var c cleaner
	if d.Steps == nil && d.ChangeSummary == nil && d.Diagnostics == nil {
		p.Errors = append(p.Errors, "pulumi preview --json printed JSON without steps: the job's log has its messages")
	}
	for _, m := range d.Diagnostics {
		text := strings.TrimSpace(strings.TrimPrefix(colors.ReplaceAllString(m.Message, ""), m.Severity+": "))
		switch text = c.text("a message", text); m.Severity {
		case "error":
			p.Errors = append(p.Errors, text)
		case "warning":
			p.Warnings = append(p.Warnings, text)
		}
	}
	for _, s := range d.Steps {
		p.add(s, &c)
	}
	p.count(d.ChangeSummary)
	p.Masked = unique(c.masked)
	return p
}

// Unmarked returns what in a JSON document of Pulumi's, such as a plan, looks like a
// secret and is in clear text.
func Unmarked(r io.Reader) ([]Masked, error) {
	var d any
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return nil, err
	}
	var c cleaner
	c.value("", "", d)
	return unique(c.masked), nil
}

// Encode writes what a comment needs of a preview, for [Decode]: of inputs those that
// keep returns for a step's.
func (p *Preview) Encode(w io.Writer, keep func(Step) (before, after map[string]any)) error {
	reduced := *p
	reduced.Steps = slices.Clone(p.Steps)
	for i, s := range reduced.Steps {
		reduced.Steps[i].Old, reduced.Steps[i].New = keep(s)
	}
	return json.NewEncoder(w).Encode(document{Reduced: &reduced})
}

// unique sorts a list and takes what is twice out.
func unique(list []Masked) []Masked {
	slices.SortFunc(list, func(a, b Masked) int { return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What)) })
	return slices.Compact(list)
}

// add notes a step, one for each resource.
func (p *Preview) add(s step, c *cleaner) {
	s.URN = c.text("a name", s.URN)
	kind, known := kinds[s.Op]
	if !known {
		p.Errors = append(p.Errors, fmt.Sprintf("the operation %q of %q is unknown: teach it to delivery/preview", s.Op, s.URN))
		return
	}
	if kind == "" || kind == Same {
		return
	}
	next := s.read(kind, c)
	if s.Op == "refresh" && len(next.Changes) == 0 {
		return // read, and as it was
	}
	i := slices.IndexFunc(p.Steps, func(other Step) bool { return other.URN == s.URN })
	if i < 0 {
		p.Steps = append(p.Steps, next)
		return
	}
	p.Steps[i].merge(next)
}

// merge takes from another step of the same resource what this one lacks.
func (s *Step) merge(other Step) {
	if other.Kind == Replace {
		s.Kind = Replace
	}
	if s.Old == nil {
		s.Old = other.Old
	}
	if s.New == nil {
		s.New = other.New
	}
	if len(s.Changes) == 0 {
		s.Changes = other.Changes
	}
	s.Reasons = slices.Compact(slices.Sorted(slices.Values(append(s.Reasons, other.Reasons...))))
}

// count takes the engine's own counts, and its steps where it has none.
func (p *Preview) count(summary map[string]int) {
	for op, n := range summary {
		if kind := kinds[op]; kind != "" {
			p.Counts[kind] += n
		}
	}
	if len(summary) == 0 {
		for _, s := range p.Steps {
			p.Counts[s.Kind]++
		}
	}
}

func (s *step) read(kind Kind, all *cleaner) Step {
	var c cleaner
	read := Step{Kind: kind, URN: s.URN, Reasons: slices.Sorted(slices.Values(s.ReplaceReasons))}
	read.Type, read.Name = split(s.URN)
	for i, reason := range read.Reasons {
		read.Reasons[i] = c.text(reason, reason)
	}
	read.Old, read.New = s.Old.inputs(&c), s.New.inputs(&c)
	if read.Old != nil && read.New != nil {
		read.Changes = s.changes(&c)
	}
	for _, m := range c.masked {
		all.masked = append(all.masked, Masked{read.Name + " " + m.Where, m.What})
	}
	return read
}

// changes are the leaves that differ below the properties that the provider says
// differ, or below all inputs where it does not say. Two that are masked look the
// same: then the property itself is told.
func (s *step) changes(c *cleaner) (all []Change) {
	for _, path := range slices.Sorted(maps.Keys(s.DetailedDiff)) {
		before, after := any(s.Old.Inputs), any(s.New.Inputs)
		if !s.DetailedDiff[path].InputDiff {
			before = any(s.Old.Outputs)
		}
		safe := c.text(path, path)
		old, now := c.value(safe, called(before, path), at(before, path)), c.value(safe, called(after, path), at(after, path))
		found := compare(safe, old, now)
		if len(found) == 0 {
			found = []Change{{Path: safe, Old: show(old), New: show(now)}}
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		all = compare("", c.value("", "", any(s.Old.Inputs)), c.value("", "", any(s.New.Inputs)))
	}
	if len(all) == 0 {
		for _, path := range s.DiffReasons {
			safe := c.text(path, path)
			before, after := any(s.Old.Inputs), any(s.New.Inputs)
			old, now := c.value(safe, called(before, path), at(before, path)), c.value(safe, called(after, path), at(after, path))
			all = append(all, Change{Path: safe, Old: show(old), New: show(now)})
		}
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(all)
}

func (s *state) inputs(c *cleaner) map[string]any {
	if s == nil {
		return nil
	}
	cleaned, _ := c.value("", "", any(s.Inputs)).(map[string]any)
	return cleaned
}

// split takes the type and the name out of a URN, such as
// urn:pulumi:prod::codeflow::codeflow:rds:Database$aws:rds/instance:Instance::database.
// https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
func split(urn string) (kind, name string) {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return "", urn
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:], parts[3]
}
