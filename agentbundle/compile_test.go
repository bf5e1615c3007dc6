package agentbundle

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var host = v1.Platform{OS: "linux", Architecture: "amd64"}

func TestCompileServer(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the server, which takes half a minute with an empty build cache")
	}
	c := compiler{module: ".."}
	first, err := c.compile(t.Context(), host)
	require.NoError(t, err)

	file, err := elf.NewFile(bytes.NewReader(first))
	require.NoError(t, err)
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	assert.Empty(t, libraries, "the binary must be static")
	info, err := buildinfo.Read(bytes.NewReader(first))
	require.NoError(t, err)
	assert.Equal(t, "github.com/ferg-cod3s/codeflow-infrastructure/cmd/codeflow-server", info.Path)
	for _, s := range info.Settings {
		assert.NotContains(t, s.Key, "vcs", "the revision must not change the binary")
	}

	t.Setenv("GOFLAGS", "-tags=surprise")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOEXPERIMENT", "nojsonv2")
	t.Setenv("CGO_ENABLED", "1")
	second, err := c.compile(t.Context(), host)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(first, second), "settings of the user must not change the binary")
}

func TestCompileErrors(t *testing.T) {
	t.Run("module", func(t *testing.T) {
		_, err := compiler{module: t.TempDir()}.compile(t.Context(), host)
		assert.ErrorContains(t, err, `config "module" must be a Go module`)
	})
	t.Run("toolchain", func(t *testing.T) {
		t.Setenv("GOPROXY", "off")
		_, err := compiler{module: module(t, "toolchain go1.99.9")}.compile(t.Context(), host)
		assert.ErrorContains(t, err, "go1.99.9", "the toolchain of go.mod decides, not the installed one")
	})
	t.Run("package", func(t *testing.T) {
		_, err := compiler{module: module(t, "")}.compile(t.Context(), host)
		assert.ErrorContains(t, err, "compiling the server: go build: exit status 1")
		assert.ErrorContains(t, err, "codeflow-server")
	})
	t.Run("no go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := compiler{module: ".."}.compile(t.Context(), host)
		assert.ErrorContains(t, err, "install Go from https://go.dev/dl and put it on PATH")
	})
	t.Run("no temporary directory", func(t *testing.T) {
		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
		_, err := compiler{module: ".."}.compile(t.Context(), host)
		assert.ErrorContains(t, err, "compiling the server")
	})
}

// module writes a module without packages and returns its directory.
func module(t *testing.T, extra string) string {
	t.Helper()
	dir := t.TempDir()
	gomod := "module example.com/m\n\ngo 1.26.0\n" + extra + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o644))
	return dir
}
