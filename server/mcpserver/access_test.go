package mcpserver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

func TestAccessElsewhere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		directories []string
		file        string
		allowed     bool
		reason      string
	}{
		"inside":               {[]string{"/srv/app"}, "/srv/app/a/b.go", true, `in the allowed directory "/srv/app"`},
		"itself":               {[]string{"/srv/app/"}, "/srv/app", true, ""},
		"second":               {[]string{"/x", "/srv/app"}, "/srv/app/a", true, ""},
		"root":                 {[]string{"/"}, "/etc/passwd", false, `"/" is a directory of the system`},
		"root, otherwise":      {[]string{"//."}, "/srv/a", false, "directory of the system"},
		"system":               {[]string{"/etc/"}, "/etc/passwd", false, "directory of the system"},
		"system and another":   {[]string{"/", "/srv/app"}, "/srv/app/a", true, `in the allowed directory "/srv/app"`},
		"relative":             {[]string{"docs"}, "./docs//a.md", true, ""},
		"workspace":            {[]string{"."}, "a.md", true, ""},
		"prefix of a name":     {[]string{"/srv/app"}, "/srv/app2/a", false, "in none"},
		"outside":              {[]string{"/srv/app"}, "/etc/passwd", false, "in none"},
		"up":                   {[]string{"/srv/app"}, "/srv/app/../../etc/passwd", false, `must not have ".."`},
		"up and back":          {[]string{"/srv/app"}, "/srv/app/x/../a", false, `must not have ".."`},
		"dots in a name":       {[]string{"/srv/app"}, "/srv/app/..a", true, ""},
		"directory goes up":    {[]string{"/srv/app/.."}, "/srv/a", false, "in none"},
		"absolute of relative": {[]string{"."}, "/a", false, "in none"},
		"relative of absolute": {[]string{"/srv"}, "srv/a", false, "in none"},
		"backslash":            {[]string{"/srv"}, `/srv/..\etc`, false, "forward slashes"},
		"NUL":                  {[]string{"/srv"}, "/srv/a\x00", false, "forward slashes and no NUL"},
		"empty":                {[]string{"."}, "", false, "must not be empty"},
		"no directories":       {nil, "/srv/a", false, "in none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agent := &catalog.Agent{Name: "a", AllowedDirectories: tc.directories}
			got := mcpserver.Access{}.Check(agent, tc.file)
			assert.Equal(t, tc.allowed, got.Allowed)
			assert.Contains(t, got.Reason, tc.reason)
		})
	}
}

func TestAccessFollowsLinks(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, dir := range []string{"work/docs", "work/src", "other"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "other/secret"), nil, 0o600))
	for link, target := range map[string]string{
		"work/docs/out": "other", "work/docs/secret": "other/secret", "work/docs/gone": "nowhere", "work/docs/src": "work/src", "work/linked": "work/docs",
	} {
		require.NoError(t, os.Symlink(filepath.Join(root, target), filepath.Join(root, link)))
	}
	access := mcpserver.Access{Workspace: filepath.Join(root, "work")}
	agent := &catalog.Agent{Name: "a", AllowedDirectories: []string{"docs", "/no/such/directory"}}
	for file, want := range map[string]bool{
		"docs/new/file.md":       true,
		"docs":                   true,
		root + "/work/docs/a.md": true,
		"linked/a.md":            true, // another way into it
		"docs/out/a.md":          false,
		"docs/secret":            false,
		"docs/gone":              false, // a file written there would be elsewhere
		"docs/src/a.go":          false, // of the workspace, not of the agent
		"other/secret":           false,
		"/etc/passwd":            false,
	} {
		got := access.Check(agent, file)
		assert.Equal(t, want, got.Allowed, "%s: %s", file, got.Reason)
		assert.NotEmpty(t, got.Reason)
	}
	assert.Equal(t, root+"/other/secret", access.Check(agent, "docs/secret").Path)

	require.NoError(t, os.Symlink("/etc", filepath.Join(root, "work/system")))
	agent.AllowedDirectories = []string{"system"}
	assert.Contains(t, access.Check(agent, "system/passwd").Reason, "directory of the system")

	agent.AllowedDirectories = []string{"linked"}
	assert.True(t, access.Check(agent, "docs/a.md").Allowed, "the directory is a link itself")
	assert.Contains(t, access.Check(agent, "docs/out/../../x").Reason, `".."`)
	require.NoError(t, os.WriteFile(filepath.Join(root, "work/docs/file"), nil, 0o600))
	assert.Contains(t, access.Check(agent, "docs/file/below").Reason, "cannot be resolved")
}
