package agentbundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	markdown = ".md"

	ruleEmpty = "empty-source"
)

// readPackageJSON returns the name and version of a source. A directory that
// is not a package has none.
func readPackageJSON(dir string) (manifest.Source, error) {
	var src manifest.Source
	name := filepath.Join(dir, "package.json")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return src, nil
	}
	if err != nil {
		return src, fmt.Errorf("reading the source %q: %w", dir, err)
	}
	pkg := struct {
		*manifest.Source
		License any `json:"license"`
	}{Source: &src}
	if err := json.Unmarshal(data, &pkg); err != nil {
		return src, fmt.Errorf("decoding %q: %w", name, err)
	}
	// Old packages have an object, and npm has texts for no license and for a file.
	if license, _ := pkg.License.(string); license != "UNLICENSED" && !strings.HasPrefix(license, "SEE ") {
		src.License = license
	}
	if src.Name == "" || src.Version == "" {
		return manifest.Source{}, nil // it was never published
	}
	return src, nil
}

// visitor is told of everything below a source.
type visitor struct {
	visit  func(path string, p place)
	skip   func(path, reason string)
	report func(Problem)
}

// irregular is told of what is no regular file. Where a folder of agents or
// commands is expected, it must be one.
func (v visitor) irregular(root *os.Root, file string, folder bool, p place) {
	info, err := root.Lstat(file)
	switch {
	case err != nil:
		v.report(Problem{Path: file, Rule: ruleRead, Message: err.Error()})
	case folder:
		v.report(Problem{Path: file, Rule: ruleRegular, Message: fmt.Sprintf("must be a directory, got mode %s", info.Mode())})
	case p.kind == "" && p.problem == nil:
		v.skip(file, "no regular files")
	default:
		problem := *checkInfo(info)
		problem.Path = file
		v.report(problem)
	}
}

// walk visits every file of a source, in lexical order. Symbolic links are not
// followed and never accepted: a link could bring any file of the machine into
// the image.
//
// It returns whether any folder is one of agents or commands.
func (s Source) walk(root *os.Root, ignored ignore, own bool, v visitor) (found bool) {
	skills := map[string]string{} // by folder, the skill that it is in
	_ = fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		base, dir := path.Base(file), path.Dir(file)
		_, known := folders[file]
		switch {
		case err != nil:
			v.report(Problem{Path: file, Rule: ruleRead, Message: err.Error()})
			return fs.SkipDir
		case file == ".":
			return nil
		case entry.IsDir() && slices.Contains(foreignFolders, base):
			v.skip(file+"/", "no part of the source")
			return fs.SkipDir
		case ignored.match(file, entry.IsDir()):
			if entry.IsDir() {
				v.skip(file+"/", byIgnoreFile)
				return fs.SkipDir
			}
			v.skip(file, byIgnoreFile)
		case entry.IsDir():
			found = found || known || s.Format != convert.UATS && folders[strings.ToLower(base)] != ""
			skills[file] = skills[dir]
			if s.Format != convert.UATS && skills[dir] == "" {
				if info, err := root.Lstat(path.Join(file, skillFile)); err == nil && info.Mode().IsRegular() {
					skills[file] = file
				}
			}
		case file == ignoreFile || file == registryFile:
		case entry.Type().IsRegular() && !known:
			v.visit(file, s.place(file, skills[dir], own))
		default:
			v.irregular(root, file, known, s.place(file, skills[dir], own))
		}
		return nil
	})
	return found
}
