package agentbundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

const (
	markdown = ".md"

	// maxFile bounds one agent or command; the largest real one has 25 KiB.
	maxFile = 1 << 20
)

const (
	ruleRead    = "read"
	ruleSymlink = "symlink"
	ruleRegular = "regular-file"
	ruleSize    = "size"
	ruleUTF8    = "utf-8"
	ruleEmpty   = "empty-source"
)

// kind is what a source file becomes in the bundle.
type kind string

const (
	agent   kind = "agent"
	command kind = "command"
)

// sourceDirs are the folders of a source, with what they hold. Agents may be
// nested in categories, commands may not.
var sourceDirs = []struct {
	path string
	kind kind
}{
	{"codeflow-agents", agent},
	{"agents", agent},
	{"command", command},
	{"commands", command},
}

// readPackageJSON returns the name and version of the installed package.
func readPackageJSON(dir string) (manifest.Source, error) {
	var src manifest.Source
	path := filepath.Join(dir, "package.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return src, fmt.Errorf("reading the agents' package %q: %w: install it with `npm ci --ignore-scripts --prefix agents`", dir, err)
	}
	if err != nil {
		return src, fmt.Errorf("reading the agents' package %q: %w", dir, err)
	}
	if err := json.Unmarshal(data, &src); err != nil {
		return src, fmt.Errorf("decoding %q: %w", path, err)
	}
	if src.Name == "" || src.Version == "" {
		return src, fmt.Errorf("decoding %q: name and version must be set, got %q and %q", path, src.Name, src.Version)
	}
	return src, nil
}

// walk calls visit for every Markdown file of a source directory, in lexical
// order. Symbolic links are not followed and never accepted: a link could
// bring any file of the machine into the image.
func walk(root *os.Root, visit func(k kind, path string), report func(Problem)) {
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
			case entry.IsDir() && dir.kind == command && path != dir.path:
				return fs.SkipDir
			case entry.IsDir() || entry.Type().IsRegular() && !strings.HasSuffix(path, markdown):
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

// readFile returns the content of a regular text file of bounded size. The
// problem, if any, has no path yet.
func readFile(root *os.Root, path string) ([]byte, *Problem) {
	info, err := root.Lstat(path)
	switch {
	case err != nil:
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	case info.Mode().Type() == fs.ModeSymlink:
		return nil, &Problem{Rule: ruleSymlink, Message: "must not be a symbolic link", Hint: "copy the file"}
	case !info.Mode().IsRegular():
		return nil, &Problem{Rule: ruleRegular, Message: fmt.Sprintf("must be a regular file, got mode %s", info.Mode())}
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, &Problem{Rule: ruleRead, Message: err.Error()}
	case len(data) > maxFile:
		return nil, &Problem{Rule: ruleSize, Message: fmt.Sprintf("must have at most %d bytes, got %d", maxFile, info.Size()), Hint: "shorten the file"}
	case !utf8.Valid(data):
		return nil, &Problem{Rule: ruleUTF8, Message: "must be UTF-8 text", Hint: "convert the file"}
	}
	return data, nil
}
