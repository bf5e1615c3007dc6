package convert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestWriteAsUpstream(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "yaml.json"))
	require.NoError(t, err)
	var facts struct{ Cases map[string]string }
	require.NoError(t, json.Unmarshal(data, &facts))
	require.NotEmpty(t, facts.Cases)
	for scalar, want := range facts.Cases {
		t.Run(scalar, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, rewrite(t, "{k: "+scalar+", l: ["+scalar+", []], m: {}}"))
		})
	}
}

func TestWriteUnlikeUpstream(t *testing.T) {
	t.Parallel()
	for scalar, want := range map[string]string{
		`"\x7f"`:                                `"\x7f"`,
		`"a\x85\u2028\uFEFF"`:                   `"a\x85\u2028\ufeff"`,
		`"\n\ta\nb"`:                            `"\n\ta\nb"`,
		`" \n"`:                                 `"\ \n"`,
		`"` + strings.Repeat("a", 40) + `\n\0"`: `"` + strings.Repeat("a", 40) + `\n\0"`,
		`0x1F`:                                  `0x1f`,
		`0o17`:                                  `0o17`,
	} {
		t.Run(scalar, func(t *testing.T) {
			t.Parallel()
			got := rewrite(t, "k: "+scalar)
			assert.Equal(t, "k: "+want+"\n", got)
			assert.Equal(t, got, rewrite(t, got))
		})
	}
}

// rewrite parses YAML and writes it.
func rewrite(t *testing.T, in string) string {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(in), &doc))
	return write(doc.Content[0], "") + "\n"
}
