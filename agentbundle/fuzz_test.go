package agentbundle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/convert"
)

// FuzzCommand checks whole commands: front matter, inputs and variables.
func FuzzCommand(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("testdata", "*", "command*", "*.md"))
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no commands to start from: %v", err)
	}
	for _, path := range seeds {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, seed := range []string{
		"---\nname: c\ndescription: d\ninputs: [{name: a, type: string, required: true}, b, {}]\n---\n{{a}} {{b}} {{/b}} {{}} {{{a}}}\n",
		"---\nname: c\ninputs:\n  - name: [x]\n    type: {}\n    required: maybe\ncache_strategy: {type: none, ttl: 1e9}\n---\n{{\n}}\n",
		"---\r\nname: c\r\nmode: command\r\noutputs: x\r\n---\r\n{{a}}\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &file{kind: command, path: "c.md", data: data}
		checkLines(t, data, c.checkUATS())
	})
}

// FuzzForeign checks files of other tools: lenient front matter, and what is
// packed of them.
func FuzzForeign(f *testing.F) {
	for _, seed := range []string{
		"---\nname: a\ndescription: Use it: \"go\" \\n user: x # y\ntools: Read, Bash(a: b)\n---\nbody\n",
		"---\ndescription: 'it's'\nglobs: *.go, **/*.{a,b}\nalwaysApply: true\n---\n",
		"---\nname: a\nname: b\n---\n", "---\ntools:\n  - Read\n user: x\n---\n", "---\nmode: all\npermission: ask\n---\nx", "---\n---\n",
		"\ufeff---\nname: \u202ea\r\n---\r\n", "Do $ARGUMENTS and $1.\n", "---\nname: a\ndescription: >\n  x: y\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkText(data) != nil {
			return // it is not read so far
		}
		for _, k := range []kind{agent, command, ""} {
			c := &file{kind: k, path: "a/c.md", data: data, source: Source{Format: FormatAuto}}
			problems := c.check()
			for i := range problems {
				problems[i].Line = max(1, problems[i].Line) // some are about the file
			}
			checkLines(t, data, problems)
			if hasError(problems) || c.skip != "" {
				continue
			}
			again := &file{kind: c.kind, path: "a/" + c.name + ".md", data: c.data, source: Source{Format: convert.UATS}}
			if fm, problems := parseFrontMatter(again.data); fm.Node == nil {
				t.Fatalf("what is packed does not parse: %v\n%s", problems, again.data)
			}
			text, keys := quote(data)
			if _, problems := parseLenient(text); keys != nil && hasError(problems) {
				t.Fatalf("what is fixed does not parse: %v\n%s", problems, text)
			}
		}
	})
}
