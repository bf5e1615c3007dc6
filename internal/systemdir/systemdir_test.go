package systemdir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/systemdir"
)

func TestIs(t *testing.T) {
	t.Parallel()
	for directory, want := range map[string]bool{
		"/": true, "//": true, "/.": true, "/etc": true, "/etc/": true, "/etc/ssl": true, "/usr/local/bin": true, "/srv/../etc": true,
		"/home": true, "/var": true, "/proc/1/root": true,
		"/home/me": false, "/Users/me/code": false, "/srv": false, "/tmp": false, "/var/www": false, "/etcetera": false, "/bundle": false,
		".": false, "docs": false, "etc": false,
	} {
		assert.Equal(t, want, systemdir.Is(directory), directory)
	}
}
