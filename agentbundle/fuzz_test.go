package agentbundle

import (
	"os"
	"path/filepath"
	"testing"
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
