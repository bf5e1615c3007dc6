package tokens_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// memory keeps every version, the newest last.
type memory struct {
	versions []tokens.Version
	err      error // of the next write
}

func (m *memory) Read(_ context.Context, stage tokens.Stage) (*tokens.Version, error) {
	i := len(m.versions) - 1
	if stage == tokens.Previous {
		i--
	}
	if i < 0 {
		return nil, nil
	}
	return &m.versions[i], nil
}

func (m *memory) Write(_ context.Context, text string) error {
	if m.err != nil {
		return m.err
	}
	m.versions = append(m.versions, tokens.Version{Text: text, Created: time.Now()})
	return nil
}

func (m *memory) rotate(t *testing.T) (token string) {
	t.Helper()
	require.NoError(t, tokens.Rotate(t.Context(), m, func(made string) error { token = made; return nil }))
	return token
}

func yes(tokens.Token, tokens.Token) error { return nil }

func fingerprints(t *testing.T, m *memory) (list []string) {
	t.Helper()
	valid, err := tokens.Read(t.Context(), m)
	require.NoError(t, err)
	for _, token := range valid {
		list = append(list, token.Fingerprint)
	}
	return list
}

func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		assert.Empty(t, fingerprints(t, m))
		first := m.rotate(t)
		made := time.Now().UTC()
		time.Sleep(time.Hour)
		second := m.rotate(t)
		assert.Equal(t, []string{tokens.Fingerprint(second), tokens.Fingerprint(first)}, fingerprints(t, m))
		valid, err := guard.ParseTokens(m.versions[1].Text)
		require.NoError(t, err)
		assert.Len(t, valid, 2, "the server takes both")
		assert.Equal(t, 1, strings.Count(m.versions[1].Text, "\n"), "one a line")
		assert.NotContains(t, m.versions[1].Text, second)

		list, err := tokens.Read(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, []time.Time{made.Add(time.Hour), made}, []time.Time{list[0].Since, list[1].Since})

		refused(t, tokens.Rotate(t.Context(), m, func(string) error { t.Error("no token may be made"); return nil }), "there are 2: run ops tokens retire")
		refused(t, tokens.Retire(t.Context(), m, tokens.RetireOptions{}, yes), "must be 5m0s old for all servers to know it, it is 0s: wait, or add --now")
		time.Sleep(tokens.Settle)
		refused(t, tokens.Retire(t.Context(), m, tokens.RetireOptions{}, func(goes, stays tokens.Token) error {
			assert.Equal(t, []string{tokens.Fingerprint(first), tokens.Fingerprint(second)}, []string{goes.Fingerprint, stays.Fingerprint})
			return errors.New("the answer was no")
		}), "the answer was no")
		require.Len(t, m.versions, 2, "nothing was written")
		require.NoError(t, tokens.Retire(t.Context(), m, tokens.RetireOptions{}, yes))
		assert.Equal(t, []string{tokens.Fingerprint(second)}, fingerprints(t, m))
		refused(t, tokens.Retire(t.Context(), m, tokens.RetireOptions{Now: true}, yes), "two tokens must be valid, there are 1")
	})
}

func TestRetireAtOnce(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]tokens.RetireOptions{"oldest": {Now: true}, "newest": {Newest: true}} {
		m := &memory{}
		first, second := m.rotate(t), m.rotate(t)
		require.NoError(t, tokens.Retire(t.Context(), m, opts, yes))
		want := map[bool]string{false: second, true: first}[opts.Newest]
		assert.Equal(t, []string{tokens.Fingerprint(want)}, fingerprints(t, m), name)
	}
}

// A token that cannot be handed over does not become valid; of one that may be
// valid, the operator has it.
func TestFailures(t *testing.T) {
	t.Parallel()
	m := &memory{}
	require.ErrorContains(t, tokens.Rotate(t.Context(), m, func(string) error { return errors.New("disk full") }), "it is not valid: disk full")
	assert.Empty(t, m.versions)

	m.err = errors.New("timeout")
	var token string
	err := tokens.Rotate(t.Context(), m, func(made string) error { token = made; return nil })
	require.ErrorContains(t, err, "whether the new token "+tokens.Fingerprint(token)+" is valid, see ops tokens status: timeout")
	assert.NotContains(t, err.Error(), token)

	m = &memory{versions: []tokens.Version{{Text: "a-token-by-mistake"}}}
	_, err = tokens.Read(t.Context(), m)
	require.ErrorContains(t, err, "token 1 must be")
	assert.NotContains(t, err.Error(), "a-token-by-mistake")
}

func refused(t *testing.T, err error, why string) {
	t.Helper()
	var refusal *ops.RefusedError
	require.ErrorAs(t, err, &refusal)
	require.ErrorContains(t, err, why)
}
