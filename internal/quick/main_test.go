package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTouched(t *testing.T) {
	t.Parallel()
	packages := []pkg{
		{ImportPath: "m", Dir: "."},
		{ImportPath: "m/a", Dir: "a"},
		{ImportPath: "m/a/inner", Dir: "a/inner"},
		{ImportPath: "m/b", Dir: "b", Imports: []string{"m/a"}},
		{ImportPath: "m/c", Dir: "c", XTestImports: []string{"m/a"}},
		{ImportPath: "m/d", Dir: "d", Imports: []string{"m/b"}},
		{ImportPath: "m/internal/workflows", Dir: "internal/workflows"},
		{ImportPath: "m/drill", Dir: "sandbox/drill", Imports: []string{"m/a"}, module: "sandbox"},
		{ImportPath: "m/sandbox/x", Dir: "sandbox/x", Imports: []string{"m/b"}, module: "sandbox"},
	}
	of := []string{"m/a", "m/b", "m/c"}
	for name, c := range map[string]struct{ changed, test, sandbox, left []string }{
		"nothing":                 {},
		"no package's":            {changed: []string{"README.md", "docs/ops.md"}},
		"the program's":           {changed: []string{"main.go"}, test: []string{"m"}},
		"one that a test reads":   {changed: []string{".github/workflows/test.yml"}, test: []string{"m/internal/workflows"}},
		"a package's":             {changed: []string{"a/x.go"}, test: of, left: []string{"m/drill"}},
		"its test data":           {changed: []string{"a/testdata/deep/x y.json"}, test: of, left: []string{"m/drill"}},
		"the inner one's":         {changed: []string{"a/inner/x.go"}, test: []string{"m/a/inner"}},
		"a slow one's":            {changed: []string{"sandbox/drill/x.go"}, left: []string{"m/drill"}},
		"one of the other module": {changed: []string{"b/x.go"}, test: []string{"m/b", "m/d"}, sandbox: []string{"m/sandbox/x"}},
		"one that is gone":        {changed: []string{"gone/x.go"}, test: []string{"m"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, left := touched(packages, c.changed)
			assert.Equal(t, c.test, test[""])
			assert.Equal(t, c.sandbox, test["sandbox"])
			assert.Equal(t, c.left, left["sandbox"])
		})
	}
}
