package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const bad = `{"steps":[{"newState":{"urn":"urn:pulumi:prod::codeflow::aws:kms/key:Key::key","type":"aws:kms/key:Key","inputs":{}}}]}`
	good := strings.Replace(bad, `{}`, `{"enableKeyRotation":true}`, 1)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	goodFile, badFile, noFile := write("good.json", good), write("bad.json", bad), write("empty.json", "{}")
	for name, c := range map[string]struct {
		args           []string
		stdin          string
		code           int
		stdout, stderr string
	}{
		"good":         {nil, good, 0, "0 violations", ""},
		"bad":          {nil, bad, 1, "kms-rotated (KMS.4): prod/key Key: enableKeyRotation is not set. Fix: enableKeyRotation: true\n", ""},
		"markdown":     {[]string{"--markdown", badFile}, "", 1, "| kms-rotated | KMS.4 | `prod/key Key` |", ""},
		"files":        {[]string{goodFile, badFile}, "", 1, "over 2 resources", ""},
		"list":         {[]string{"--list"}, "", 0, "kms-rotated", ""},
		"help":         {[]string{"--help"}, "", 0, "Exit codes", ""},
		"no resources": {[]string{noFile}, "", 1, "", noFile + ": reading resources: there are none"},
		"no file":      {[]string{filepath.Join(dir, "none")}, "", 1, "", "none"},
		"unknown flag": {[]string{"--no-such"}, "", 2, "", `Run "policies --help"`},
		"not JSON":     {nil, "pulumi failed", 1, "", "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(c.args, strings.NewReader(c.stdin), &stdout, &stderr, time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC))
			assert.Equal(t, c.code, code, stderr.String())
			assert.Contains(t, stdout.String(), c.stdout)
			assert.Contains(t, stderr.String(), c.stderr)
			if c.stderr == "" {
				assert.Empty(t, stderr.String())
			}
		})
	}
}
