package comment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/mask"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

// Marker begins the comment, by which the next run finds it. It is not shown.
const Marker = "<!-- codeflow-preview -->"

// Limit is the length of a comment that GitHub takes, in characters. It is kept in
// bytes, which are never fewer.
// https://github.com/orgs/community/discussions/27190
const Limit = 65_536

// Input is what a comment tells.
type Input struct {
	// Previews of the stacks that the change touches.
	Previews []*preview.Preview
	// Unaffected are the stacks that it does not touch.
	Unaffected []string
	// Agents is the text of agentbundle diff, from base to head. Default: none.
	Agents string
	// Policies are the results of the policy rules, as Markdown that is ours: it is
	// not escaped, unless it is so long that it is folded. Default: none.
	Policies string
	// Labels of the pull request.
	Labels []string
	// Log is the URL of the job, which has all that is left out. Optional.
	Log string
}

// Verdict is what the check of the pull request says.
type Verdict struct {
	// Failed are the stacks whose preview failed.
	Failed []string
	// Hits are the protected resources that would be replaced or deleted.
	Hits []protect.Hit
	// Allowed is true when the pull request has [protect.Label].
	Allowed bool
}

// Blocked is true when protected resources stop the pull request.
func (v Verdict) Blocked() bool { return len(v.Hits) > 0 && !v.Allowed }

// Judge says whether the change may go on.
func Judge(in *Input) Verdict {
	v := Verdict{Hits: protect.Check(in.Previews), Allowed: slices.Contains(in.Labels, protect.Label)}
	for _, p := range in.Previews {
		if len(p.Errors) > 0 {
			v.Failed = append(v.Failed, p.Stack)
		}
	}
	return v
}

// Render writes the comment. It is always shorter than [Limit].
func Render(in *Input) string {
	safe := *in
	safe.Agents, _ = mask.Text(in.Agents)
	safe.Policies, _ = mask.Text(in.Policies)
	in = &safe
	v := Judge(in)
	var head strings.Builder
	head.WriteString(Marker + "\n### Preview of the stacks\n\n" + v.text(in) + "\n")
	for _, section := range []string{table(in), failures(in), unmarked(in.Previews), dangers(in, v), traffic(in), images(in), agents(in.Agents), policies(in.Policies)} {
		if section != "" {
			head.WriteString("\n" + section)
		}
	}
	return head.String() + folded(parts(in), Limit-1-head.Len(), in.Log)
}

// text is the line that tells it all.
func (v Verdict) text(in *Input) string {
	var lines []string
	if len(v.Failed) > 0 {
		lines = append(lines, fmt.Sprintf("**Failed**: %s of %s gave errors. What it would change is not known.",
			plural(len(v.Failed), "the preview", "the previews"), list(v.Failed)))
	}
	count := plural(len(v.Hits), "1 protected resource", fmt.Sprintf("%d protected resources", len(v.Hits)))
	switch {
	case v.Blocked():
		lines = append(lines, fmt.Sprintf("**Blocked**: %s would be replaced or deleted. If that is meant, add the label %s and run this check again.",
			count, code(protect.Label)))
	case len(v.Hits) > 0:
		lines = append(lines, fmt.Sprintf("**Allowed by the label %s**: %s would be replaced or deleted.", code(protect.Label), count))
	case len(in.Previews) == 0:
		lines = append(lines, "**No stack is affected** by the changed files.")
	case len(v.Failed) == 0:
		lines = append(lines, changes(in.Previews))
	}
	return strings.Join(lines, "\n\n")
}

// changes counts what changes in which stack.
func changes(previews []*preview.Preview) string {
	total := 0
	var stacks, all []string
	for _, p := range previews {
		all = append(all, p.Stack)
		if n := len(p.Steps); n > 0 {
			total += n
			stacks = append(stacks, fmt.Sprintf("%d in %s", n, p.Stack))
		}
	}
	if total == 0 {
		return "**No changes** in " + list(all) + "."
	}
	return fmt.Sprintf("**%s**: %s. Nothing protected is replaced or deleted.", plural(total, "1 resource changes", fmt.Sprintf("%d resources change", total)), list(stacks))
}

// table is a row for each stack.
func table(in *Input) string {
	var b strings.Builder
	b.WriteString("| stack | created | updated | replaced | deleted | unchanged |\n|---|--:|--:|--:|--:|--:|\n")
	for _, p := range in.Previews {
		b.WriteString("| " + p.Stack)
		for _, kind := range preview.Kinds {
			if len(p.Errors) > 0 {
				b.WriteString(" | ?")
				continue
			}
			fmt.Fprintf(&b, " | %d", p.Counts[kind])
		}
		b.WriteString(" |\n")
	}
	for _, stack := range in.Unaffected {
		b.WriteString("| " + stack + ", not affected" + strings.Repeat(" | ", len(preview.Kinds)) + " |\n")
	}
	return b.String()
}

// How much is told of what failed: the log has the rest.
const (
	maxErrors = 5
	maxError  = 1200 // bytes
)

// failures are the errors of the previews that failed.
func failures(in *Input) string {
	var all []string
	for _, p := range in.Previews {
		if len(p.Errors) == 0 {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "**%s failed**\n", p.Stack)
		for _, message := range p.Errors[:min(len(p.Errors), maxErrors)] {
			b.WriteString("\n" + fence("text", cut(clean(message), maxError)))
		}
		if left := len(p.Errors) - maxErrors; left > 0 {
			fmt.Fprintf(&b, "\n%d more errors are in %s.\n", left, logOf(in.Log))
		}
		all = append(all, b.String())
	}
	return strings.Join(all, "\n")
}

// unmarked warns of what looked like a secret.
func unmarked(previews []*preview.Preview) string {
	var rows []string
	for _, p := range previews {
		for _, m := range p.Masked {
			rows = append(rows, fmt.Sprintf("%s: %s: %s", p.Stack, code(m.Where), m.What))
		}
	}
	text := section("Masked: it looks like a secret and is not marked as one", rows)
	if text != "" {
		text += "\nWho can read the state reads it. Mark it (`pulumi config set --secret`, or `pulumi.ToSecret` in the program), and renew it if it is one.\n"
	}
	return text
}

// part is a section that is folded, and shortened where all of them are too long.
type part struct {
	title, language string
	lines           []string
}

// parts are the folded sections.
func parts(in *Input) (all []part) {
	if _, diff, _ := strings.Cut(strings.TrimSpace(in.Agents), "\n\n"); diff != "" {
		all = append(all, part{"Agents, line by line", "diff", lines(diff)})
	}
	if text := strings.TrimSpace(in.Policies); len(clean(text)) > maxPolicies {
		all = append(all, part{"Policies", "text", lines(text)})
	}
	for _, p := range in.Previews {
		if preview := full(p); len(preview) > 0 {
			all = append(all, part{"Full preview of " + p.Stack, "diff", preview})
		}
	}
	return all
}

// open and close are what stands around the lines.
func (p part) open() string {
	return "\n<details><summary>" + p.title + "</summary>\n\n" + p.fence() + p.language + "\n"
}

func (p part) close(note string) string { return p.fence() + "\n" + note + "\n</details>\n" }

func (p part) fence() string { return ticks(strings.Join(p.lines, "\n"), minFence) }

// maxNote is more than a note of what is left out takes without the URL, in bytes.
const maxNote = 100

// folded is the parts in so many bytes, each with a fair share: what short ones do
// not need goes to the long ones.
func folded(parts []part, budget int, log string) string {
	sizes := make([]int, len(parts))
	for i, p := range parts {
		budget -= len(p.open()) + len(p.close("")) + maxNote + len(log)
		for _, line := range p.lines {
			sizes[i] += len(line) + 1
		}
	}
	var b strings.Builder
	for i, limit := range share(sizes, budget) {
		p, note := parts[i], ""
		kept := 0
		for ; kept < len(p.lines) && limit > len(p.lines[kept]); kept++ {
			limit -= len(p.lines[kept]) + 1
		}
		if left := len(p.lines) - kept; left > 0 {
			note = fmt.Sprintf("\n%d of %d lines are left out: %s has them all.\n", left, len(p.lines), logOf(log))
		}
		b.WriteString(p.open())
		for _, line := range p.lines[:kept] {
			b.WriteString(line + "\n")
		}
		b.WriteString(p.close(note))
	}
	return b.String()
}

// share divides a budget among sizes: none gets more than it has, and those that
// get less get the same.
func share(sizes []int, budget int) []int {
	shares, order := make([]int, len(sizes)), make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sizes[a] - sizes[b] })
	for done, i := range order {
		shares[i] = max(0, min(sizes[i], budget/(len(order)-done)))
		budget -= shares[i]
	}
	return shares
}
