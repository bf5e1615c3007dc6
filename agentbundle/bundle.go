package agentbundle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const ruleExclude = "exclude"

// Bundle is a checked set of agents and commands, held in memory.
type Bundle struct {
	// Manifest lists the bundle's files and identifies it. Read only.
	Manifest manifest.Manifest

	cfg   Config
	files map[string][]byte // by path in the bundle, without the manifest
}

// Load reads and checks the agents and commands that cfg names. Its error
// joins a [Problem] for everything that is wrong with any file; a file that
// cannot be fixed must be excluded with a reason.
func Load(cfg Config) (*Bundle, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	source, err := readPackageJSON(cfg.Package)
	if err != nil {
		return nil, err
	}

	l := &loader{
		files:    map[kind]map[string]file{agent: {}, command: {}},
		excluded: []manifest.Exclusion{}, // JSON shows a list, not null
	}
	l.read(cfg.Package, cfg.Exclude)
	for _, dir := range cfg.Overlays {
		l.read(dir, nil)
	}
	if err := join(l.problems); err != nil {
		return nil, err
	}
	return l.bundle(cfg, source), nil
}

// file is one checked source file.
type file struct {
	source string // the source directory it comes from
	path   string // relative to source
	data   []byte
}

// loader collects files and problems over all source directories.
type loader struct {
	files    map[kind]map[string]file // by name
	excluded []manifest.Exclusion
	problems []Problem
}

// read adds the files of one source directory, except the excluded ones.
func (l *loader) read(dir string, exclude map[string]string) {
	report := func(p Problem) {
		p.Path = filepath.Join(dir, filepath.FromSlash(p.Path))
		l.problems = append(l.problems, p)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		report(Problem{Rule: ruleRead, Message: err.Error(), Hint: "check the path"})
		return
	}
	defer root.Close()

	unmatched := maps.Clone(exclude)
	walk(root, func(k kind, path string) {
		if reason, ok := exclude[path]; ok {
			delete(unmatched, path)
			l.exclude(path, reason, report)
			return
		}
		data, problem := readFile(root, path)
		if problem != nil {
			problem.Path = path
			report(*problem)
			return
		}
		l.add(k, file{source: dir, path: path, data: data}, report)
	}, report)

	for path := range unmatched {
		report(Problem{Path: path, Rule: ruleExclude, Message: "must name an agent or command of the package, matches none", Hint: "remove the entry"})
	}
}

func (l *loader) exclude(path, reason string, report func(Problem)) {
	if strings.TrimSpace(reason) == "" {
		report(Problem{Path: path, Rule: ruleExclude, Message: "must have a reason, got none", Hint: "say why the file is left out"})
		return
	}
	l.excluded = append(l.excluded, manifest.Exclusion{Path: path, Reason: reason})
}

// add checks a file and takes it in. A later source replaces files of earlier
// ones by name; within one source a name must be unique.
func (l *loader) add(k kind, f file, report func(Problem)) {
	name, problems := check(k, f.path, f.data)
	if first, ok := l.files[k][name]; ok && first.source == f.source {
		problems = append(problems, Problem{
			Rule: ruleDuplicate, Message: fmt.Sprintf("%s name %q is taken by %s", k, name, first.path),
			Hint: "rename or exclude one of them",
		})
	}
	for _, p := range problems {
		p.Path = f.path
		report(p)
	}
	if name != "" {
		l.files[k][name] = f
	}
}

// bundle gives every file its place, <kind>s/<name>.md, and lists them.
func (l *loader) bundle(cfg Config, source manifest.Source) *Bundle {
	b := &Bundle{cfg: cfg, files: map[string][]byte{}}
	slices.SortFunc(l.excluded, func(a, b manifest.Exclusion) int { return strings.Compare(a.Path, b.Path) })
	entries := func(k kind) []manifest.Entry {
		list := []manifest.Entry{}
		for _, name := range slices.Sorted(maps.Keys(l.files[k])) {
			path := fmt.Sprintf("%ss/%s%s", k, name, markdown)
			data := l.files[k][name].data
			b.files[path] = data
			list = append(list, manifest.Entry{Name: name, Path: path, SHA256: manifest.Sum(data)})
		}
		return list
	}
	b.Manifest = manifest.Manifest{
		SchemaVersion: manifest.SchemaVersion,
		Source:        source,
		Agents:        entries(agent),
		Commands:      entries(command),
		Excluded:      l.excluded,
	}
	b.Manifest.BundleDigest = b.Manifest.Digest()
	return b
}
