package agentbundle

import (
	"bytes"
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

func FuzzParseFrontMatter(f *testing.F) {
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
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fm, problems := parseFrontMatter(data)
		if (fm == nil) == (len(problems) == 0) {
			t.Fatalf("got front matter %v and problems %v, want one of them", fm, problems)
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Message == "" {
				t.Errorf("problem must name a line of the file and a reason: %v", p)
			}
		}
	})
}
