package agentbundle

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	ruleFileName  = "file-name"
	ruleDuplicate = "duplicate-name"
	ruleFollowups = "followups"
)

// nameRE admits what is safe as a file name, a URI segment and a tool name.
var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

var safeName = values{
	"a string matching " + nameRE.String(),
	func(n *yaml.Node) bool { return nameRE.MatchString(str(n)) },
}

// check reads the file's front matter, makes its data what is packed, and
// returns every problem that the file has by itself. The problems have no path
// yet.
func (f *file) check() []Problem {
	fm, problems := parseFrontMatter(f.data)
	if fm.Node == nil {
		return problems
	}
	f.fm = fm
	if n := fm.get("name"); n != nil && safeName.has(n) {
		f.name = n.Value
		if !f.ownName() {
			problems = append(problems, Problem{
				Line: n.Line, Rule: ruleFileName,
				Message: fmt.Sprintf("name must be the file name %q, got %q", f.baseName(), f.name),
				Hint:    "rename the file or the " + string(f.kind),
			})
		}
	}
	if f.kind == command {
		return append(problems, checkCommand(fm, f.data)...)
	}
	packed, rewriting := rewriteDirectories(f.data, fm)
	f.data = packed
	return append(append(problems, rewriting...), checkAgent(fm)...)
}

// baseName is the file's name without its folder and extension.
func (f *file) baseName() string { return strings.TrimSuffix(path.Base(f.path), markdown) }

// ownName says whether the file is called as what it holds.
func (f *file) ownName() bool { return kebab(f.name) == kebab(f.baseName()) }

// kebab returns the spelling by which names are compared: later versions of
// the package write them in snake_case, and not everywhere.
func kebab(name string) string { return strings.ReplaceAll(name, "_", "-") }

// checkSpelling refuses names of one kind that differ only in case: on some
// file systems they are the same file.
func (l *loader) checkSpelling() {
	taken := map[string]*file{}
	for _, f := range l.files {
		if f.name == "" {
			continue
		}
		key := string(f.kind) + strings.ToLower(f.name)
		if first := taken[key]; first != nil && first.name != f.name {
			l.add(f, Problem{
				Line: f.fm.line("name"), Rule: ruleDuplicate,
				Message: fmt.Sprintf("name %q must differ from %q of %s in more than case", f.name, first.name, first),
				Hint:    "rename one of them, or spell them alike to replace one by the other",
			})
		}
		taken[key] = f
	}
}

// checkFollowups checks that escalation chains lead to agents that exist. An
// agent whose front matter is broken counts with its file name.
func (l *loader) checkFollowups() {
	agents := map[string]bool{}
	for _, f := range l.files {
		if f.kind == agent {
			agents[kebab(f.name)] = true
			if f.fm.Node == nil {
				agents[kebab(f.baseName())] = true
			}
		}
	}
	for _, f := range l.files {
		followups := f.fm.get("intended_followups")
		if f.kind != agent || followups == nil || !texts.has(followups) {
			continue
		}
		for _, n := range followups.Content {
			if !agents[kebab(n.Value)] {
				l.add(f, Problem{
					Line: n.Line, Rule: ruleFollowups,
					Message: fmt.Sprintf("intended_followups must name agents of the bundle, got %s", shown(n)),
					Hint:    "correct the name, or add the agent",
				})
			}
		}
	}
}
