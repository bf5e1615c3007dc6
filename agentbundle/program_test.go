package agentbundle

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newPrograms(t *testing.T, files map[string]string) programs {
	t.Helper()
	c, err := newCompiler(t.Context(), writeModule(t, files))
	require.NoError(t, err)
	return programs{compiler: c, dir: filepath.Join(t.TempDir(), "cache")}
}

func TestProgramsKeepWhatTheyCompiled(t *testing.T) {
	t.Parallel()
	c := newPrograms(t, server())
	compiled, err := c.get(t.Context(), host)
	require.NoError(t, err)
	assert.Equal(t, "stdlib", compiled.modules[0].Path)

	packages, err := c.compiler.packages(t.Context(), host)
	require.NoError(t, err)
	key, err := c.compiler.key(host, packages)
	require.NoError(t, err)
	assert.Equal(t, compiled, c.load(key), "an entry gives what was compiled")

	other, err := newProgram([]byte("another program"))
	require.NoError(t, err)
	c.store(key, other)
	kept, err := c.get(t.Context(), host)
	require.NoError(t, err)
	assert.Equal(t, other, kept, "nothing is compiled while the sources stay")

	seen := map[v1.Hash]bool{compiled.layer.digest: true, other.layer.digest: true}
	for _, edit := range [][2]string{
		{"lib/data/text", "edited"},
		{"lib/lib.go", "package lib\n\nimport \"m/other\"\n\nvar Text = other.Text\n"},
		{"other/other.go", "package other\n\nvar Text = \"edited\"\n"},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(c.compiler.module, edit[0]), []byte(edit[1]), 0o600))
		p, err := c.get(t.Context(), host)
		require.NoError(t, err)
		assert.False(t, seen[p.layer.digest], "an edit of %s is noticed", edit[0])
		seen[p.layer.digest] = true
	}
}

func TestProgramsIgnoreDamagedEntries(t *testing.T) {
	t.Parallel()
	c := programs{dir: t.TempDir()}
	p, err := newProgram([]byte("program"))
	require.NoError(t, err)
	c.store("key", p)
	whole, err := os.ReadFile(filepath.Join(c.dir, "key"))
	require.NoError(t, err)
	require.NotNil(t, c.load("key"))
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 1
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, "key"), damaged, 0o600))
		assert.Nil(t, c.load("key"), "byte %d", i)
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, "key"), whole[:i], 0o600))
		assert.Nil(t, c.load("key"), "cut at %d", i)
	}
}

func TestProgramsShareADirectory(t *testing.T) {
	t.Parallel()
	c := newPrograms(t, server())
	old := filepath.Join(c.dir, "old")
	require.NoError(t, os.MkdirAll(c.dir, 0o700))
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	require.NoError(t, os.Chtimes(old, time.Time{}, time.Now().Add(-2*maxAge)))

	var wg sync.WaitGroup
	got := make([]*program, 4)
	errs := make([]error, len(got))
	for i := range got {
		wg.Go(func() { got[i], errs[i] = c.get(t.Context(), host) })
	}
	wg.Wait()
	for i := range got {
		require.NoError(t, errs[i])
		assert.Equal(t, got[0], got[i])
	}
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "one program, its packages, nothing unfinished and nothing old")
}

// TestProgramsWithoutCache uses the environment: it is not parallel.
func TestProgramsWithoutCache(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	assert.Empty(t, cacheDir())
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p, err := newProgram([]byte("program"))
	require.NoError(t, err)
	for _, dir := range []string{"", file} {
		c := programs{dir: dir}
		c.store("key", p)
		assert.Nil(t, c.load("key"))
	}
}
