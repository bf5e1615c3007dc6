package frontmatter_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/frontmatter"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, body string }{
		"body":              {"---\nkey: v\n---\nbody\n", "body\n"},
		"no body":           {"---\nkey: v\n---", ""},
		"Windows line ends": {"---\r\nkey: v\r\n---\r\nbody\r\n", "body\r\n"},
		"blanks":            {"--- \t\nkey: v\n--- \nbody", "body"},
		"third delimiter":   {"---\nkey: v\n---\n---\n", "---\n"},
		"longer line":       {"---\nx: ----\nkey: v\n---\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, body, err := frontmatter.Parse([]byte(tc.file))
			require.NoError(t, err)
			assert.Equal(t, tc.body, string(body))
			value := frontmatter.Child(root, "key")
			require.NotNil(t, value)
			assert.Equal(t, "v", value.Value)
			assert.Nil(t, frontmatter.Child(root, "v"))
			assert.Nil(t, frontmatter.Child(value, "key"))
			assert.Nil(t, frontmatter.Child(nil, "key"))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, want string }{
		"none":        {"text", `must start with YAML between two lines "---"`},
		"late":        {"\n---\na: b\n---\n", "must start"},
		"open":        {"---\na: b\n", "must start"},
		"invalid":     {"---\na: b: c\n---\n", "parsing front matter: yaml:"},
		"list":        {"---\n- a\n---\n", "must be a mapping"},
		"empty":       {"---\n---\n", "must be a mapping"},
		"only a note": {"---\n# note\n---\n", "must be a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := frontmatter.Parse([]byte(tc.file))
			assert.ErrorContains(t, err, tc.want)
		})
	}
}
