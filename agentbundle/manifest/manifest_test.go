package manifest_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func sample() *manifest.Manifest {
	m := &manifest.Manifest{
		SchemaVersion: manifest.SchemaVersion,
		Source:        manifest.Source{Name: "p", Version: "1.0.0"},
		Agents: []manifest.Entry{
			{Name: "a", Path: "agents/a.md", SHA256: manifest.Sum([]byte("a"))},
			{Name: "b", Path: "agents/b.md", SHA256: manifest.Sum([]byte("b"))},
		},
		Overlays: []manifest.Source{{Name: "own", Version: "0.1.0"}},
		Counts:   manifest.Counts{Agents: 2, Excluded: 1},
		Commands: []manifest.Entry{},
		Excluded: []manifest.Exclusion{{Path: "command/x.md", Reason: "a < b"}},
	}
	m.BundleDigest = m.Digest()
	return m
}

func bundle(t *testing.T, m *manifest.Manifest) fstest.MapFS {
	t.Helper()
	data, err := m.Encode()
	require.NoError(t, err)
	return fstest.MapFS{
		"manifest.json": {Data: data},
		"agents/a.md":   {Data: []byte("a")},
		"agents/b.md":   {Data: []byte("b")},
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	got, err := manifest.Read(bundle(t, sample()))
	require.NoError(t, err)
	assert.Equal(t, sample(), got)
}

func TestDigest(t *testing.T) {
	t.Parallel()
	m := sample()
	const want = "sha256:8b70b16bf7a06f636a00127c5d012b0a3bc2fa396d8397158a93540454ecabb7"
	assert.Equal(t, want, m.Digest())

	slices.Reverse(m.Agents)
	m.Source.Version, m.Excluded = "2.0.0", nil
	assert.Equal(t, want, m.Digest(), "order, version and exclusions do not count")

	m.Agents, m.Commands = m.Commands, m.Agents
	assert.NotEqual(t, want, m.Digest(), "a command is not an agent")
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage func(*manifest.Manifest, fstest.MapFS)
		want   string
	}{
		"no manifest":   {func(_ *manifest.Manifest, b fstest.MapFS) { delete(b, "manifest.json") }, "file does not exist"},
		"no JSON":       {func(_ *manifest.Manifest, b fstest.MapFS) { b["manifest.json"].Data = []byte("{") }, "decoding manifest.json"},
		"newer schema":  {func(m *manifest.Manifest, _ fstest.MapFS) { m.SchemaVersion++ }, "schemaVersion must be 1, got 2"},
		"missing file":  {func(_ *manifest.Manifest, b fstest.MapFS) { delete(b, "agents/b.md") }, `verifying "b"`},
		"changed file":  {func(_ *manifest.Manifest, b fstest.MapFS) { b["agents/a.md"].Data = []byte("x") }, `verifying "a": agents/a.md has sha256`},
		"foreign file":  {func(_ *manifest.Manifest, b fstest.MapFS) { b["agents/c.md"] = &fstest.MapFile{} }, "agents/c.md is not listed"},
		"foreign path":  {func(m *manifest.Manifest, _ fstest.MapFS) { m.Agents[0].Path = "../a.md" }, `verifying "a"`},
		"dropped agent": {func(m *manifest.Manifest, _ fstest.MapFS) { m.Agents = m.Agents[1:] }, "bundleDigest is"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := sample()
			files := bundle(t, m)
			tt.damage(m, files)
			if f, ok := files["manifest.json"]; ok && string(f.Data) != "{" {
				data, err := m.Encode()
				require.NoError(t, err)
				f.Data = data
			}
			_, err := manifest.Read(files)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
