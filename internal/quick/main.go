// Command quick tests what a change touches, within a minute once it is compiled: the
// packages with files that are not as in BASE (default: the last commit), and those that
// import them. It leaves to make test what takes minutes, and says so.
//
//	go run ./internal/quick [BASE]
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modules are the folders with a go.mod.
var modules = []string{".", "sandbox"}

// slow are the packages that bring stacks up on the engine, which takes minutes.
var slow = []string{"sandbox/cmd/sandbox", "sandbox/rehearsal", "sandbox/drill"}

func main() {
	base := "HEAD"
	if len(os.Args) > 1 {
		base = os.Args[1]
	}
	if err := run(base); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(base string) error {
	changed, err := changedFiles(base)
	if err != nil {
		return err
	}
	var packages []pkg
	for _, module := range modules {
		if packages, err = list(packages, module); err != nil {
			return err
		}
	}
	test, left := touched(packages, changed)
	if len(left) > 0 {
		fmt.Println("left to make test:", strings.Join(left, " "))
	}
	var failed error
	for _, module := range modules {
		if paths := test[module]; len(paths) > 0 {
			failed = errors.Join(failed, command(os.Stdout, "go", append([]string{"-C", module, "test"}, paths...)...))
		}
	}
	return failed
}

// changedFiles are those that git has otherwise, or not at all.
func changedFiles(base string) ([]string, error) {
	var files bytes.Buffer
	err := errors.Join(
		command(&files, "git", "diff", "--name-only", "--no-renames", base),
		command(&files, "git", "ls-files", "--others", "--exclude-standard"))
	return strings.Fields(files.String()), err
}

// pkg is a package as go list prints it, with its folder from the project's.
type pkg struct {
	module, ImportPath, Dir            string
	Imports, TestImports, XTestImports []string
}

func list(packages []pkg, module string) ([]pkg, error) {
	var out bytes.Buffer
	if err := command(&out, "go", "-C", module, "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports", "./..."); err != nil {
		return nil, err
	}
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(&out); ; {
		p := pkg{module: module}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		if p.Dir, err = filepath.Rel(root, p.Dir); err != nil {
			return nil, err
		}
		p.Dir = filepath.ToSlash(p.Dir)
		packages = append(packages, p)
	}
}

// touched returns, by module, the import paths of the packages with a changed file, and
// of those that import them; left are the slow ones among the latter. A file belongs to
// the package of the nearest folder above it.
func touched(packages []pkg, changed []string) (test map[string][]string, left []string) {
	test = map[string][]string{}
	dirs := map[string]string{}
	for _, p := range packages {
		dirs[p.Dir] = p.ImportPath
	}
	own := map[string]bool{}
	for _, file := range changed {
		for dir := filepath.ToSlash(filepath.Dir(file)); dir != "."; dir = filepath.ToSlash(filepath.Dir(dir)) {
			if path, ok := dirs[dir]; ok {
				own[path] = true
				break
			}
		}
	}
	for _, p := range packages {
		imports := slices.ContainsFunc(slices.Concat(p.Imports, p.TestImports, p.XTestImports), func(path string) bool { return own[path] })
		switch {
		case own[p.ImportPath], imports && !slices.Contains(slow, p.Dir):
			test[p.module] = append(test[p.module], p.ImportPath)
		case imports:
			left = append(left, p.Dir)
		}
	}
	return test, left
}

func command(out io.Writer, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
