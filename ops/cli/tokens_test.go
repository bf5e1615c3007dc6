package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

// safe is where the tokens are.
type safe struct{ current, previous *tokens.Version }

func (s *safe) Read(_ context.Context, stage tokens.Stage) (*tokens.Version, error) {
	if stage == tokens.Current {
		return s.current, nil
	}
	return s.previous, nil
}

func (s *safe) Write(_ context.Context, text string) error {
	s.current, s.previous = &tokens.Version{Text: text, Created: time.Now()}, s.current
	return nil
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var (
		out, errs bytes.Buffer
		store     tokens.Store = &safe{}
		terminal               = cli.Terminal{Out: &out, Err: &errs, Shows: true}
	)
	run := func(line, answer string) int {
		out.Reset()
		errs.Reset()
		terminal.In, terminal.Asks = strings.NewReader(answer), answer != ""
		return cli.Run(t.Context(), strings.Fields(line), terminal, func(_ context.Context, flags cli.Flags, _ io.Writer) (*cli.Target, error) {
			assert.True(t, flags.AnyDomain)
			return &cli.Target{Tokens: store}, nil
		})
	}
	assert.Equal(t, cli.ExitOK, run("tokens", ""))
	assert.Contains(t, out.String(), "Only hashes")
	assert.Equal(t, cli.ExitOK, run("tokens status", ""))
	assert.Equal(t, "No token is valid: make one with ops tokens rotate.\n", out.String())
	assert.Equal(t, cli.ExitUsage, run("tokens rotate", ""))
	assert.Contains(t, errs.String(), "nobody is there to ask: add --yes")
	assert.Equal(t, cli.ExitFailure, run("tokens rotate", "no\n"))
	assert.Empty(t, out.String())

	require.Equal(t, cli.ExitOK, run("tokens rotate", "y\n"))
	first := strings.TrimSpace(out.String())
	assert.Len(t, first, 43)
	assert.NotContains(t, errs.String(), first)
	assert.Contains(t, errs.String(), "Token "+tokens.Fingerprint(first)+" is valid")

	terminal.Shows = false
	assert.Equal(t, cli.ExitUsage, run("tokens rotate --yes", ""))
	assert.Contains(t, errs.String(), "give --out FILE")
	file := filepath.Join(t.TempDir(), "token")
	require.Equal(t, cli.ExitOK, run("tokens rotate --yes --out "+file, ""))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	second := strings.TrimSpace(string(text))
	assert.NotContains(t, out.String()+errs.String(), second)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	assert.Equal(t, cli.ExitOK, run("tokens status --json", ""))
	var list []tokens.Token
	require.NoError(t, json.Unmarshal(out.Bytes(), &list))
	assert.Equal(t, []string{tokens.Fingerprint(second), tokens.Fingerprint(first)}, []string{list[0].Fingerprint, list[1].Fingerprint})
	assert.Equal(t, cli.ExitRefused, run("tokens rotate --yes --out "+file+"2", ""))
	assert.Equal(t, cli.ExitRefused, run("tokens retire --yes", ""))
	assert.Equal(t, cli.ExitRefused, run("tokens retire --now", "no\n"))
	assert.Contains(t, errs.String(), "Clients with token "+tokens.Fingerprint(first)+" get no answer any more")
	assert.Equal(t, cli.ExitOK, run("tokens retire --now --yes", ""))
	assert.Equal(t, cli.ExitOK, run("tokens status", ""))
	assert.Regexp(t, `^token     since\n`+tokens.Fingerprint(second)+`  20\S+Z\n$`, out.String())

	assert.Equal(t, cli.ExitFailure, run("tokens rotate --yes --out "+file, ""))
	assert.Contains(t, errs.String(), "file exists", "what is there is not overwritten")
	store = nil
	assert.Equal(t, cli.ExitFailure, run("tokens status", ""))
}
