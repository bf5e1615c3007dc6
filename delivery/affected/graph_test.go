package affected_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
)

const (
	root   = "../.."
	module = "github.com/ferg-cod3s/codeflow-infrastructure/"
)

// roots are the functions of package stacks that compose each kind of stack.
var roots = map[string]string{"platform": "platform", "color": "color", "dr": "recovery"}

// parse reads the Go files of a folder, without tests.
func parse(t *testing.T, set *token.FileSet, folder string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// uses are what the functions, variables and constants of package stacks name: each
// other, and the project's packages.
type uses struct {
	own      map[types.Object][]types.Object
	packages map[types.Object][]string
	scope    *types.Scope
}

// hollow imports packages with nothing in them: compiling the AWS SDK would take
// minutes, and what is asked is only which package of ours a name leads to.
type hollow struct{}

func (hollow) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

func read(t *testing.T) uses {
	t.Helper()
	files := token.NewFileSet()
	parsed := parse(t, files, "stacks")
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: hollow{}, Error: func(error) {}} // what is in other packages is missing
	pkg, _ := config.Check(module+"stacks", files, parsed, info)
	u := uses{map[types.Object][]types.Object{}, map[types.Object][]string{}, pkg.Scope()}
	for _, file := range parsed {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				u.note(info, pkg, info.Defs[decl.Name], decl)
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if values, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range values.Names {
							u.note(info, pkg, info.Defs[name], values)
						}
					}
				}
			}
		}
	}
	return u
}

// note adds what a declaration names.
func (u uses) note(info *types.Info, pkg *types.Package, declared types.Object, node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		name, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		switch object := info.Uses[name].(type) {
		case *types.PkgName:
			if folder, ok := strings.CutPrefix(object.Imported().Path(), module); ok {
				u.packages[declared] = append(u.packages[declared], folder)
			}
		case *types.Func, *types.Var, *types.Const:
			if object.Pkg() == pkg {
				u.own[declared] = append(u.own[declared], object)
			}
		}
		return true
	})
}

// reach adds the packages that an object leads to, with all that those import.
func (u uses) reach(t *testing.T, object types.Object, seen map[types.Object]bool, packages map[string]bool) {
	t.Helper()
	if seen[object] {
		return
	}
	seen[object] = true
	for _, folder := range u.packages[object] {
		closure(t, folder, packages)
	}
	for _, next := range u.own[object] {
		u.reach(t, next, seen, packages)
	}
}

func closure(t *testing.T, folder string, packages map[string]bool) {
	t.Helper()
	if packages[folder] {
		return
	}
	packages[folder] = true
	for _, file := range parse(t, token.NewFileSet(), folder) {
		for _, spec := range file.Imports {
			if imported, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module); ok {
				closure(t, imported, packages)
			}
		}
	}
}

// used is the packages that each stack is made of, by what the program says.
func used(t *testing.T) map[string]map[string]bool {
	t.Helper()
	u := read(t)
	stacks := map[string]map[string]bool{}
	for _, stack := range affected.All {
		var settings struct{ Config map[string]any }
		text, err := os.ReadFile(filepath.Join(root, "Pulumi."+stack+".yaml"))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &settings))
		kind, _ := settings.Config["codeflow:kind"].(string)
		root := u.scope.Lookup(roots[kind])
		require.NotNil(t, root, "kind %q of stack %q", kind, stack)
		packages := map[string]bool{}
		u.reach(t, root, map[types.Object]bool{}, packages)
		for _, folder := range u.packages[u.scope.Lookup("Program")] { // what it does for every kind
			closure(t, folder, packages)
		}
		if packages["agentbundle"] { // it compiles the server into the image
			closure(t, "cmd/codeflow-server", packages)
		}
		stacks[stack] = packages
	}
	return stacks
}

// No package is forgotten, and the rule of a component says no more than is so.
func TestRulesFollowTheImports(t *testing.T) {
	t.Parallel()
	stacks := map[string][]string{}
	for stack, packages := range used(t) {
		for folder := range packages {
			stacks[folder] = append(stacks[folder], stack)
		}
	}
	for folder, want := range stacks {
		got, _ := affected.Of(folder + "/x.go")
		if strings.HasPrefix(folder, "components/") {
			assert.ElementsMatch(t, want, got, folder)
		}
		assert.Subset(t, got, want, folder)
	}
	assert.Greater(t, len(stacks), 20, "the program has more packages")

	folders, err := os.ReadDir(filepath.Join(root, "components"))
	require.NoError(t, err)
	rules := map[string]bool{}
	for _, rule := range affected.Rules {
		rules[rule.Pattern] = true
	}
	for _, folder := range folders {
		if folder.IsDir() {
			name := "components/" + folder.Name()
			assert.Contains(t, slices.Collect(maps.Keys(rules)), name+"/", "every component has a rule")
			if stacks[name] == nil {
				got, _ := affected.Of(name + "/x.go")
				assert.Empty(t, got, name)
			}
		}
	}
}

// A rule of a folder or file that is gone is a rule too many.
func TestRulesAreOfThisProject(t *testing.T) {
	t.Parallel()
	for _, rule := range affected.Rules {
		if strings.HasPrefix(rule.Pattern, ".") || strings.Contains(rule.Pattern, "*") {
			continue
		}
		assert.True(t, exists(rule.Pattern), rule.Pattern)
	}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}
