package agentbundle

import (
	"bytes"
	"fmt"
	"path"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

const ruleFormat = "format"

// checkForeign is [file.check] for a source whose format is not uats.
func (f *file) checkForeign() []Problem {
	f.data = bytes.TrimPrefix(f.data, byteOrderMark)
	fm, problems := parseLenient(f.data)
	if f.kind == "" {
		if f.kind = kindOf(fm); f.kind == "" {
			f.skip = noFrontMatter
			if fm.Node != nil {
				f.skip = outside
			}
			return nil
		}
	}
	made, sure := convert.Detect(f.path, f.kind, fm.Node)
	if f.source.Format == FormatAuto {
		f.format = made
	}
	if p := f.unread(fm, problems); p != nil {
		return []Problem{*p}
	}
	if hasError(problems) {
		return problems
	}
	if f.format == convert.UATS {
		return f.checkUATS()
	}
	if f.source.RequireUATS && f.kind == agent {
		return []Problem{{
			Rule: ruleFormat, Message: fmt.Sprintf("is made for %s, the source requires UATS", convert.Title(f.format)),
			Hint: "add the keys of UATS, or drop require from the source",
		}}
	}
	problems = append(problems, f.convert(fm)...)
	if sure && made != f.format && hasError(problems) {
		return []Problem{f.mismatch(made)}
	}
	return problems
}

// convert makes the file's data what is packed.
func (f *file) convert(fm mapping) []Problem {
	problems := slices.Concat(checkHidden(f.data, fm), checkComments(fm), checkSecrets(f.data), checkInstructions(f.data))
	header, rest, _ := frontmatter.Split(f.data)
	body := rest
	line := 1
	if fm.Node != nil {
		_, body, _ = bytes.Cut(rest, []byte("\n"))
		line = min(lineAt(f.data, len(header))+1, lineAt(f.data, len(f.data)))
	}
	read := convert.From(convert.File{
		Tool: f.format, Kind: f.kind, Path: f.path, Front: fm.Node, Body: body, BodyLine: line,
	})
	f.fm, f.name = fm, read.Name
	problems = append(problems, notes(read.Notes)...)
	if read.Disabled != "" {
		f.skip = read.Disabled
		return nil
	}
	if read.Data != nil {
		f.data = read.Data
	}
	return problems
}

func notes(list []convert.Note) []Problem {
	var problems []Problem
	for _, n := range list {
		p := Problem{Line: n.Line, Severity: SeverityWarning, Rule: n.Rule, Message: n.Message, Hint: n.Hint}
		if n.Error {
			p.Severity = SeverityError
		}
		problems = append(problems, p)
	}
	return problems
}

// mismatch is the one line about a file that is made for another tool than its
// source says.
func (f *file) mismatch(made string) Problem {
	what := map[kind]string{agent: "an agent", command: "a command"}[f.kind]
	return Problem{
		Rule: ruleFormat, Message: fmt.Sprintf("is %s made for %s, the source's format is %s", what, convert.Title(made), f.source.Format),
		Hint: fmt.Sprintf("set the source's format to %s, or to auto", made),
	}
}

func hasError(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity != SeverityWarning })
}

// unread is the problem of a file in a folder of agents or commands that its
// tool would not read.
func (f *file) unread(fm mapping, problems []Problem) *Problem {
	rule := path.Ext(f.path) != markdown
	switch {
	case fm.Node != nil || len(problems) > 0 || rule:
		return nil
	case isDocument(f.path):
		f.skip = unpacked
		return &Problem{
			Severity: SeverityWarning, Rule: ruleUnpacked, Message: "is documentation without front matter and is not packed", Hint: unpackedIgnored,
		}
	case f.kind == agent && bytes.HasPrefix(f.data, []byte("---")):
		return &Problem{Line: 1, Rule: ruleFrontMatter, Message: `must end its front matter with a line "---"`, Hint: "add it"}
	case f.kind == agent:
		f.skip = unpacked
		return &Problem{
			Severity: SeverityWarning, Rule: ruleUnpacked, Message: "has no front matter, is no agent and is not packed",
			Hint: "add front matter with name and description, or " + unpackedIgnored,
		}
	}
	return nil
}

// kindOf tells by its keys what a file is that is in no folder of agents or
// commands; empty for something else, such as a page of documentation.
func kindOf(fm mapping) kind {
	if fm.Node == nil {
		return ""
	}
	has := func(key string) bool { n := fm.get(key); return n != nil && n.Kind == yaml.ScalarNode }
	if has("name") && has("description") {
		return agent
	}
	if made, sure := convert.Detect("", agent, fm.Node); sure && made == convert.OpenCode && has("mode") {
		return agent
	}
	for i := 0; i < len(fm.Content); i += 2 {
		if !slices.Contains([]string{"description", "model", "argument-hint", "allowed-tools", "agent", "subtask"}, fm.Content[i].Value) {
			return ""
		}
	}
	if len(fm.Content) > 0 {
		return command
	}
	return ""
}
