package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"name": "demo", "version": "1.2.3"}`), 0o600))
	tests := map[string]struct {
		args     []string
		code     int
		out, err string
	}{
		"help":                   {[]string{"--help"}, 0, "npmrelease check --path ../codeflow", ""},
		"no such command":        {[]string{"unpublish"}, exitUsage, "", `unknown command "unpublish"`},
		"no such flag":           {[]string{"check", "--no-provenance"}, exitUsage, "", "unknown flag"},
		"deprecate no version":   {[]string{"deprecate", "--path", dir}, exitUsage, "", `required flag(s) "version" not set`},
		"a failure has a report": {[]string{"check", "--path", dir, "--registry", "http://127.0.0.1:1/", "--version", "1.2.4"}, exitFailure, "new version  not run", "npmrelease: package: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, progress bytes.Buffer
			assert.Equal(t, tt.code, run(t.Context(), tt.args, &out, &progress))
			assert.Contains(t, out.String(), tt.out)
			assert.Contains(t, progress.String(), tt.err)
		})
	}
}
