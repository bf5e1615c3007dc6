// The pages in a real browser, with the bundle that is deployed.
package web_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/web"
)

// TestBrowser runs peers/browser.mjs. It leaves screenshots in the folder that
// CODEFLOW_SCREENSHOTS names, if any.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	skipUnless(t, err, "apt-get install chromium")
	node, err := exec.LookPath("node")
	skipUnless(t, err, "install Node.js")
	peers := filepath.Join("..", "..", "peers")
	_, err = os.Stat(filepath.Join(peers, "node_modules", "playwright-core"))
	skipUnless(t, err, "npm ci --prefix peers")

	c, err := catalog.Load(bundletest.Real(t, "../../agents/bundle.yaml"))
	require.NoError(t, err)
	srv := httptest.NewServer(web.New(c, &web.Options{
		Version: "0.2.0", Color: "blue", Image: "sha256:" + c.Agents[0].Digest, TokensRequired: true,
		Health: func() string { return "healthy" },
		Top: func(_ context.Context, kind string, _ time.Time, _ int) ([]usage.Count, error) {
			return []usage.Count{{Name: "code-reviewer", Uses: 128}, {Name: "plan", Uses: 1}}, nil
		},
	}))
	defer srv.Close()
	cmd := exec.CommandContext(t.Context(), node, "browser.mjs", chromium, srv.URL, os.Getenv("CODEFLOW_SCREENSHOTS"))
	cmd.Dir = peers
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Logf("%s", bytes.TrimSpace(out))
}

func skipUnless(t *testing.T, err error, fix string) {
	t.Helper()
	if err != nil {
		t.Skipf("not tested in a browser: %v (%s)", err, fix)
	}
}
