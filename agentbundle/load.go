package agentbundle

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// maxName is the longest name, in bytes.
const maxName = 64

const (
	ruleExclude = "exclude"
	ruleScope   = "scope"
	ruleBundle  = "bundle-size"
)

// file is one source file.
type file struct {
	kind   kind   // empty until the front matter is read, where only that tells
	source Source // that it comes from
	path   string // relative to source, slash-separated
	format string // what it is made for, never auto once it is read
	data   []byte // as it is packed
	size   int    // of the source, in bytes
	fm     mapping
	name   string // of the agent or command; empty when it cannot be told
	strict bool   // it must be complete by UATS
	skip   string // why it is not packed
}

// String returns the file as it can be opened.
func (f *file) String() string { return filepath.Join(f.source.Path, filepath.FromSlash(f.path)) }

// loader collects files and problems over all sources.
type loader struct {
	cfg      Config
	manifest manifest.Manifest // without the files
	files    []*file
	size     int                       // of all files, in bytes
	winners  map[kind]map[string]*file // by name
	report   Report
}

// read reads and checks the sources that cfg names.
func read(cfg Config) (*loader, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &loader{
		cfg:     cfg,
		winners: map[kind]map[string]*file{agent: {}, command: {}},
		report: Report{
			Problems: []Problem{}, Overridden: []Override{}, Excluded: []manifest.Exclusion{}, Skipped: []Skipped{}, Formats: []FormatCount{},
		},
	}
	if _, err := os.Stat(cfg.Package.Path); err != nil {
		return nil, fmt.Errorf("reading the agents' package: %w: install it with `npm ci --ignore-scripts --prefix agents`", err)
	}
	for i, s := range cfg.sources() {
		src, err := readPackageJSON(s.Path)
		if err != nil {
			return nil, err
		}
		switch {
		case i == 0:
			l.manifest.Source = src
		case src.Name != "":
			l.manifest.Overlays = append(l.manifest.Overlays, src)
		}
		l.readSource(s, src.Name == "")
	}
	l.checkSpelling()
	l.checkFollowups()

	slices.SortFunc(l.report.Problems, Problem.compare)
	slices.SortFunc(l.report.Excluded, func(a, b manifest.Exclusion) int { return strings.Compare(a.Path, b.Path) })
	l.count()
	return l, nil
}

// add takes a problem of a file into the report.
func (l *loader) add(f *file, p Problem) {
	p.Path, p.Severity = f.String(), cmp.Or(p.Severity, SeverityError)
	l.report.Problems = append(l.report.Problems, p)
}

// readSource adds the files of one source directory, except for the excluded
// ones. A later source replaces files of earlier ones by name; within one
// source a name must be unique. Own says that it is a team's own and no package.
func (l *loader) readSource(s Source, own bool) {
	report := func(p Problem) { l.add(&file{source: s, path: p.Path}, p) }
	root, err := os.OpenRoot(s.Path)
	if err != nil {
		report(Problem{Rule: ruleRead, Message: err.Error(), Hint: "check the path"})
		return
	}
	defer root.Close()

	first := len(l.files)
	found, excluded := map[string]*file{}, map[string]bool{}
	skip := func(path, reason string) { l.report.skip(s.Path, path, reason) }
	var batch []*file
	visit := func(path string, p place) {
		f := &file{kind: p.kind, source: s, path: path, format: s.Format}
		if p.kind != "" {
			found[path] = f
		}
		if reason, ok := s.Exclude[path]; ok {
			excluded[path] = true
			l.exclude(f, reason)
			return
		}
		switch {
		case l.size > maxBundle:
		case p.skip != "":
			skip(path, p.skip)
		case p.problem != nil:
			l.add(f, *p.problem)
		default:
			if batch = append(batch, f); len(batch) == batchSize {
				l.readFiles(root, batch, skip)
				batch = batch[:0]
			}
		}
	}
	folders := s.walk(root, readIgnore(root, report), own, visitor{visit, skip, report})
	l.readFiles(root, batch, skip)

	for path := range s.Exclude {
		if !excluded[path] {
			report(Problem{
				Path: path, Rule: ruleExclude,
				Message: fmt.Sprintf("must name a file of the source, %q is none", path), Hint: "remove the entry",
			})
		}
	}
	if len(l.files) == first && len(found) == 0 && !folders {
		report(Problem{Path: ".", Rule: ruleEmpty, Message: "must hold agents or commands, has none", Hint: "check the path"})
	}
	l.scope(l.files[first:], skip)
	l.choose(s.Path)
	l.checkRegistry(root, s.Path, found)
}

// batchSize is how many files are read before those that are too many are
// noticed: they are in memory.
const batchSize = 64

// readFiles reads and checks some files, as many at once as there are processors,
// and keeps those that are not to be skipped.
func (l *loader) readFiles(root *os.Root, files []*file, skip func(path, reason string)) {
	problems := make([][]Problem, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		group.Go(func() error {
			problems[i] = f.read(root)
			return nil
		})
	}
	_ = group.Wait() // none fails
	for i, f := range files {
		switch {
		case l.size > maxBundle:
			return
		case f.skip != "":
			skip(f.path, f.skip)
		case f.data != nil:
			if l.size += f.size; l.size > maxBundle {
				problems[i] = []Problem{{Rule: ruleBundle, Message: fmt.Sprintf("must fit into a bundle of %d bytes", maxBundle), Hint: "split the bundle"}}
			} else {
				l.files = append(l.files, f)
			}
		}
		for _, p := range problems[i] {
			l.add(f, p)
		}
	}
}

// read reads and checks the file. Its data stays nil when it cannot be read.
func (f *file) read(root *os.Root) []Problem {
	data, problem := readFile(root, f.path)
	switch {
	case problem != nil && f.kind == "":
		f.skip = outside
		return nil
	case problem != nil:
		return []Problem{*problem}
	}
	f.data, f.size = data, len(data)
	return f.check()
}

func (l *loader) exclude(f *file, reason string) {
	if strings.TrimSpace(reason) == "" {
		l.add(f, Problem{Rule: ruleExclude, Message: "must have a reason, got none", Hint: "say why the file is left out"})
		return
	}
	l.report.Excluded = append(l.report.Excluded, manifest.Exclusion{Path: f.path, Reason: reason})
}

// choose gives every name of a source its file. Of two, the one that is called
// so keeps the name.
func (l *loader) choose(source string) {
	for _, own := range []bool{true, false} {
		for _, f := range l.files {
			if f.source.Path != source || f.name == "" || f.ownName() != own {
				continue
			}
			switch first := l.winners[f.kind][f.name]; {
			case first == nil:
			case first.source.Path == source:
				l.add(f, Problem{
					Line: f.fm.line("name"), Rule: ruleDuplicate,
					Message: fmt.Sprintf("%s name %q is taken by %s", f.kind, f.name, first.path), Hint: "rename or exclude one of them",
				})
				continue
			default:
				l.report.Overridden = append(l.report.Overridden, Override{
					Kind: string(f.kind), Name: f.name, Path: f.String(), Replaces: first.String(),
				})
			}
			l.winners[f.kind][f.name] = f
		}
	}
}

// scope tells apart what a source of another tool calls alike, as Claude Code
// does with the agents of its plugins: the folder comes before the name. What is
// the same in every byte is packed once.
func (l *loader) scope(files []*file, skip func(path, reason string)) {
	byName := map[string][]*file{}
	for _, f := range files {
		if f.name != "" && f.source.Format != convert.UATS {
			key := string(f.kind) + " " + strings.ToLower(f.name)
			byName[key] = append(byName[key], f)
		}
	}
	for _, same := range byName {
		if len(same) < 2 {
			continue
		}
		same = l.dropCopies(same, skip)
		different := same[:0:0]
		for _, f := range same {
			i := slices.IndexFunc(different, func(g *file) bool { return bytes.Equal(f.data, g.data) })
			if i < 0 {
				different = append(different, f)
				continue
			}
			skip(f.path, "the same as "+different[i].path)
			l.files = slices.DeleteFunc(l.files, func(g *file) bool { return g == f })
		}
		if len(different) < 2 {
			continue
		}
		for _, f := range different {
			if f.strict {
				continue // it is packed byte for byte
			}
			name := f.scoped(different)
			if name == "" || !f.rename(name) {
				continue // choose tells that it is taken
			}
			l.add(f, Problem{
				Severity: SeverityWarning, Rule: ruleScope,
				Message: fmt.Sprintf("is called %q, since %d files of the source have its name", name, len(different)), Hint: "rename all but one",
			})
		}
	}
}

// dropCopies leaves out what a source has for several tools, as packages do that
// bring .claude/agents and .opencode/agent with agents of their own: of one name,
// files outside of the tools' folders go before those in them, and then the first
// of [convert.Tools].
func (l *loader) dropCopies(same []*file, skip func(path, reason string)) []*file {
	rank := func(f *file) int {
		dirs := strings.Split(path.Dir(f.path), "/")
		if !slices.ContainsFunc(toolFolders, func(folder string) bool { return slices.Contains(dirs, folder) }) {
			return -1
		}
		return slices.Index(convert.Tools(), f.format)
	}
	first := slices.MinFunc(same, func(f, g *file) int { return cmp.Compare(rank(f), rank(g)) })
	return slices.DeleteFunc(same, func(f *file) bool {
		if rank(f) == rank(first) {
			return false
		}
		skip(f.path, "for another tool the same as what is packed")
		l.files = slices.DeleteFunc(l.files, func(g *file) bool { return g == f })
		return true
	})
}

// scoped is the name of a file with the first of its folders, from the inside,
// that none of the others is in; empty when there is none.
func (f *file) scoped(others []*file) string {
	dirs := strings.Split(path.Dir(f.path), "/")
	for _, dir := range slices.Backward(dirs) {
		alone := !slices.ContainsFunc(others, func(g *file) bool {
			return g != f && slices.Contains(strings.Split(path.Dir(g.path), "/"), dir)
		})
		if slug := convert.Slug(strings.TrimPrefix(dir, ".")); alone && slug != "" {
			room := max(0, min(len(slug), maxName-1-len(f.name)))
			return convert.Slug(slug[:room] + "-" + f.name)
		}
	}
	return ""
}

// rename changes the name in the front matter of what is packed.
func (f *file) rename(name string) bool {
	fm, _ := parseFrontMatter(f.data)
	n := fm.get("name")
	if n == nil {
		return false
	}
	at := offset(f.data, n)
	if at < 0 {
		return false
	}
	f.data = slices.Concat(f.data[:at], []byte(name), f.data[at+len(n.Value):])
	f.name = name
	return true
}

// count counts what was read and what is packed, by format.
func (l *loader) count() {
	counts := map[string]*FormatCount{}
	broken := map[string]bool{}
	for _, p := range l.report.Problems {
		if p.Severity == SeverityError {
			broken[p.Path] = true
		}
	}
	for _, f := range l.files {
		c := counts[f.format]
		if c == nil {
			c = &FormatCount{Format: f.format}
			counts[f.format] = c
		}
		c.Read++
		switch {
		case broken[f.String()]:
			c.Refused++
		case l.winners[f.kind][f.name] == f:
			c.Packed++
		default:
			c.Overridden++
		}
		if f.kind == agent {
			l.report.Agents++
		} else {
			l.report.Commands++
		}
	}
	for _, format := range slices.Sorted(maps.Keys(counts)) {
		l.report.Formats = append(l.report.Formats, *counts[format])
	}
	slices.SortFunc(l.report.Skipped, func(a, b Skipped) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Reason, b.Reason))
	})
	for _, s := range l.report.Skipped {
		slices.Sort(s.Paths)
	}
}
