// The image as other tools see it: skipped, with the reason, where they are
// not installed.
package agentbundle_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
)

func TestOtherToolsReadTheLayout(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"skopeo", "umoci"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skips 1 check: %v: install Debian's skopeo and umoci", err)
		}
	}
	img := build(t, fixtureConfig())
	dir := filepath.Join(t.TempDir(), "layout")
	require.NoError(t, img.WriteLayout(dir))
	var inspected struct {
		Digest, Architecture string
		Labels               map[string]string
		Layers               []string
	}
	ref := "oci:" + dir + ":" + img.Tag
	require.NoError(t, json.Unmarshal(output(t, "skopeo", "--override-arch", "amd64", "inspect", ref), &inspected))
	assert.Equal(t, img.Digest.String(), inspected.Digest)
	assert.Equal(t, "amd64", inspected.Architecture)
	assert.Equal(t, labels(img, ""), inspected.Labels)
	assert.Len(t, inspected.Layers, 2)

	// umoci does not choose a platform: skopeo does.
	single, unpacked := filepath.Join(t.TempDir(), "single"), filepath.Join(t.TempDir(), "unpacked")
	output(t, "skopeo", "--insecure-policy", "--override-arch", "amd64", "copy", ref, "oci:"+single+":x")
	output(t, "umoci", "unpack", "--rootless", "--image", single+":x", unpacked)
	server, err := os.ReadFile(filepath.Join(unpacked, "rootfs", "codeflow-server"))
	require.NoError(t, err)
	assert.Equal(t, "server for linux/amd64", string(server))
	m, err := manifest.Read(os.DirFS(filepath.Join(unpacked, "rootfs", "bundle")))
	require.NoError(t, err)
	assert.Equal(t, img.BundleDigest, m.BundleDigest)
}

// output runs a tool and returns what it printed.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s %v: %v\n%s", name, args, err, failed.Stderr)
	}
	require.NoError(t, err)
	return out
}
