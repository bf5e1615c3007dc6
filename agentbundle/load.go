package agentbundle

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	ruleExclude = "exclude"
	ruleBundle  = "bundle-size"
)

// file is one source file.
type file struct {
	kind   kind
	source string // the source directory it comes from
	path   string // relative to source, slash-separated
	data   []byte // as it is packed
	fm     mapping
	name   string // of the agent or command; empty when it cannot be told
}

// String returns the file as it can be opened.
func (f *file) String() string { return filepath.Join(f.source, filepath.FromSlash(f.path)) }

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
		report:  Report{Problems: []Problem{}, Overridden: []Override{}, Excluded: []manifest.Exclusion{}},
	}
	if _, err := os.Stat(cfg.Package); err != nil {
		return nil, fmt.Errorf("reading the agents' package: %w: install it with `npm ci --ignore-scripts --prefix agents`", err)
	}
	for i, dir := range append([]string{cfg.Package}, cfg.Overlays...) {
		src, err := readPackageJSON(dir)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			l.manifest.Source = src
			l.readSource(dir, cfg.Exclude)
			continue
		}
		if src.Name != "" {
			l.manifest.Overlays = append(l.manifest.Overlays, src)
		}
		l.readSource(dir, nil)
	}
	l.checkSpelling()
	l.checkFollowups()

	slices.SortFunc(l.report.Problems, Problem.compare)
	slices.SortFunc(l.report.Excluded, func(a, b manifest.Exclusion) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range l.files {
		if f.kind == agent {
			l.report.Agents++
		} else {
			l.report.Commands++
		}
	}
	return l, nil
}

// add takes a problem of a file into the report.
func (l *loader) add(f *file, p Problem) {
	p.Path, p.Severity = f.String(), cmp.Or(p.Severity, SeverityError)
	l.report.Problems = append(l.report.Problems, p)
}

// readSource adds the files of one source directory, except for the excluded
// ones. A later source replaces files of earlier ones by name; within one
// source a name must be unique.
func (l *loader) readSource(dir string, exclude map[string]string) {
	report := func(p Problem) { l.add(&file{source: dir, path: p.Path}, p) }
	root, err := os.OpenRoot(dir)
	if err != nil {
		report(Problem{Rule: ruleRead, Message: err.Error(), Hint: "check the path"})
		return
	}
	defer root.Close()

	found := map[string]*file{}
	walk(root, readIgnore(root, report), func(k kind, path string) {
		f := &file{kind: k, source: dir, path: path}
		found[path] = f
		if l.size > maxBundle {
			return
		}
		if reason, ok := exclude[path]; ok {
			l.exclude(f, reason)
			return
		}
		data, problem := readFile(root, path)
		if problem != nil {
			l.add(f, *problem)
			return
		}
		if l.size += len(data); l.size > maxBundle {
			l.add(f, Problem{Rule: ruleBundle, Message: fmt.Sprintf("must fit into a bundle of %d bytes", maxBundle), Hint: "split the bundle"})
			return
		}
		f.data = data
		for _, p := range f.check() {
			l.add(f, p)
		}
		l.files = append(l.files, f)
	}, report)

	for path := range exclude {
		if found[path] == nil {
			report(Problem{
				Path: path, Rule: ruleExclude,
				Message: fmt.Sprintf("must name an agent or command of the package, %q is none", path), Hint: "remove the entry",
			})
		}
	}
	l.choose(dir)
	l.checkRegistry(root, dir, found)
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
			if f.source != source || f.name == "" || f.ownName() != own {
				continue
			}
			switch first := l.winners[f.kind][f.name]; {
			case first == nil:
			case first.source == source:
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
