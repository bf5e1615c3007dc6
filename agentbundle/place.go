package agentbundle

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

// kind is what a source file becomes in the bundle.
type kind = convert.Kind

const (
	agent   = convert.Agent
	command = convert.Command
)

const (
	ruleEnding   = "ending"
	ruleFolder   = "folder"
	ruleUnpacked = "not-packed"
)

// folders are those that hold agents and commands, by their names in lower
// case. In a source of format uats they are in its root, and agents may be
// nested in categories, commands may not; the package has had several layouts.
// Other tools look for them at any depth.
var folders = map[string]kind{
	"codeflow-agents": agent, "base-agents": agent, "agents": agent, "agent": agent, "subagents": agent, "rules": agent,
	"command": command, "commands": command, "skills": command, "skill": command, "base-skills": command,
}

// uatsFolders are the ones of format uats.
var uatsFolders = []string{"codeflow-agents", "base-agents", "agents", "agent", "command", "commands"}

// toolFolders are hidden and read all the same.
var toolFolders = []string{".claude", ".opencode", ".cursor"}

// foreignFolders hold what is no part of a source.
var foreignFolders = []string{".git", ".hg", ".svn", "node_modules"}

const (
	ruleExt         = ".mdc"
	oldRule         = ".cursorrules"
	skillFile       = "SKILL.md"
	noFrontMatter   = "texts without front matter outside of the folders of agents and commands"
	unpacked        = "no agent and no command"
	outside         = "outside of the folders of agents and commands"
	ofSkill         = "belong to a skill: its SKILL.md is served, files beside it are not"
	leftover        = "copies that an editor or a merge left"
	byIgnoreFile    = "named in " + ignoreFile
	unpackedIgnored = "name it in " + ignoreFile
)

// documents are files about a source, by their names in upper case.
var documents = []string{
	"README", "CHANGELOG", "CONTRIBUTING", "LICENSE", "LICENCE", "NOTICE", "SECURITY", "CODE_OF_CONDUCT", "CLAUDE", "AGENTS", "GEMINI",
	"TODO", "ROADMAP", "INDEX", "THIRD_PARTY_NOTICES",
}

func isDocument(file string) bool {
	base := strings.ToUpper(path.Base(file))
	base, _, _ = strings.Cut(base, ".")
	return slices.Contains(documents, strings.ReplaceAll(base, "-", "_"))
}

// place is what becomes of a file by its path alone.
type place struct {
	// kind is empty where the front matter decides.
	kind kind
	// skip is why the file is not looked at, problem is what is wrong with where it is.
	skip    string
	problem *Problem
}

// place returns the place of a regular file. Skill is the folder of the skill
// that it belongs to, and empty for none; own says that the source is a team's
// own and no package.
func (s Source) place(file, skill string, own bool) place {
	if s.Format == convert.UATS {
		return placeUATS(file, own)
	}
	dirs := strings.Split(path.Dir(file), "/")
	if slices.ContainsFunc(dirs, func(dir string) bool {
		return len(dir) > 1 && dir[0] == '.' && !slices.Contains(toolFolders, dir)
	}) {
		return place{skip: outside}
	}
	if skill != "" {
		if file == path.Join(skill, skillFile) {
			return place{kind: command}
		}
		return place{skip: ofSkill}
	}
	var k kind
	for _, dir := range slices.Backward(dirs) {
		if found, ok := folders[strings.ToLower(dir)]; ok {
			k = found
			if strings.HasPrefix(strings.ToLower(dir), "rule") {
				return s.placeRule(file)
			}
			break
		}
	}
	switch {
	case path.Ext(file) == ruleExt || path.Base(file) == oldRule:
		return s.placeRule(file)
	case k == "" && path.Ext(file) == markdown:
		return place{}
	case k == "":
		return place{skip: outside}
	case strings.EqualFold(path.Base(file), skillFile):
		return place{problem: spelled(file, skillFile)}
	}
	return ending(file, k)
}

// placeRule takes the two forms of Cursor's rules.
func (s Source) placeRule(file string) place {
	switch {
	case path.Ext(file) != ruleExt && path.Base(file) != oldRule:
		if path.Ext(file) == markdown {
			return place{} // a folder of another tool may have this name
		}
		return place{skip: outside}
	case s.Format != FormatAuto && s.Format != convert.Cursor:
		return place{problem: &Problem{
			Rule: ruleFormat, Message: fmt.Sprintf("is a rule of Cursor, the source's format is %s", s.Format), Hint: "set the source's format to auto, or " + unpackedIgnored,
		}}
	}
	return place{kind: agent}
}

// placeUATS knows folders in the root only.
func placeUATS(file string, own bool) place {
	top, rest, nested := strings.Cut(file, "/")
	switch {
	case !nested:
	case slices.Contains(uatsFolders, top):
		if folders[top] == command && strings.Contains(rest, "/") {
			return place{problem: &Problem{
				Rule: ruleFolder, Message: fmt.Sprintf("commands must be in %s/ itself, not in a folder of it", top), Hint: "move the file, or " + unpackedIgnored,
			}}
		}
		return ending(file, folders[top])
	case own && slices.Contains(uatsFolders, strings.ToLower(top)):
		return place{problem: spelled(file, strings.ToLower(top)+"/")}
	case own && path.Base(file) == skillFile:
		return place{problem: &Problem{
			Rule: ruleFormat, Message: "is a skill, the source's format is uats", Hint: "set the source's format to auto, or " + unpackedIgnored,
		}}
	}
	if own && strings.EqualFold(path.Ext(file), markdown) && !isDocument(file) && (!nested || !strings.HasPrefix(top, ".")) {
		return place{problem: &Problem{
			Severity: SeverityWarning, Rule: ruleUnpacked, Message: "is outside of agents/ and commands/ and is not packed", Hint: "move it, or " + unpackedIgnored,
		}}
	}
	return place{skip: outside}
}

func spelled(file, want string) *Problem {
	return &Problem{Rule: ruleFolder, Message: fmt.Sprintf("%s must be spelled %s", path.Dir(file), want), Hint: "rename it, or " + unpackedIgnored}
}

// ending takes the files of a folder of agents or commands that end in .md.
func ending(file string, k kind) place {
	ext := path.Ext(file)
	switch {
	case ext == markdown:
		return place{kind: k}
	case strings.EqualFold(ext, markdown), slices.Contains([]string{".markdown", ".mdx", ".mdown"}, strings.ToLower(ext)), strings.HasSuffix(strings.ToLower(file), ".md.txt"):
		return place{problem: &Problem{
			Rule: ruleEnding, Message: fmt.Sprintf("must end in %s to be packed, got %q", markdown, ext), Hint: "rename it, or " + unpackedIgnored,
		}}
	case strings.HasSuffix(file, "~"), slices.Contains([]string{".backup", ".bak", ".orig", ".rej", ".swp", ".gitkeep", ".DS_Store"}, ext):
		return place{skip: leftover}
	}
	return place{problem: &Problem{
		Severity: SeverityWarning, Rule: ruleUnpacked, Message: fmt.Sprintf("is no Markdown file and is not packed, got %q", ext), Hint: unpackedIgnored,
	}}
}
