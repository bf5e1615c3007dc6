package convert

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

// What a format accepts must parse again, with the same values.
func FuzzTo(f *testing.F) {
	for _, seed := range []string{
		"---\nname: a\ndescription: b\ntools: {read: true}\n---\nbody\n",
		"---\ndescription: |2\n   a\n  b\n\ntags: [a, '', {}]\n---\n",
		"---\nmodel: \"\\u2028\\0\\xa0\\uFFFE\\n\\t\"\ntags: [\"\\ta\\n\", \" \\n \", .inf, 0x1]\n---\n",
		"---\npermissions: {opencode: {tools: [a, a]}}\n---\n---\n",
		"---\nx: &a {read: t}\ntools: *a\n---\n",
		"---\r\nname: !!bool x\r\n---\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, _, parseErr := frontmatter.Parse(data)
		for _, format := range Formats() {
			files, err := To(format, map[string][]byte{"agents/a.md": data})
			if parseErr != nil {
				require.Error(t, err)
			}
			for _, converted := range files {
				out, _, err := frontmatter.Parse(converted)
				require.NoError(t, err, "%s", converted)
				values := newHeader("", "a", in).in
				for i := 0; i < len(out.Content); i += 2 {
					if key := out.Content[i].Value; key != "tools" && key != "permission" && values[key] != nil {
						assert.Equal(t, texts(values[key]), texts(out.Content[i+1]), "%s", converted)
					}
				}
			}
		}
	})
}

// texts returns the strings in a value.
func texts(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode && (n.Style != 0 || !typedRE.MatchString(n.Value)) {
		return []string{n.Value}
	}
	var all []string
	for _, item := range n.Content {
		all = append(all, texts(item)...)
	}
	return all
}
