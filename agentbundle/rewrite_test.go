package agentbundle

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRewriteDirectories(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, after string }{
		"macOS":           {"\n  - /Users/ann/Github", "\n  - /bundle"},
		"Linux":           {"\n  - /home/ann", "\n  - /bundle"},
		"root":            {"\n  - /root\n  - /root/x", "\n  - /bundle\n  - /bundle"},
		"Windows":         {"\n  - C:\\Users\\ann\n  - d:/Users/ann", "\n  - /bundle\n  - /bundle"},
		"shorthand":       {"\n  - ~/x\n  - $HOME/x\n  - ${HOME}\n  - '~'", "\n  - /bundle\n  - /bundle\n  - /bundle\n  - '/bundle'"},
		"quoted":          {"\n  - '/home/ann' # mine\n  - \"/home/ann\"", "\n  - '/bundle' # mine\n  - \"/bundle\""},
		"in one line":     {" [/home/ä/x, /home/ä, /srv, '/home/ä']", " [/bundle, /bundle, /srv, '/bundle']"},
		"of nobody":       {"\n  - ${WORKSPACE}\n  - $HOMER\n  - /rooted\n  - /home\n  - x", "\n  - ${WORKSPACE}\n  - $HOMER\n  - /rooted\n  - /home\n  - x"},
		"Windows lines":   {"\r\n  - /home/ann\r", "\r\n  - /bundle\r"},
		"after an anchor": {"\n  - &a /srv\n  - /home/ann", "\n  - &a /srv\n  - /bundle"},
		"no list":         {" /home/ann", " /home/ann"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			file := func(directories string) string {
				return "---\nname: ä\nallowed_directories:" + directories + "\nx: /home/ann\n---\n/home/ann\n"
			}
			data := []byte(file(tt.before))
			fm, problems := parseFrontMatter(data)
			require.Empty(t, problems)
			got, problems := rewriteDirectories(data, fm)
			assert.Empty(t, problems)
			assert.Equal(t, file(tt.after), string(got))
			assert.Equal(t, file(tt.before), string(data), "the source must not change")
		})
	}
}

func TestRewriteDirectoriesRefuses(t *testing.T) {
	t.Parallel()
	for title, directory := range map[string]string{
		"escapes":    `"\x2fhome/ann"`,
		"block":      "|-\n    /home/ann",
		"tag":        "!!str /home/ann",
		"two lines":  "'/home/ann\n    lee'",
		"last quote": "'/home/ann''s'",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			data := []byte("---\nallowed_directories:\n  - /srv\n  - " + directory + "\n---\n")
			fm, problems := parseFrontMatter(data)
			require.Empty(t, problems)
			got, problems := rewriteDirectories(data, fm)
			require.Len(t, problems, 1)
			assert.Equal(t, 4, problems[0].Line)
			assert.Contains(t, problems[0].Message, "must be plain text to be replaced")
			assert.Equal(t, data, got)
		})
	}
}
