package mcpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/systemdir"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// Access decides which files an agent may touch: those in its allowed
// directories and below, where the file system says they are and not where a
// path looks to be.
type Access struct {
	// Workspace is a directory on this host. Relative paths are taken from it
	// and symbolic links are followed. Without one the files are on another
	// host: paths are compared as they are written, and a relative path is in a
	// relative directory only.
	Workspace string
}

// Decision is the answer of [Access.Check].
type Decision struct {
	Allowed            bool     `json:"allowed"`
	Agent              string   `json:"agent"`
	Path               string   `json:"path"               jsonschema:"the path that was checked, links followed where they could be"`
	AllowedDirectories []string `json:"allowedDirectories"`
	Reason             string   `json:"reason"`
}

// Check decides about one file. What cannot be resolved is not allowed.
func (x Access) Check(agent *catalog.Agent, file string) Decision {
	d := Decision{Agent: agent.Name, Path: file, AllowedDirectories: agent.AllowedDirectories}
	if err := checkPath(file); err != nil {
		d.Reason = err.Error()
		return d
	}
	resolved, err := x.resolve(file)
	if err != nil {
		d.Reason = fmt.Sprintf("the path cannot be resolved: %v", err)
		return d
	}
	d.Path = resolved
	d.Reason = "in none of the agent's allowed directories"
	for _, directory := range agent.AllowedDirectories {
		if checkPath(directory) != nil {
			continue
		}
		resolvedDirectory, err := x.resolve(directory)
		switch {
		case err != nil || !within(resolved, resolvedDirectory):
		case systemdir.Is(resolvedDirectory):
			d.Reason = fmt.Sprintf("%q is a directory of the system, which no agent may have", directory)
		default:
			d.Allowed, d.Reason = true, fmt.Sprintf("in the allowed directory %q", directory)
			return d
		}
	}
	return d
}

func checkPath(file string) error {
	switch {
	case file == "":
		return errors.New("the path must not be empty")
	case strings.ContainsAny(file, "\\\x00"):
		return fmt.Errorf("the path must have forward slashes and no NUL, got %q", file)
	case slices.Contains(strings.Split(file, "/"), ".."):
		return fmt.Errorf(`the path must not have ".." in it, got %q`, file)
	}
	return nil
}

// resolve returns where a path leads. The last parts of it need not exist; a
// link that leads nowhere is an error, since a file written there is elsewhere.
func (x Access) resolve(file string) (string, error) {
	if x.Workspace == "" {
		return path.Clean(file), nil
	}
	if !path.IsAbs(file) {
		file = path.Join(filepath.ToSlash(x.Workspace), file)
	}
	existing, rest := path.Clean(file), ""
	for {
		_, err := os.Lstat(existing)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || existing == path.Dir(existing) {
			return "", err
		}
		existing, rest = path.Dir(existing), path.Join(path.Base(existing), rest)
	}
	real, err := filepath.EvalSymlinks(existing)
	if err != nil {
		return "", err
	}
	return path.Join(filepath.ToSlash(real), rest), nil
}

// within reports whether a clean path is directory or below it.
func within(file, directory string) bool {
	if directory == "." {
		return !path.IsAbs(file)
	}
	return file == directory || strings.HasPrefix(file, strings.TrimSuffix(directory, "/")+"/")
}
