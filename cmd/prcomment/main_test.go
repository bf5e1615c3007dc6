package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

const recorded = "../../delivery/comment/testdata"

func prcomment(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"unknown command":                {"nothing"},
		"unknown flag":                   {"render", "--nothing"},
		"--affected must be a JSON list": {"render", "--affected", "prod"},
		`--affected must be of prod, blue, green, dr, got "../x"`: {"render", "--affected", `["../x"]`},
		"--pull must be the number":                               {"post", "x"},
		"accepts 1 arg(s)":                                        {"post"},
		"url must be like":                                        {"smoke", "--url", "x"},
	} {
		code, _, stderr := prcomment(t, "", args...)
		assert.Equal(t, exitUsage, code, want)
		assert.Contains(t, stderr, want)
	}
	code, help, _ := prcomment(t, "")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, help, "allow-protected-changes")
}

func TestAffected(t *testing.T) {
	t.Parallel()
	for stdin, want := range map[string]string{
		"":                               "[]\n",
		"docs/a.md\n":                    "[]\n",
		"docs/a.md\r\nPulumi.blue.yaml":  `["blue"]` + "\n",
		"\"agents/own/\\303\\244.md\"\n": `["blue","green","dr"]` + "\n",
		"go.mod\n":                       `["prod","blue","green","dr"]` + "\n",
	} {
		code, stdout, _ := prcomment(t, stdin, "affected")
		assert.Equal(t, exitOK, code)
		assert.Equal(t, want, stdout, stdin)
	}
	_, stdout, stderr := prcomment(t, "", "affected", "components/cdn/cdn.go", "new")
	assert.Equal(t, `["prod","blue","green","dr"]`+"\n", stdout)
	assert.Equal(t, "\"components/cdn/cdn.go\": components/cdn/: prod\n\"new\": no rule: prod blue green dr\n", stderr)
}

func TestRender(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scenario, affected string
		more               []string
		code               int
		want, stderr       string
	}{
		"no change":   {scenario: "no-change", affected: `["blue"]`, want: "**No changes** in blue."},
		"not touched": {scenario: "no-change", affected: `[]`, want: "**No stack is affected**"},
		"agents": {
			scenario: "agents", affected: `["blue","green","dr"]`, more: []string{"--agents", filepath.Join(recorded, "agents/agents.txt")},
			want: "~ commands/commit.md",
		},
		"blocked": {
			scenario: "database", affected: `["prod"]`, more: []string{"--label", "a, b"}, code: exitProtected,
			want: "**Blocked**: 2 protected resources", stderr: `lacks the label "allow-protected-changes"`,
		},
		"allowed": {scenario: "database", affected: `["prod"]`, more: []string{"--label", "a", "--label", "allow-protected-changes"}, want: "**Allowed by the label"},
		"failed":  {scenario: "failed", affected: `["prod","blue"]`, code: exitFailure, want: "**Failed**: ", stderr: "previews failed: prod, blue"},
		"missing": {scenario: "traffic", affected: `["prod","dr"]`, code: exitFailure, want: "its job left no preview", stderr: "previews failed: dr"},
		"blocked and failed": {
			scenario: "database", affected: `["prod","dr"]`, code: exitProtected, want: "its job left no preview", stderr: "protected resources",
		},
		"no agents": {scenario: "no-change", affected: `[]`, more: []string{"--agents", "missing"}, code: exitFailure, stderr: "reading a part of the comment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "comment.md")
			args := append([]string{"render", "--affected", c.affected, "--previews", filepath.Join(recorded, c.scenario)}, c.more...)
			code, stdout, stderr := prcomment(t, "", append(args, "--out", out)...)
			assert.Equal(t, c.code, code)
			assert.Contains(t, stderr, c.stderr)
			assert.Empty(t, stdout)
			if c.want != "" {
				text, err := os.ReadFile(out)
				require.NoError(t, err, "it is written whatever it says")
				assert.Contains(t, string(text), c.want)
				_, stdout, _ = prcomment(t, "", args...)
				assert.Equal(t, string(text), stdout)
			}
		})
	}
}

func TestPost(t *testing.T) {
	var sent string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			fmt.Fprint(w, "[]")
		case http.MethodPost:
			var body struct{ Body string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			sent = r.URL.Path + " " + body.Body
			fmt.Fprint(w, `{"html_url": "https://github.test/1"}`)
		}
	}))
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "comment.md")
	require.NoError(t, os.WriteFile(file, []byte(comment.Marker+"text"), 0o600))
	t.Setenv("GITHUB_API_URL", srv.URL)
	t.Setenv("GITHUB_REPOSITORY", "o/r")
	t.Setenv("GITHUB_TOKEN", "")
	code, _, stderr := prcomment(t, "", "post", "--pull", "7", file)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "GITHUB_TOKEN must be set")

	t.Setenv("GITHUB_TOKEN", "x")
	code, stdout, stderr := prcomment(t, "", "post", "--pull", "7", file)
	assert.Equal(t, exitOK, code, stderr)
	assert.Equal(t, "https://github.test/1\n", stdout)
	assert.Equal(t, "/repos/o/r/issues/7/comments "+comment.Marker+"text", sent)
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	handler := server.New(bundletest.Small(t), &server.Options{Color: "blue", Logger: slog.New(slog.DiscardHandler)})
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	code, stdout, stderr := prcomment(t, "", "smoke", "--url", srv.URL, "--digest", handler.BundleDigest(), "--color", "blue")
	assert.Equal(t, exitOK, code, stderr)
	assert.Equal(t, 3, strings.Count(stdout, "pass  "), stdout)

	code, stdout, stderr = prcomment(t, "", "smoke", "--url", srv.URL, "--digest", "sha256:other", "--timeout", "1ms")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stdout, "FAIL  health")
	assert.Contains(t, stderr, "the service failed 2 of 3 checks: health, api")
}
