// The license of each module, by the words of the file that its authors put
// there. It proves nothing about single files with another license.
package agentbundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

// licenseWords are in every copy of a license, in lower case and on one line.
var licenseWords = map[string]string{
	"Apache-2.0":   "apache license",
	"BSD-3-Clause": "redistribution and use in source and binary forms",
	"MIT":          "permission is hereby granted, free of charge",
	"MPL-2.0":      "mozilla public license",
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", serverPackage)
	list.Dir = ".."
	out, err := list.Output()
	require.NoError(t, err)
	modules := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			modules[path] = dir
		}
	}
	require.NotEmpty(t, modules)
	for path, dir := range modules {
		files, err := filepath.Glob(filepath.Join(dir, "LICENSE*"))
		require.NoError(t, err)
		require.NotEmpty(t, files, path)
		text, err := os.ReadFile(files[0])
		require.NoError(t, err)
		flat := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
		stated := " AND " + module{Path: path}.license() + " AND "
		for license, words := range licenseWords {
			assert.Equal(t, strings.Contains(flat, words), strings.Contains(stated, " AND "+license+" AND "),
				"%s has %s; the table says%s: mend licenses", path, license, strings.TrimSuffix(stated, " AND "))
		}
	}
	for _, row := range licenses {
		used := row.path == "stdlib"
		for path := range modules {
			used = used || strings.HasPrefix(path, row.path)
		}
		assert.True(t, used, "no module is %s: leave the row out", row.path)
	}
}

func TestExpression(t *testing.T) {
	t.Parallel()
	m := manifest.Manifest{
		Source:   manifest.Source{License: "MIT OR ISC"},
		Overlays: []manifest.Source{{}, {License: "MIT"}},
	}
	modules := []module{{Path: "stdlib"}, {Path: "gopkg.in/yaml.v3"}, {Path: "example.com/unknown"}}
	assert.Equal(t, "(MIT OR ISC) AND Apache-2.0 AND BSD-3-Clause AND MIT", expression(m, modules))
}

func TestSupplier(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"@scope/agents":         "Organization: scope",
		"agents":                "NOASSERTION",
		"stdlib":                "Organization: golang.org",
		"golang.org/x/net":      "Organization: golang.org",
		"github.com/jackc/pgx":  "Organization: jackc",
		"gopkg.in/yaml.v3":      "Organization: gopkg.in",
		"go.uber.org/multierr":  "Organization: go.uber.org",
		"example.com/m/v2/deep": "Organization: example.com",
	} {
		assert.Equal(t, want, supplier(name), name)
	}
}

func TestLicenseOfASource(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		`"MIT"`:                    "MIT",
		`{"type": "MIT"}`:          "", // as packages had it before npm 2
		`"UNLICENSED"`:             "",
		`"SEE LICENSE IN LICENSE"`: "",
		`null`:                     "",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"name": "a", "version": "1", "license": `+written+`}`), 0o600))
		source, err := readPackageJSON(dir)
		require.NoError(t, err, written)
		assert.Equal(t, manifest.Source{Name: "a", Version: "1", License: want}, source, written)
	}
}
