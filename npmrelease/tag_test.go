package npmrelease

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDistTag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ version, latest, want string }{
		{"1.0.0", "", "latest"},
		{"1.0.1", "1.0.0", "latest"},
		{"1.10.0", "1.9.0", "latest"},
		{"1.9.5", "1.10.0", "release-1.9"},
		{"1.0.0", "2.0.0", "release-1.0"},
		{"2.0.0", "2.0.0-rc.1", "latest"},
		{"1.0.0", "2.0.0-rc.1", "latest"},
		{"1.0.0-beta.1", "", "beta"},
		{"3.0.0-rc.1", "2.0.0", "rc"},
		{"3.0.0-0", "2.0.0", "next"},
		{"3.0.0-latest.1", "2.0.0", "next"},
		{"3.0.0-20261129", "2.0.0", "next"},
	} {
		got, err := distTag(c.version, c.latest)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%s when latest is %q", c.version, c.latest)
	}
	_, err := distTag("x", "")
	assert.Error(t, err)
}
