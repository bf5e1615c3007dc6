// Every refusal that keeps a file out of the image because of what it is, not
// of what it says. Those of names are in check_test.go and uats_test.go, those
// of YAML in frontmatter_test.go.
package agentbundle

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadFileRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ content, want string }{
		"NUL":       {"---\na\n\x00", "3: text: must be UTF-8 text without NUL bytes"},
		"not UTF-8": {"---\n\xe9t\xe9", "2: text: must be UTF-8 text without other bytes, got 0xe9"},
		"UTF-16":    {"\xff\xfea\x01", "1: text: must be UTF-8 text without other bytes, got 0xff"},
		"too large": {strings.Repeat("x", maxFile+1), "0: size: must have at most 1048576 bytes, got 1048577"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, p := readFile(rootWith(t, tt.content), "a.md")
			require.NotNil(t, p)
			assert.Equal(t, tt.want, string(rune('0'+p.Line))+": "+p.Rule+": "+p.Message)
			assert.NotEmpty(t, p.Hint)
		})
	}
	_, p := readFile(rootWith(t, strings.Repeat("\ufffd", maxFile/3)), "a.md")
	assert.Nil(t, p, "the replacement character is text")
}

func rootWith(t *testing.T, content string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.md"), []byte(content), 0o600))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestReadFileNoticesChange(t *testing.T) {
	t.Parallel()
	for title, change := range map[string]func(path string) error{
		"appended":  func(path string) error { return os.WriteFile(path, []byte("one and more"), 0o600) },
		"rewritten": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
		"replaced": func(path string) error {
			return os.Rename(filepath.Join(filepath.Dir(path), "other"), path)
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			root := rootWith(t, "one")
			require.NoError(t, root.WriteFile("other", []byte("two"), 0o600))
			info, err := root.Lstat("a.md")
			require.NoError(t, err)
			require.NoError(t, os.Chtimes(filepath.Join(root.Name(), "other"), time.Time{}, info.ModTime()))
			require.NoError(t, change(filepath.Join(root.Name(), "a.md")))
			f, err := root.Open("a.md")
			require.NoError(t, err)
			defer f.Close()
			_, p := readStable(f, info)
			require.NotNil(t, p)
			assert.Equal(t, ruleChanged, p.Rule)
		})
	}
}

func TestReadFileFails(t *testing.T) {
	t.Parallel()
	root := rootWith(t, "one")
	_, p := readFile(root, "gone.md")
	assert.Equal(t, ruleRead, p.Rule)
	_, p = readFile(root, "../a.md")
	assert.Contains(t, p.Message, "path escapes from parent")

	info, err := root.Lstat("a.md")
	require.NoError(t, err)
	f, err := root.Open("a.md")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, p = readStable(f, info)
	assert.Equal(t, ruleRead, p.Rule)
}

func TestIrregularFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links, named pipes and sockets")
	}
	dir := t.TempDir()
	at := func(path string) string { return filepath.Join(dir, path) }
	require.NoError(t, os.MkdirAll(at("agents"), 0o755))
	require.NoError(t, os.Symlink("../../../../etc/passwd", at("agents/escape.md")))
	require.NoError(t, os.Symlink("/etc/passwd", at("agents/absolute.md")))
	require.NoError(t, os.Symlink("/dev/null", at("agents/device.md")))
	require.NoError(t, os.Symlink(t.TempDir(), at("agents/folder")))
	require.NoError(t, os.Symlink("agents", at("command")))
	require.NoError(t, os.Symlink("agents", at(ignoreFile)))
	require.NoError(t, syscall.Mkfifo(at("agents/pipe.md"), 0o644))
	listener, err := net.Listen("unix", at("agents/s.md"))
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, os.Chmod(at("agents/s.md"), 0o755))
	require.NoError(t, os.WriteFile(at("commands"), nil, 0o644))

	report, err := Check(Config{Package: Source{Path: dir}})
	require.NoError(t, err)
	var got []string
	for _, p := range report.Problems {
		relative, err := filepath.Rel(dir, p.Path)
		require.NoError(t, err)
		got = append(got, relative+": "+p.Rule+": "+p.Message)
	}
	assert.Equal(t, []string{
		".agentbundleignore: symlink: must not be a symbolic link",
		"agents/absolute.md: symlink: must not be a symbolic link",
		"agents/device.md: symlink: must not be a symbolic link",
		"agents/escape.md: symlink: must not be a symbolic link",
		"agents/folder: symlink: must not be a symbolic link",
		"agents/pipe.md: regular-file: must be a regular file, got mode prw-r--r--",
		"agents/s.md: regular-file: must be a regular file, got mode Srwxr-xr-x",
		"command: regular-file: must be a directory, got mode Lrwxrwxrwx",
		"commands: regular-file: must be a directory, got mode -rw-r--r--",
	}, got)
}

// TestDevice describes a device, because only root could make one.
func TestDevice(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs /dev/null")
	}
	root, err := os.OpenRoot("/dev")
	require.NoError(t, err)
	defer root.Close()
	_, p := readFile(root, "null")
	require.NotNil(t, p)
	assert.Contains(t, p.Message, "must be a regular file, got mode Dcrw")
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	root := rootWith(t, "one")
	require.NoError(t, os.MkdirAll(filepath.Join(root.Name(), "agents", "sub"), 0o755))
	require.NoError(t, os.Rename(filepath.Join(root.Name(), "a.md"), filepath.Join(root.Name(), "agents", "a.md")))
	require.NoError(t, os.Chmod(filepath.Join(root.Name(), "agents", "a.md"), 0))
	sub := filepath.Join(root.Name(), "agents", "sub")
	require.NoError(t, os.Chmod(sub, 0))
	t.Cleanup(func() { _ = os.Chmod(sub, 0o700) }) // or the directory cannot be removed

	report, err := Check(Config{Package: Source{Path: root.Name()}})
	require.NoError(t, err)
	require.Len(t, report.Problems, 2)
	assert.Equal(t, ruleRead, report.Problems[0].Rule)
	assert.Equal(t, ruleRead, report.Problems[1].Rule)
}

func TestBundleTooLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "commands"), 0o755))
	const header = "---\ndescription: large\nname: c"
	for i := range maxBundle/maxFile + 2 {
		n := string(rune('a'+i/10)) + string(rune('0'+i%10))
		text := header + n + "\n---\n"
		text += strings.Repeat("x", maxFile-len(text))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "commands", "c"+n+".md"), []byte(text), 0o600))
	}
	report, err := Check(Config{Package: Source{Path: dir}})
	require.NoError(t, err)
	assert.Equal(t, maxBundle/maxFile, report.Commands)
	require.Len(t, report.Problems, 1, "the first file too many is named")
	assert.Equal(t, filepath.Join(dir, "commands", "cg4.md"), report.Problems[0].Path)
	assert.Equal(t, "must fit into a bundle of 67108864 bytes", report.Problems[0].Message)
}

func TestEmptySource(t *testing.T) {
	t.Parallel()
	report, err := Check(Config{Package: Source{Path: t.TempDir()}})
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	assert.Equal(t, ruleEmpty, report.Problems[0].Rule)
}
