package agentbundle

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFrontMatterWindowsLineEnds(t *testing.T) {
	t.Parallel()
	fm, problems := parseFrontMatter([]byte("---\r\nname: a\r\nwhen: 2025-09-13\r\n---\r\nbody"))
	require.Empty(t, problems)
	assert.Equal(t, "a", fm.str("name"))
	assert.Empty(t, fm.str("when"), "an unquoted date is not a string")
	assert.Equal(t, 3, fm.line("when"))
}

func TestParseFrontMatterRefuses(t *testing.T) {
	t.Parallel()
	const delimiters = `must start with YAML between two lines "---"`
	tests := map[string]struct {
		text string
		want string // "line: rule: message"
	}{
		"nothing":           {"", "1: front-matter: " + delimiters},
		"no front matter":   {"# A\n", "1: front-matter: " + delimiters},
		"unclosed":          {"---\nname: a\n", "1: front-matter: " + delimiters},
		"not first":         {"\n---\nname: a\n---\n", "1: front-matter: " + delimiters},
		"too large":         {"---\n# " + strings.Repeat("x", 64<<10) + "\n---\n", "1: front-matter: must have at most 65536 bytes of front matter, got 65543"},
		"invalid":           {"---\ninputs:\n   - one\n  - two\n---\n", "4: yaml: did not find expected key"},
		"two documents":     {"---\nname: a\n...\nname: b\n---\n", "1: yaml: must be a single YAML document"},
		"not a mapping":     {"---\n- name\n---\n", "2: yaml: must be a mapping of keys to values"},
		"empty":             {"---\n---\n", "2: yaml: must be a mapping of keys to values"},
		"duplicate key":     {"---\ntools:\n  read: true\n  read: false\n---\n", `4: yaml: key "read" is already defined at line 3`},
		"complex key":       {"---\n? [x]\n: y\n---\n", "2: yaml: keys must be plain words, got a seq"},
		"number as key":     {"---\n1: y\n---\n", `2: yaml: keys must be plain words, got "1" (int)`},
		"merge key":         {"---\n<<: {a: b}\n---\n", `2: yaml: keys must be plain words, got "<<" (merge)`},
		"alias":             {"---\nname: &n a\ntext: *n\n---\n", "3: yaml: must not use aliases, got *n"},
		"deep nesting":      {"---\na: " + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "\n---\n", "2: yaml: must nest at most 32 levels deep"},
		"unparsable depth":  {"---\na:\n  " + strings.Repeat("[", 20000) + "\n---\n", "3: yaml: exceeded max depth of 10000"},
		"old Mac line ends": {"---\na: b\rc: d\n---\n", `2: yaml: must end lines with \n or \r\n, got "\rc"`},
		"line separator":    {"---\na: b\u2028c: d\n---\n", `2: yaml: must end lines with \n or \r\n, got "\u2028"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fm, problems := parseFrontMatter([]byte(tt.text))
			assert.Nil(t, fm.Node)
			require.Len(t, problems, 1)
			p := problems[0]
			p.Path, p.Severity, p.Hint = "f", SeverityError, ""
			assert.Equal(t, "f:"+strings.Replace(tt.want, ": ", ": error: ", 1), p.Error())
		})
	}
}

// A billion laughs are a few nodes: nothing expands them.
func TestParseFrontMatterBomb(t *testing.T) {
	t.Parallel()
	bomb := "---\na0: &a0 [x]\n"
	for _, n := range "123456789" {
		previous := string(n - 1)
		bomb += "a" + string(n) + ": &a" + string(n) + " [" + strings.Repeat("*a"+previous+",", 10) + "]\n"
	}
	_, problems := parseFrontMatter([]byte(bomb + "---\n"))
	assert.Len(t, problems, 90)
}

func FuzzFrontMatter(f *testing.F) {
	for _, seed := range []string{
		"---\nname: a\ndescription: b\n---\nbody\n",
		"---\r\nname: a\r\n---\r\n",
		"---\n---\n",
		"---\n- a\n---\n",
		"---\nname: a\nname: b\n---\n",
		"---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n",
		"---\n? [a]\n: b\n<<: {c: d}\n---\n",
		"---\nname: \"open\n---\n",
		"---\na: !!binary x\nb: 2025-09-13\n...\n---\n",
		"---\nname: a\nallowed_directories: [/home/a, '~/b', \"/Users/c\"]\n---\n",
		"---\nname: a\nallowed_directories:\n  - /srv\n  - |\n    /home/a\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fm, problems := parseFrontMatter(data)
		if (fm.Node == nil) == (len(problems) == 0) {
			t.Fatalf("got front matter %v and problems %v, want one of them", fm, problems)
		}
		agent := &file{kind: agent, path: "a.md", data: data}
		checkLines(t, data, append(problems, agent.checkUATS()...))
		if fm.Node == nil {
			return
		}
		// What is packed must be as valid, and without personal directories.
		packed, again := parseFrontMatter(agent.data)
		if len(again) > 0 {
			t.Fatalf("rewritten to %q, which has problems %v", agent.data, again)
		}
		rewritten, refused := rewriteDirectories(data, fm)
		if twice, _ := rewriteDirectories(rewritten, packed); len(refused) == 0 && !bytes.Equal(rewritten, twice) {
			t.Errorf("rewritten to %q, and again to %q", rewritten, twice)
		}
	})
}

// checkLines fails unless every problem names a line of the file and a reason.
func checkLines(t *testing.T, data []byte, problems []Problem) {
	t.Helper()
	lines := bytes.Count(data, []byte("\n")) + 1
	for _, p := range problems {
		if p.Line < 1 || p.Line > lines || p.Message == "" || p.Rule == "" {
			t.Errorf("problem must name a line of the file, a rule and a reason: %v", p)
		}
	}
}
