package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
)

// The project's own platform is one that ops can work on.
func TestConnect(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	target, err := connect(t.Context(), cli.Flags{Root: "../..", Platform: "prod"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"blue", "green"}, target.Colors)
	assert.Equal(t, "../../.ops/prod", target.Dir)
	migrations, err := target.Schema.Migrations()
	require.NoError(t, err)
	assert.NotEmpty(t, migrations)
	_, err = target.Stacks.Traffic(t.Context())
	require.NoError(t, err)
}

func TestCredentialsEnd(t *testing.T) {
	t.Parallel()
	end := func(key, until string) (time.Time, error) {
		return credentialsEnd(func(name string) string {
			return map[string]string{"AWS_ACCESS_KEY_ID": key, "AWS_CREDENTIAL_EXPIRATION": until}[name]
		})
	}
	until, err := end("key", "2026-01-02T15:04:05Z")
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), until)
	for key, until := range map[string]string{"key": "", "": "2026-01-02T15:04:05Z"} {
		none, err := end(key, until)
		require.NoError(t, err)
		assert.Zero(t, none, "those of a profile are renewed")
	}
	_, err = end("key", "tomorrow")
	assert.ErrorContains(t, err, `AWS_CREDENTIAL_EXPIRATION must be a time like 2026-01-02T15:04:05Z, got "tomorrow"`)
}

func TestReadPlatform(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"config:\n  codeflow:kind: color\n":                      `config "codeflow:platform.region"`,
		"config:\n  codeflow:platform: {region: eu-central-1}\n": `config "codeflow:platform.domain"`,
		"config: [": "reading stack config",
		"config:\n  codeflow:platform: {region: r, domain: {name: a.example.com}}\n": "",
	} {
		file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		p, err := readPlatform(file, false)
		if want != "" {
			require.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, &pulumi.Platform{Project: "codeflow", Environment: "prod", Region: "r", Colors: []string{"blue", "green"}, Domain: p.Domain}, p)
	}
	file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
	require.NoError(t, os.WriteFile(file, []byte("config:\n  codeflow:platform: {region: r}\n"), 0o600))
	_, err := readPlatform(file, true)
	require.NoError(t, err, "tokens need no domain")
	_, err = readPlatform("none.yaml", false)
	require.Error(t, err)
}
