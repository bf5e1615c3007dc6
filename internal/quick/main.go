// Command quick tests what a change touches, within a minute once it is compiled: the
// packages with files that are not as in BASE (default: the last commit), those that
// import them, and those that read what is no package's. Packages whose tests bring stacks
// up take minutes: they are only vetted, and named.
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
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// modules are the folders with a go.mod.
var modules = []string{".", "sandbox"}

// slow are the packages that bring stacks up on the engine, which takes minutes.
var slow = []string{"sandbox/cmd/sandbox", "sandbox/rehearsal", "sandbox/drill"}

// readers are the packages that read a file that is no package's, by how its path begins.
var readers = []struct {
	path     string
	packages []string
}{
	{".github/", []string{"internal/workflows", "internal/pins"}},
	{"Makefile", []string{"internal/workflows", "internal/pins"}},
	{"Pulumi.", []string{"stacks"}},
	{"agents/", []string{"agentbundle", "stacks"}},
	{"internal/postgres/npm/", []string{"internal/postgres", "internal/pins"}},
	{"peers/", []string{"internal/pins", "internal/conformance"}},
	{"go.", []string{".", "internal/pins", "internal/boundary"}},
	{"sandbox/go.", []string{"sandbox", "internal/pins"}},
	{"docs/config.md", []string{"stacks"}},
	{"docs/observability.md", []string{"sandbox/cmd/sandbox"}},
}

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
	if len(test)+len(left) == 0 {
		fmt.Println("nothing that changed has a test")
	}
	var failed error
	for _, module := range modules {
		if paths := test[module]; len(paths) > 0 {
			failed = errors.Join(failed, command(os.Stdout, "go", append([]string{"-C", module, "test"}, paths...)...))
		}
		if paths := left[module]; len(paths) > 0 {
			fmt.Println("not tested, since it takes minutes (make test does it):", strings.Join(paths, " "))
			failed = errors.Join(failed, command(os.Stdout, "go", append([]string{"-C", module, "vet"}, paths...)...))
		}
	}
	return failed
}

// changedFiles are those that git has otherwise, or not at all.
func changedFiles(base string) ([]string, error) {
	var files bytes.Buffer
	err := errors.Join(
		command(&files, "git", "diff", "-z", "--name-only", "--no-renames", base),
		command(&files, "git", "ls-files", "-z", "--others", "--exclude-standard"))
	return strings.FieldsFunc(files.String(), func(r rune) bool { return r == 0 }), err
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

// touched returns, by module, the import paths of the packages to test and of the slow
// ones. A file belongs to the package of the nearest folder above it.
func touched(packages []pkg, changed []string) (test, left map[string][]string) {
	test, left = map[string][]string{}, map[string][]string{}
	dirs, own := map[string]string{}, map[string]bool{}
	for _, p := range packages {
		dirs[p.Dir] = p.ImportPath
	}
	for _, file := range changed {
		for _, reader := range readers {
			if strings.HasPrefix(file, reader.path) {
				for _, dir := range reader.packages {
					own[dirs[dir]] = true
				}
			}
		}
		dir := path.Dir(file)
		for dir != "." && dirs[dir] == "" {
			dir = path.Dir(dir)
		}
		if dir != "." || path.Ext(file) == ".go" {
			own[dirs[dir]] = true
		}
	}
	for _, p := range packages {
		imports := slices.ContainsFunc(slices.Concat(p.Imports, p.TestImports, p.XTestImports), func(path string) bool { return own[path] })
		switch {
		case !own[p.ImportPath] && !imports:
		case slices.Contains(slow, p.Dir):
			left[p.module] = append(left[p.module], p.ImportPath)
		default:
			test[p.module] = append(test[p.module], p.ImportPath)
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
