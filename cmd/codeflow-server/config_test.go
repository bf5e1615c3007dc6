package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin"
)

func TestParse(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	cfg, err := parse(nil, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, 3000, cfg.port)
	assert.Equal(t, "/bundle", cfg.bundle)
	assert.False(t, cfg.public)
	assert.Empty(t, cfg.workspace)
	assert.Equal(t, "127.0.0.1", cfg.address)
	assert.Equal(t, "127.0.0.1", cfg.metricsAddress)

	environ := []string{
		"PORT=8080", "CODEFLOW_BUNDLE=/b", "CODEFLOW_COLOR=green", "CODEFLOW_PUBLIC=false", "CODEFLOW_TOKENS=" + hash + "\n" + hash,
		"CODEFLOW_HOSTS=A.example.com, b.example.com", "CODEFLOW_REQUIRE_DATABASE=true", "CODEFLOW_URL=",
		"DATABASE_URL=postgres://u@localhost/db", "LOG_LEVEL=debug", "CODEFLOW_DRAIN_NOTICE=0s", "PATH=/bin",
	}
	cfg, err = parse([]string{"-port=1", "-stdio", "migrate", "to", "1"}, environ, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, cfg.port, "a flag overrides the environment")
	assert.Equal(t, "/b", cfg.bundle)
	assert.Equal(t, "green", cfg.color)
	assert.Len(t, cfg.tokens, 2)
	assert.Equal(t, []string{"a.example.com", "b.example.com"}, cfg.hosts)
	assert.True(t, cfg.requireDatabase)
	assert.Equal(t, "DEBUG", cfg.level.Level().String())
	assert.Zero(t, cfg.drain.Notice)
	assert.Equal(t, time.Minute, cfg.database.Breaker.Timeout)
	assert.Equal(t, ".", cfg.workspace, "with -stdio")
	assert.Equal(t, []string{"migrate", "to", "1"}, cfg.command)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args    []string
		environ string
		want    string
	}{
		"unknown variable":  {nil, "CODEFLOW_COLOUR=blue", "environment variable CODEFLOW_COLOUR is unknown: did you mean CODEFLOW_COLOR?"},
		"variable":          {nil, "PORT=http", "environment variable PORT: parse error"},
		"tokens":            {nil, "CODEFLOW_TOKENS=secret", `environment variable CODEFLOW_TOKENS: token 1 must be "sha256:"`},
		"unknown flag":      {[]string{"-x"}, "", "flag provided but not defined: -x"},
		"port":              {[]string{"-port=65536"}, "", "-port must be from 1 to 65535, got 65536"},
		"ports":             {[]string{"-metrics-port=3000"}, "", "-metrics-port must not be -port, got 3000 for both"},
		"metrics port":      {[]string{"-metrics-port=-1"}, "", "-metrics-port must be from 0 (none) to 65535, got -1"},
		"concurrency":       {[]string{"-concurrency=0"}, "", "-concurrency must be 1 or more, got 0"},
		"each":              {[]string{"-client-concurrency=0"}, "", "-client-concurrency must be 1 or more, got 0"},
		"body":              {nil, "CODEFLOW_MAX_BODY=1000", "-max-body must be from 1024 to 16777216 bytes, got 1000"},
		"proxies":           {[]string{"-proxies=-1"}, "", "-proxies must be 0 or more, got -1"},
		"workspace":         {nil, "CODEFLOW_WORKSPACE=/srv", "-workspace needs -stdio"},
		"ratio":             {[]string{"-trace-sample-ratio=0"}, "", "-trace-sample-ratio must be above 0 and up to 1, got 0"},
		"breaker threshold": {[]string{"-breaker-threshold=0"}, "", "-breaker-threshold must be 1 or more, got 0"},
		"breaker timeout":   {[]string{"-breaker-timeout=0"}, "", "-breaker-timeout must be above 0, got 0s"},
		"drain":             {[]string{"-drain-timeout=0"}, "", "-drain-timeout above 0, got 3s and 0s"},
		"level":             {nil, "LOG_LEVEL=loud", `log level must be debug, info, warn or error, got "loud"`},
		"login only":        {[]string{"-database-login={}"}, "", "-database-login needs -database-url"},
		"required only":     {[]string{"-require-database"}, "", "-require-database needs -database-url"},
		"database URL":      {nil, "DATABASE_URL=mysql://u:secret@h/db", "-database-url: database URL: must be of the form postgres://"},
		"database not safe": {nil, "DATABASE_URL=postgres://u@db.example.com/db", "sslmode=verify-full"},
		"audience only":     {[]string{"-oidc-audience=x"}, "", "need -oidc-issuer"},
		"issuer only":       {[]string{"-oidc-issuer=https://id.example.com", "-url=https://h"}, "", `-oidc-audience must be what the issuer's tokens for this server have as aud, got ""`},
		"issuer by http":    {[]string{"-oidc-issuer=http://id.example.com", "-oidc-audience=x", "-url=https://h"}, "", `-oidc-issuer must be an https URL without a query, or http of this machine, got "http://id.example.com"`},
		"issuer's scopes":   {[]string{"-oidc-issuer=https://id.example.com", "-oidc-audience=x", "-url=https://h", "-oidc-scopes=a a"}, "", `-oidc-scopes must be different ones, as the issuer's tokens have them, got "a"`},
		"issuer, no url":    {[]string{"-oidc-issuer=https://id.example.com", "-oidc-audience=x"}, "", `-url, which -oidc-issuer needs, must be an https URL without a path, or http of this machine, got ""`},
		"issuer, url, path": {[]string{"-oidc-issuer=https://id.example.com", "-oidc-audience=x", "-url=https://h/x"}, "", `without a path`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(tc.args, []string{tc.environ}, new(bytes.Buffer))
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "secret@")
		})
	}
	_, err := parse(nil, []string{"PORT=http", "CODEFLOW_X=1"}, nil)
	require.ErrorContains(t, err, "PORT")
	assert.ErrorContains(t, err, "CODEFLOW_X", "all problems at once")
}

func TestCheckAccess(t *testing.T) {
	t.Parallel()
	tokens := make(guard.Tokens, 1)
	require.NoError(t, (&config{public: true}).checkAccess())
	require.NoError(t, (&config{tokens: tokens}).checkAccess())
	require.ErrorContains(t, (&config{}).checkAccess(), "nobody may use this server: give -tokens (the command token makes one), or -tokens-secret, or -oidc-issuer, or -public to serve everybody")
	require.ErrorContains(t, (&config{public: true, tokens: tokens}).checkAccess(), "exclude each other")

	issuer := signin.Options{Issuer: "https://id.example.com"}
	require.NoError(t, (&config{oidc: issuer}).checkAccess())
	require.NoError(t, (&config{oidc: issuer, tokens: tokens}).checkAccess(), "besides tokens")
	require.ErrorContains(t, (&config{oidc: issuer, public: true}).checkAccess(), "-public and -oidc-issuer exclude each other")
}

// TestDocumented compares the table of docs/server.md with the flags.
func TestDocumented(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	new(config).flags().VisitAll(func(f *flag.Flag) {
		variable, fallback := environment[f.Name], f.DefValue
		if variable != "" {
			variable = "`" + variable + "`"
		}
		fmt.Fprintf(&want, "| `-%s` | %s | %s | %s |\n", f.Name, variable, fallback, f.Usage)
	})
	doc, err := os.ReadFile("../../docs/server.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(doc), "| flag | variable | default | meaning |\n|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	assert.Equal(t, want.String(), table+"\n")
}

func TestEnvironmentNamesFlags(t *testing.T) {
	t.Parallel()
	f := new(config).flags()
	for name := range environment {
		assert.NotNil(t, f.Lookup(name), name)
	}
}
