package agentbundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	markdown = ".md"

	ruleEmpty = "empty-source"
)

// kind is what a source file becomes in the bundle.
type kind string

const (
	agent   kind = "agent"
	command kind = "command"
)

// sourceDirs are the folders of a source, with what they hold. Agents may be
// nested in categories, commands may not. The package has had several layouts.
var sourceDirs = []struct {
	path string
	kind kind
}{
	{"codeflow-agents", agent},
	{"base-agents", agent},
	{"agents", agent},
	{"agent", agent},
	{"command", command},
	{"commands", command},
}

// readPackageJSON returns the name and version of a source. A directory that
// is not a package has none.
func readPackageJSON(dir string) (manifest.Source, error) {
	var src manifest.Source
	path := filepath.Join(dir, "package.json")
	data, err := os.ReadFile(path)
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
		return src, fmt.Errorf("decoding %q: %w", path, err)
	}
	// Old packages have an object, and npm has texts for no license and for a file.
	if license, _ := pkg.License.(string); license != "UNLICENSED" && !strings.HasPrefix(license, "SEE ") {
		src.License = license
	}
	if src.Name == "" || src.Version == "" {
		return src, fmt.Errorf("decoding %q: name and version must be set, got %q and %q", path, src.Name, src.Version)
	}
	return src, nil
}

// walk calls visit for every Markdown file of a source that is not ignored,
// in lexical order. Symbolic links are not followed and never accepted: a
// link could bring any file of the machine into the image.
func walk(root *os.Root, ignored ignore, visit func(k kind, path string), report func(Problem)) {
	found := false
	for _, dir := range sourceDirs {
		// WalkDir follows its root, so that is looked at first.
		info, err := root.Lstat(dir.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found = true
		if err == nil && !info.IsDir() {
			report(Problem{Path: dir.path, Rule: ruleRegular, Message: fmt.Sprintf("must be a directory, got mode %s", info.Mode())})
			continue
		}
		_ = fs.WalkDir(root.FS(), dir.path, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				report(Problem{Path: path, Rule: ruleRead, Message: err.Error()})
				return fs.SkipDir
			case entry.IsDir() && (ignored.match(path, true) || dir.kind == command && path != dir.path):
				return fs.SkipDir
			case entry.IsDir() || entry.Type().IsRegular() && !strings.HasSuffix(path, markdown) || ignored.match(path, false):
				return nil
			}
			visit(dir.kind, path)
			return nil
		})
	}
	if !found {
		report(Problem{Path: ".", Rule: ruleEmpty, Message: "must hold agents or commands, has no such folder", Hint: "check the path"})
	}
}
