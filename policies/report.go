package policies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Violation is a rule that a resource breaks.
type Violation struct {
	Rule, ID string
	Resource string // stack/name and kind
	What     string // what is wrong, in the words of the resource's properties
	Fix      string
}

// String is one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s: %s. Fix: %s", v.label(), v.Resource, v.What, v.Fix)
}

func (v Violation) label() string {
	if v.ID == "" {
		return v.Rule
	}
	return v.Rule + " (" + v.ID + ")"
}

// Report is what rules found.
type Report struct {
	Violations []Violation
	// Excepted are violations that an exception covers.
	Excepted []Violation
	// NotChecked counts the rules on resources whose values are not known yet.
	NotChecked int
	// Checked counts the rules on resources that were applied.
	Checked int
	// Rules and Resources are how many there are.
	Rules, Resources int
}

// Check applies the rules to the resources, of one stack or of several. An
// exception that has expired or that nothing needs is a violation: one whose
// resource does not violate the rule, or whose stack has no such resource.
func Check(resources []Resource, exceptions []Exception, now time.Time) Report {
	g := newGraph(resources)
	report := Report{Rules: len(Rules), Resources: len(resources)}
	uses := make([]use, len(exceptions))
	for i := range Rules {
		rule := &Rules[i]
		for _, token := range rule.Types {
			for _, r := range g.byType[token] {
				report.apply(rule, r, g, exceptions, uses)
			}
		}
	}
	for i, e := range exceptions {
		report.review(e, uses[i], resources, now)
	}
	order := func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.What, b.What))
	}
	slices.SortStableFunc(report.Violations, order)
	slices.SortStableFunc(report.Excepted, order)
	return report
}

// use is how an exception fared.
type use struct{ matched, unsure, needed bool }

func (p *Report) apply(rule *Rule, r *Resource, g *Graph, exceptions []Exception, uses []use) {
	found := rule.Check(r, g)
	unsure := slices.Contains(found, NotKnown)
	problems := slices.DeleteFunc(found, func(problem string) bool { return problem == NotKnown })
	p.Checked++
	if unsure {
		p.NotChecked++
	}
	into := &p.Violations
	for i, e := range exceptions {
		if !e.covers(rule, r) {
			continue
		}
		uses[i].matched = true
		uses[i].unsure = uses[i].unsure || unsure
		uses[i].needed = uses[i].needed || len(problems) > 0
		into = &p.Excepted
	}
	if len(problems) > 0 {
		*into = append(*into, Violation{rule.Name, rule.ID, r.String(), strings.Join(problems, "; "), rule.Fix})
	}
}

// review finds what is wrong with an exception.
func (p *Report) review(e Exception, u use, resources []Resource, now time.Time) {
	wrong := func(what, fix string) {
		p.Violations = append(p.Violations, Violation{
			Rule: "exceptions", Resource: e.Resource, What: "the exception from " + e.Rule + " " + what, Fix: fix,
		})
	}
	stack, _, _ := strings.Cut(e.Resource, "/")
	here := slices.ContainsFunc(resources, func(r Resource) bool { return r.Stack() == stack })
	switch {
	case e.expired(now):
		wrong("expired on "+e.Expires, "mend the resource, or review the row of policies/exceptions.json and give it a new day")
	case u.matched && !u.needed && !u.unsure, !u.matched && here:
		wrong("is not needed", "remove its row from policies/exceptions.json")
	}
}

// summary is the counts in words.
func (p Report) summary() string {
	return fmt.Sprintf("%d rules over %d resources: %d checks, %d violations, %d excepted, %d not checked (values not known yet)",
		p.Rules, p.Resources, p.Checked, len(p.Violations), len(p.Excepted), p.NotChecked)
}

// String is the report for a terminal.
func (p Report) String() string {
	var b strings.Builder
	for _, v := range p.Violations {
		fmt.Fprintln(&b, v)
	}
	fmt.Fprintln(&b, p.summary())
	return b.String()
}

// mostRows keeps a comment short.
const mostRows = 50

// Markdown is the report for a comment: a line per violation, of the first 50.
func (p Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**Policies:** %s\n", p.summary())
	for i, v := range p.Violations {
		switch i {
		case 0:
			b.WriteString("\n| rule | id | resource | what | fix |\n|---|---|---|---|---|\n")
		case mostRows:
			fmt.Fprintf(&b, "\nAnd %d more.\n", len(p.Violations)-mostRows)
			return b.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", v.Rule, v.ID, code(v.Resource), code(v.What), code(v.Fix))
	}
	return b.String()
}

// code is text that Markdown does not read, in a cell.
func code(text string) string {
	text = strings.NewReplacer("`", "'", "|", `\|`, "\n", " ", "\r", " ").Replace(text)
	return "`" + text + "`"
}
