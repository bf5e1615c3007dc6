package convert

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// Kind is what a file is in a bundle.
type Kind string

// A skill is a command: Claude Code has one mechanism for both. A rule of
// Cursor is an agent: a model finds it by its description.
const (
	Agent   Kind = "agent"
	Command Kind = "command"
)

const (
	ruleExt   = ".mdc"
	oldRule   = ".cursorrules" // of a whole project
	skillFile = "SKILL.md"

	// formatKey says in a packed file which tool it was made for. A file
	// without it is UATS.
	formatKey = "format"

	// maxSummary is the length of a description that is taken from the text.
	maxSummary = 200
)

// File is a file made for a tool.
type File struct {
	Tool string
	Kind Kind
	// Path is slash-separated, relative to the source.
	Path string
	// Front is the mapping of the front matter, nil for none, and Body the text
	// below it, which starts at BodyLine.
	Front    *yaml.Node
	Body     []byte
	BodyLine int
}

// Note is what a reader of the file should know.
type Note struct {
	Line    int
	Error   bool // the tool itself could not use the file
	Rule    string
	Message string
	Hint    string
}

// Read is a file in the bundle's own form.
type Read struct {
	Name string
	// Data is front matter with at least name, description and format, and the
	// text.
	Data  []byte
	Notes []Note
	// Disabled says why the tool would not use the file; empty when it would.
	Disabled string
}

// shared are the keys that the server reads, of files of every tool.
var shared = []row{
	{"tags", "tags", wordList},
	{"category", "category", aText},
	{"allowed_directories", "allowed_directories", wordList},
	{"intended_followups", "intended_followups", wordList},
}

// reserved are keys of the bundle that no tool has: what a file says there is
// something else.
var reserved = []string{formatKey, "inputs", "outputs", "cache_strategy"}

// From reads a file that was made for a tool other than UATS. What its tool
// leaves open has the tool's defaults: an agent without a mode is a subagent
// (OpenCode: all), one without tools has all, one without a model has the
// session's, and a command or rule without a description has the first line of
// its text.
func From(f File) Read {
	r := reader{file: f, out: yaml.Node{Kind: yaml.MappingNode}}
	r.body = string(bytes.TrimSpace(f.Body))
	r.lead()
	rows := slices.Concat(rows(f.Tool, f.Kind, r.rule()), shared)
	for i := 0; f.Front != nil && i+1 < len(f.Front.Content); i += 2 {
		r.key(rows, f.Front.Content[i], f.Front.Content[i+1])
	}
	if r.rule() && r.get("always_apply") == nil {
		r.set("always_apply", boolean(path.Base(f.Path) == oldRule))
	}
	r.name()
	r.describe()
	r.references()
	if f.Kind == Command {
		r.arguments()
	}
	if r.body == "" {
		r.note(f.BodyLine, "body", "has no text", "write what the "+string(f.Kind)+" does")
	}
	if r.failed() {
		return r.Read
	}
	r.Data = fmt.Appendf(nil, "---\n%s\n---\n%s\n", write(&r.out, ""), r.body)
	return r.Read
}

// reader collects the keys of one file.
type reader struct {
	Read
	file File
	out  yaml.Node
	body string
	hint *yaml.Node // argument-hint
}

func (r *reader) rule() bool { return r.file.Tool == Cursor && isRule(r.file.Path) }

func isRule(file string) bool { return path.Ext(file) == ruleExt || path.Base(file) == oldRule }

func (r *reader) failed() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Error })
}

func (r *reader) note(line int, rule, message, hint string) {
	r.Notes = append(r.Notes, Note{Line: line, Rule: rule, Message: message, Hint: hint})
}

func (r *reader) refuse(line int, rule, message, hint string) {
	r.Notes = append(r.Notes, Note{Line: line, Error: true, Rule: rule, Message: message, Hint: hint})
}

// lead sets the keys that come first, and the defaults.
func (r *reader) lead() {
	for _, key := range []string{"name", "description", formatKey} {
		r.set(key, text(""))
	}
	r.set(formatKey, text(r.file.Tool))
	switch {
	case r.file.Kind != Agent || r.rule():
	case r.file.Tool == OpenCode:
		r.set("mode", text("all"))
	default:
		r.set("mode", text("subagent"))
	}
}

// key takes over one key.
func (r *reader) key(rows []row, key, value *yaml.Node) {
	row := find(rows, key.Value)
	switch {
	case r.special(key.Value, value), !given(value):
		return
	case row == nil && slices.Contains(reserved, key.Value):
		r.note(key.Line, "unknown-key", fmt.Sprintf("%s is no key of %s and is left out", key.Value, Title(r.file.Tool)), "remove it")
		return
	case row == nil:
		r.set(key.Value, value)
		return
	}
	if row.read != nil {
		read, problem := row.read(value)
		if problem != "" {
			r.refuse(value.Line, "value", fmt.Sprintf("%s must be %s, got %s", key.Value, problem, shown(value)), "correct it, or remove the key")
			return
		}
		value = read
	}
	switch {
	case value == nil:
	case row.base == argumentHint:
		r.hint = value
	case row.base == "tools" && r.get("tools") != nil:
		r.get("tools").Content = append(r.get("tools").Content, value.Content...)
	default:
		r.set(row.base, value)
	}
}

// special takes the keys that are no part of the front matter in the bundle.
func (r *reader) special(key string, value *yaml.Node) bool {
	on := value.Kind == yaml.ScalarNode && strings.EqualFold(value.Value, "true")
	switch {
	case key == "disable" && r.file.Tool == OpenCode, key == "disabled" && r.file.Tool == ClaudeCode:
		if on {
			r.Disabled = fmt.Sprintf("is disabled by %s: true", key)
		}
		return true
	case slices.Contains([]string{"prompt", "template"}, key) && r.file.Tool == OpenCode && value.Kind == yaml.ScalarNode:
		if r.body == "" {
			r.body = strings.TrimSpace(value.Value)
		} else if strings.TrimSpace(value.Value) != r.body {
			r.note(value.Line, "lost", key+" is not packed: the text below the front matter is", "remove one of them")
		}
		return true
	}
	return false
}

func (r *reader) get(key string) *yaml.Node { return frontmatter.Child(&r.out, key) }

// set sets a key, in its first place.
func (r *reader) set(key string, value *yaml.Node) {
	for i := 0; i < len(r.out.Content); i += 2 {
		if r.out.Content[i].Value == key {
			r.out.Content[i+1] = value
			return
		}
	}
	r.out.Content = append(r.out.Content, text(key), value)
}

var (
	// safeNameRE is the form that a name has in a bundle.
	safeNameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

	separatorsRE = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

// Slug returns a name in the form that it has in a bundle, or "" when it has
// letters that form does not know: they could look like others, or like nothing.
func Slug(name string) string {
	for _, r := range name {
		if r > 0x7f || r < ' ' {
			return ""
		}
	}
	slug := strings.Trim(separatorsRE.ReplaceAllString(strings.TrimSpace(name), "-"), "-_")
	if slug != name {
		slug = strings.ToLower(slug)
	}
	if !safeNameRE.MatchString(slug) {
		return ""
	}
	return slug
}

// BaseName is the name that a file has without front matter: its own, or that
// of its folder for a skill and for a project's rule.
func BaseName(file string) string {
	base := path.Base(file)
	if base == skillFile || base == oldRule {
		return path.Base(path.Dir(file))
	}
	return strings.TrimSuffix(base, path.Ext(base))
}

// name takes the name from where the tool does: an agent of Claude Code and
// Cursor and a skill say it, everything else is called as its file.
func (r *reader) name() {
	line, name := 1, BaseName(r.file.Path)
	said := frontmatter.Child(r.file.Front, "name")
	skill := path.Base(r.file.Path) == skillFile
	says := skill || r.file.Kind == Agent && !r.rule() && r.file.Tool != OpenCode
	switch {
	case says && given(said) && said.Kind == yaml.ScalarNode:
		line, name = said.Line, said.Value
	case says && !skill && r.file.Tool == ClaudeCode:
		r.refuse(1, "name", "must have a name, as every agent of Claude Code", "add name: "+cmp.Or(Slug(name), "<name>"))
		return
	case given(said) && said.Kind == yaml.ScalarNode && Slug(said.Value) != Slug(name):
		r.note(said.Line, "name", fmt.Sprintf("is called %q after its file, name %q is only shown", name, said.Value), "rename the file, or the name")
	}
	slug := Slug(name)
	switch {
	case slug == "":
		r.refuse(line, "name", "name "+NameProblem(name), "rename it")
	case slug != name:
		r.note(line, "name", fmt.Sprintf("%q is called %q in the bundle", name, slug), "rename it, to have one name everywhere")
	}
	r.Name = slug
	r.set("name", text(slug))
}

// describe makes sure of a description.
func (r *reader) describe() {
	n := r.get("description")
	if r.file.Tool == ClaudeCode && r.file.Kind == Agent {
		if !given(n) {
			r.refuse(1, "description", "must have a description, as every agent of Claude Code", "say when to use it")
			return
		}
		// Claude Code writes the line ends of a long one as \n, without quotes.
		if said := frontmatter.Child(r.file.Front, "description"); said.Style == 0 && strings.Contains(n.Value, `\n`) {
			r.set("description", text(strings.ReplaceAll(n.Value, `\n`, "\n")))
		}
		return
	}
	if given(n) {
		return
	}
	r.set("description", text(cmp.Or(summary(r.body), r.Name)))
}

// summary is the first line of a text without its Markdown.
func summary(body string) string {
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "#*_>-` "))
		if line == "" {
			continue
		}
		if runes := []rune(line); len(runes) > maxSummary {
			return strings.TrimSpace(string(runes[:maxSummary-1])) + "…"
		}
		return line
	}
	return ""
}
