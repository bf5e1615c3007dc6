package agentbundle

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/secrets"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

const (
	ruleFileName  = "file-name"
	ruleDuplicate = "duplicate-name"
	ruleFollowups = "followups"
	ruleName      = "name"
	ruleSecret    = "secret"
)

// nameRE admits what is safe as a file name, a URI segment and a tool name.
var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

var safeName = values{
	"a string matching " + nameRE.String(),
	func(n *yaml.Node) bool { return nameRE.MatchString(str(n)) },
}

// check reads the file's front matter, makes its data what is packed, and
// returns every problem that the file has by itself, or says why it is skipped.
// The problems have no path yet.
func (f *file) check() []Problem {
	if f.source.Format != convert.UATS {
		return f.checkForeign()
	}
	problems := f.checkUATS()
	if !hasError(problems) || f.fm.Node == nil {
		return problems
	}
	if made, sure := convert.Detect(f.path, f.kind, f.fm.Node); sure && made != convert.UATS {
		return []Problem{f.mismatch(made)}
	}
	return problems
}

// checkUATS checks a file that is packed byte for byte.
func (f *file) checkUATS() []Problem {
	f.strict = f.source.RequireUATS
	if bytes.HasPrefix(f.data, byteOrderMark) {
		return []Problem{{Line: 1, Rule: ruleText, Message: "must be UTF-8 text without a byte order mark", Hint: "save the file without it"}}
	}
	fm, problems := parseFrontMatter(f.data)
	problems = slices.Concat(problems, checkHidden(f.data, fm), checkComments(fm), checkSecrets(f.data), checkInstructions(f.data))
	if fm.Node == nil {
		return problems
	}
	f.fm = fm
	f.strict = f.strict || fm.get("uats_version") != nil || fm.get("spec_version") != nil
	switch n := fm.get("name"); {
	case n != nil && safeName.has(n):
		f.name = n.Value
		if !f.ownName() {
			problems = append(problems, f.lenient(Problem{
				Line: n.Line, Rule: ruleFileName,
				Message: fmt.Sprintf("name must be the file name %q, got %q", f.baseName(), f.name),
				Hint:    "rename the file or the " + string(f.kind),
			}))
		}
	case str(n) != "" && convert.Slug(str(n)) == "" && text.has(n):
		problems = append(problems, Problem{Line: n.Line, Rule: ruleName, Message: "name " + convert.NameProblem(n.Value), Hint: "write it with the letters of ASCII"})
	}
	if f.kind == command {
		header, rest, _ := frontmatter.Split(f.data)
		line := lineAt(f.data, len(header))
		return slices.Concat(problems, checkCommand(fm, f.data, f.lenient), notes(convert.References(rest, line)), notes(convert.Arguments(rest, line)))
	}
	packed, rewriting := rewriteDirectories(f.data, fm)
	f.data = packed
	problems = slices.Concat(problems, rewriting, checkAgent(fm, f.strict))
	if !f.strict && !hasError(problems) {
		problems = append(problems, f.checkConversions()...)
	}
	return problems
}

// checkConversions refuses what the server could not write for another tool.
func (f *file) checkConversions() []Problem {
	for _, tool := range []string{convert.ClaudeCode, convert.OpenCode} {
		if _, err := convert.To(tool, map[string][]byte{"agents/" + f.baseName() + markdown: f.data}); err != nil {
			return []Problem{{Line: f.fm.Line, Rule: ruleUATS, Message: err.Error(), Hint: "correct the value"}}
		}
	}
	return nil
}

// lenient makes a warning of a problem that does not keep the file from being
// served, unless the file must be complete.
func (f *file) lenient(p Problem) Problem {
	if !f.strict {
		p.Severity = SeverityWarning
	}
	return p
}

func checkSecrets(data []byte) []Problem {
	var problems []Problem
	for _, s := range secrets.Scan(data) {
		problems = append(problems, Problem{Line: s.Line, Rule: ruleSecret, Message: s.Message, Hint: s.Hint})
	}
	return problems
}

// baseName is the file's name without its folder and extension.
func (f *file) baseName() string { return convert.BaseName(f.path) }

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
				l.add(f, f.lenient(Problem{
					Line: n.Line, Rule: ruleFollowups,
					Message: fmt.Sprintf("intended_followups must name agents of the bundle, got %s", shown(n)),
					Hint:    "correct the name, or add the agent",
				}))
			}
		}
	}
}
