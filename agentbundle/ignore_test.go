package agentbundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ignoreCases are pattern files with what they leave out of the paths. A path
// with a final slash is a directory.
var ignoreCases = map[string]struct {
	patterns string
	paths    []string
	out      []string
}{
	"blank and comment":     {"\n# a.md\n  \n", []string{"a.md", "# a.md"}, nil},
	"any depth":             {"a.md", []string{"a.md", "x/a.md", "x/y/a.md", "b.md", "xa.md"}, []string{"a.md", "x/a.md", "x/y/a.md"}},
	"anchored":              {"/a.md\nx/b.md", []string{"a.md", "x/a.md", "x/b.md", "y/x/b.md"}, []string{"a.md", "x/b.md"}},
	"star stays in folder":  {"x/*.md", []string{"x/a.md", "x/y/a.md", "a.md"}, []string{"x/a.md"}},
	"question mark":         {"?.md", []string{"a.md", "ab.md", "x/b.md", ".md"}, []string{"a.md", "x/b.md"}},
	"two stars in front":    {"**/a.md", []string{"a.md", "x/y/a.md"}, []string{"a.md", "x/y/a.md"}},
	"two stars between":     {"x/**/a.md", []string{"x/a.md", "x/y/z/a.md", "y/x/a.md"}, []string{"x/a.md", "x/y/z/a.md"}},
	"two stars at the end":  {"x/**", []string{"x/a.md", "x/y/a.md", "x"}, []string{"x/a.md", "x/y/a.md"}},
	"two stars in a name":   {"x**.md", []string{"xy.md", "x/y.md"}, []string{"xy.md"}},
	"two stars alone":       {"**", []string{"a", "x/a"}, []string{"a", "x/a"}},
	"directory only":        {"x/", []string{"x/", "y/x/", "z/x"}, []string{"x/", "y/x/"}},
	"taken in again":        {"*.md\n!a.md", []string{"a.md", "b.md"}, []string{"b.md"}},
	"last one decides":      {"!a.md\na.md", []string{"a.md"}, []string{"a.md"}},
	"class":                 {"[a-c].md\n[!x]1.md\n[^x]2.md", []string{"a.md", "d.md", "x1.md", "y1.md", "x2.md", "y2.md"}, []string{"a.md", "y1.md", "y2.md"}},
	"class of brackets":     {`[]a].md` + "\n" + `[\]b]1.md`, []string{"].md", "a.md", "]1.md", "b1.md", "c.md"}, []string{"].md", "a.md", "]1.md", "b1.md"}},
	"class with a hyphen":   {"[a-].md\n[a\\-c]1.md", []string{"-.md", "a.md", "b.md", "-1.md", "b1.md"}, []string{"-.md", "a.md", "-1.md"}},
	"negated class, folder": {"x[!a]y", []string{"xby", "x/y"}, []string{"xby"}},
	"escapes":               {`\#a` + "\n" + `\!b` + "\n" + `\*c` + "\n" + `d\\`, []string{"#a", "!b", "*c", "xc", `d\`}, []string{"#a", "!b", "*c", `d\`}},
	"trailing spaces":       {"a.md  \nb\\ \n", []string{"a.md", "b ", "b"}, []string{"a.md", "b "}},
	"Windows line ends":     {"a.md\r\nb.md\r\n", []string{"a.md", "b.md"}, []string{"a.md", "b.md"}},
	"regular expression":    {"a.b+(c)|d", []string{"a.b+(c)|d", "axb", "d"}, []string{"a.b+(c)|d"}},
	"slash alone":           {"/\n!", []string{"a", "x/"}, nil},
}

func TestIgnore(t *testing.T) {
	t.Parallel()
	for title, tt := range ignoreCases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			patterns, problems := parseIgnore(tt.patterns)
			require.Empty(t, problems)
			var out []string
			for _, path := range tt.paths {
				if patterns.match(strings.TrimSuffix(path, "/"), strings.HasSuffix(path, "/")) {
					out = append(out, path)
				}
			}
			assert.Equal(t, tt.out, out)
		})
	}
}

// TestIgnoreIsGit asks git the same questions.
func TestIgnoreIsGit(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skipf("needs git: %d cases not compared", len(ignoreCases))
	}
	for title, tt := range ignoreCases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			for _, path := range tt.paths {
				dir := t.TempDir()
				run := func(args ...string) error {
					cmd := exec.CommandContext(t.Context(), git, args...)
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
					return cmd.Run()
				}
				require.NoError(t, run("init", "-q"))
				require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(tt.patterns), 0o600))
				require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755))
				if strings.HasSuffix(path, "/") {
					require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o755))
				} else {
					require.NoError(t, os.WriteFile(filepath.Join(dir, path), nil, 0o600))
				}
				ignored := run("check-ignore", "-q", "--no-index", "--", path) == nil
				assert.Equal(t, slices.Contains(tt.out, path), ignored, path)
			}
		})
	}
}

func TestIgnoreRefuses(t *testing.T) {
	t.Parallel()
	for title, pattern := range map[string]string{
		"open class": "a[b", "empty class": "[]", "class of nothing": "[!]", "named class": "[[:alpha:]]",
		"open escape": `a\`, "range backwards": "[z-a]", "folder in class": "[a/b]",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, problems := parseIgnore("a.md\n" + pattern)
			require.Len(t, problems, 1)
			assert.Equal(t, 2, problems[0].Line)
			assert.NotEmpty(t, problems[0].Hint)
		})
	}
}

// What is ignored is not looked at: neither a folder, a link nor bad text.
func TestIgnoreSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(path, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600))
	}
	write(ignoreFile, "README.md\n/agents/drafts/\nlink*\nnow[\n")
	write("agents/README.md", "not an agent")
	write("agents/drafts/a.md", "\xff")
	require.NoError(t, os.Symlink("README.md", filepath.Join(dir, "agents", "link.md")))
	report, err := Check(Config{Package: Source{Path: dir}})
	require.NoError(t, err)
	assert.Zero(t, report.Agents)
	require.Len(t, report.Problems, 1)
	assert.Equal(t, filepath.Join(dir, ignoreFile), report.Problems[0].Path)
	assert.Equal(t, `must be a pattern of .gitignore, got "now["`, report.Problems[0].Message)
}

func FuzzIgnore(f *testing.F) {
	for _, tt := range ignoreCases {
		for _, path := range tt.paths {
			f.Add(tt.patterns, path)
		}
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		patterns, problems := parseIgnore(text)
		checkLines(t, []byte(text), problems)
		path = strings.Trim(path, "/")
		if path == "" || strings.Contains(path, "//") || strings.ContainsAny(path, "\r\n") {
			return
		}
		// A pattern that is the path itself, escaped, decides last.
		escaped := "/" + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, " ", `\ `).Replace(path)
		own, problems := parseIgnore(escaped)
		if len(problems) > 0 || len(own) != 1 {
			return // the path is not UTF-8
		}
		if !append(patterns, own...).match(path, false) {
			t.Errorf("%q must match %q", escaped, path)
		}
	})
}
