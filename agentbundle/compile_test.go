package agentbundle

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
	c, err := newCompiler(t.Context(), "..")
	require.NoError(t, err)
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
	assert.True(t, bytes.Contains(first, []byte("Europe/Berlin")), "the binary must hold the time zones")
	p, err := newProgram(first)
	require.NoError(t, err)
	assert.Contains(t, p.modules, module{"stdlib", strings.TrimPrefix(info.GoVersion, "go")})
	require.NotEmpty(t, info.Deps)
	for _, d := range info.Deps {
		assert.Contains(t, p.modules, module{d.Path, d.Version}, "for the SBOM")
	}

	t.Setenv("GOFLAGS", "-tags=surprise")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOEXPERIMENT", "nojsonv2")
	t.Setenv("CGO_ENABLED", "1")
	c, err = newCompiler(t.Context(), "..")
	require.NoError(t, err)
	second, err := c.compile(t.Context(), host)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(first, second), "settings of the user must not change the binary")
}

func TestCompileErrors(t *testing.T) {
	t.Run("module", func(t *testing.T) {
		_, err := newCompiler(t.Context(), t.TempDir())
		assert.ErrorContains(t, err, `config "module" must be a Go module`)
	})
	t.Run("toolchain", func(t *testing.T) {
		t.Setenv("GOPROXY", "off")
		c, err := newCompiler(t.Context(), writeModule(t, map[string]string{"go.mod": "module m\n\ngo 1.26.0\ntoolchain go1.99.9\n"}))
		require.NoError(t, err)
		_, err = c.compile(t.Context(), host)
		assert.ErrorContains(t, err, "go1.99.9", "the toolchain of go.mod decides, not the installed one")
	})
	t.Run("package", func(t *testing.T) {
		c, err := newCompiler(t.Context(), writeModule(t, map[string]string{"go.mod": "module m\n\ngo 1.26.0\n"}))
		require.NoError(t, err)
		_, err = c.compile(t.Context(), host)
		assert.ErrorContains(t, err, "compiling the server: go build: exit status 1")
		_, err = c.packages(t.Context(), host)
		assert.ErrorContains(t, err, "codeflow-server")
		_, err = c.key(host, []string{filepath.Join(c.module, "gone")})
		assert.ErrorContains(t, err, "reading the server's sources")
	})
	t.Run("no go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		c, err := newCompiler(t.Context(), "..")
		require.NoError(t, err)
		_, err = c.packages(t.Context(), host)
		assert.ErrorContains(t, err, "install Go from https://go.dev/dl and put it on PATH")
	})
	t.Run("no temporary directory", func(t *testing.T) {
		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
		c, err := newCompiler(t.Context(), "..")
		require.NoError(t, err)
		_, err = c.compile(t.Context(), host)
		assert.ErrorContains(t, err, "compiling the server")
	})
}

// server is a module with a server of two packages, one of which embeds a
// file, and two that the server does not need.
func server() map[string]string {
	return map[string]string{
		"go.mod":                      "module m\n\ngo 1.26.0\n",
		"cmd/codeflow-server/main.go": "package main\n\nimport \"m/lib\"\n\nfunc main() { println(lib.Text) }\n",
		"lib/lib.go":                  "package lib\n\nimport _ \"embed\"\n\n//go:embed data/text\nvar Text string\n",
		"lib/lib_test.go":             "package lib\n",
		"lib/data/text":               "hello",
		"other/other.go":              "package other\n\nvar Text = \"other\"\n",
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	key := func(t *testing.T, files map[string]string, link string, platform v1.Platform, version string) string {
		c, err := newCompiler(t.Context(), writeModule(t, files))
		require.NoError(t, err)
		if link != "" {
			require.NoError(t, os.Symlink("nowhere", filepath.Join(c.module, link)))
		}
		assert.True(t, strings.HasPrefix(c.version, "go1."), c.version)
		packages, err := c.packages(t.Context(), platform)
		require.NoError(t, err)
		c.version += version
		key, err := c.key(platform, packages)
		require.NoError(t, err)
		return key
	}
	want := key(t, server(), "", host, "")
	tests := map[string]struct {
		path, content string
		link          string
		platform      v1.Platform
		version       string
		same          bool
	}{
		"a lock":            {link: "lib/.#lib.go", same: true},
		"another folder":    {same: true},
		"a test":            {path: "lib/lib_test.go", content: "package lib // changed\n", same: true},
		"another package":   {path: "other/other.go", content: "package other // changed\n", same: true},
		"main":              {path: "cmd/codeflow-server/main.go", content: "package main\n\nfunc main() {}\n"},
		"a dependency":      {path: "lib/lib.go", content: "package lib\n\nconst Text = \"\"\n"},
		"a further package": {path: "lib/lib.go", content: "package lib\n\nimport _ \"m/other\"\n\nconst Text = \"\"\n"},
		"a further file":    {path: "lib/new.go", content: "package lib\n"},
		"an embedded file":  {path: "lib/data/text", content: "bye"},
		"go.mod":            {path: "go.mod", content: "module m\n\ngo 1.25.0\n"},
		"go.sum":            {path: "go.sum", content: "example.com/x v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"},
		"the toolchain":     {path: "go.mod", content: "module m\n\ngo 1.26.0\ntoolchain " + runtime.Version() + "\n"},
		"Go's own version":  {version: "-next"},
		"the platform":      {platform: v1.Platform{OS: "linux", Architecture: "arm64"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := server()
			if tt.path != "" {
				files[tt.path] = tt.content
			}
			if tt.platform.OS == "" {
				tt.platform = host
			}
			assert.Equal(t, tt.same, want == key(t, files, tt.link, tt.platform, tt.version))
		})
	}
}

// writeModule writes a module and returns its directory.
func writeModule(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644))
	}
	return dir
}
