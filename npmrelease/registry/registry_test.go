package registry_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
	"github.com/ferg-cod3s/codeflow-infrastructure/npmrelease/registry"
)

func TestStart(t *testing.T) {
	t.Parallel()
	r, err := registry.Start(t.Context(), ".", t.TempDir(), "@team/*", t.TempDir())
	if errors.Is(err, registry.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	assert.NotEmpty(t, r.Token)
	require.NoError(t, process.Get(t.Context(), r.URL+"-/ping"))
	r.Stop()
	assert.Error(t, process.Get(t.Context(), r.URL+"-/ping"), "it must be gone")
}

func TestStartNotInstalled(t *testing.T) {
	t.Parallel()
	_, err := registry.Start(t.Context(), t.TempDir(), t.TempDir(), "@team/*", t.TempDir())
	assert.ErrorIs(t, err, registry.ErrNotInstalled)
}

func TestMirror(t *testing.T) {
	t.Parallel()
	modules := t.TempDir()
	for name, text := range map[string]string{
		"a/package.json":                        `{"version": "2.0.0"}`,
		"a/lib/index.js":                        "two",
		"a/node_modules/@s/b/package.json":      `{"version": "1.0.0"}`,
		"@s/b/package.json":                     `{"version": "3.0.0", "dependencies": {"a": "^1.0.0"}}`,
		"@s/b/node_modules/a/package.json":      `{"version": "1.0.0"}`,
		"@s/b/node_modules/broken/package.json": `{`,
	} {
		file := filepath.Join(modules, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	server := httptest.NewServer(registry.Mirror(modules))
	t.Cleanup(server.Close)
	get := func(path string) (status int, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, body
	}
	var metadata struct {
		Versions map[string]struct {
			Dependencies map[string]string
			Dist         struct{ Tarball string }
		}
	}
	for _, path := range []string{"/@s/b", "/@s%2fb"} {
		_, body := get(path)
		require.NoError(t, json.Unmarshal(body, &metadata))
		assert.Len(t, metadata.Versions, 2)
		assert.Equal(t, map[string]string{"a": "^1.0.0"}, metadata.Versions["3.0.0"].Dependencies)
		assert.Equal(t, server.URL+"/@s/b/-/3.0.0.tgz", metadata.Versions["3.0.0"].Dist.Tarball)
	}
	for _, path := range []string{"/missing", "/broken", "/..%2fa", "/a/-/9.0.0.tgz"} {
		status, _ := get(path)
		assert.Equal(t, http.StatusNotFound, status, path)
	}
	_, body := get("/a/-/2.0.0.tgz")
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	files := map[string]string{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		data, err := io.ReadAll(archive)
		require.NoError(t, err)
		files[header.Name] = string(data)
	}
	assert.Equal(t, map[string]string{"package/package.json": `{"version": "2.0.0"}`, "package/lib/index.js": "two"}, files)
}
