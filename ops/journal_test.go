package ops_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

func TestOneHasTheLock(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "prod")
	first, err := ops.OpenJournal(dir, "ops switch --to green")
	require.NoError(t, err)
	_, err = ops.OpenJournal(dir, "ops switch --to blue")
	var locked *ops.LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, os.Getpid(), locked.Holder.PID)
	assert.WithinDuration(t, time.Now(), locked.Holder.Since, time.Minute)
	assert.ErrorContains(t, err, "ops switch --to green) since "+locked.Holder.Since.Local().Format(time.DateTime))
	_, holder, err := ops.ReadJournal(dir)
	require.NoError(t, err)
	assert.Equal(t, &locked.Holder, holder)
	require.NoError(t, first.Close())
	_, holder, err = ops.ReadJournal(dir)
	require.NoError(t, err)
	assert.Nil(t, holder)
	second, err := ops.OpenJournal(dir, "ops switch --to blue")
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

// A note that a killed process left is no lock.
func TestNoteOfTheDeadIsNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "holder.json"), []byte(`{"user":"ghost"}`), 0o600))
	_, holder, err := ops.ReadJournal(dir)
	require.NoError(t, err)
	assert.Nil(t, holder)
}

// Wherever the last line is cut off, the entries before it are whole, and the next
// one is not glued to it.
func TestCutJournal(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	j, err := ops.OpenJournal(whole, "test")
	require.NoError(t, err)
	for _, text := range []string{"one", "two"} {
		require.NoError(t, j.Append(ops.Entry{Event: ops.Noted, Text: text}))
	}
	require.NoError(t, j.Close())
	data, err := os.ReadFile(filepath.Join(whole, "journal.jsonl"))
	require.NoError(t, err)
	line := len(data) / 2
	for cut := line; cut < len(data); cut++ {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), data[:cut], 0o600))
		entries, _, err := ops.ReadJournal(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		j, err := ops.OpenJournal(dir, "test")
		require.NoError(t, err)
		require.NoError(t, j.Append(ops.Entry{Event: ops.Noted, Text: "three"}))
		entries, err = j.Entries()
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.Equal(t, "three", entries[1].Text)
		require.NoError(t, j.Close())
	}
}

func TestBrokenJournalIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), []byte("{}\nnonsense\n{}\n"), 0o600))
	_, _, err := ops.ReadJournal(dir)
	require.ErrorContains(t, err, "line 2 must be one JSON object")
}

// What cannot be written down is not done.
func TestJournalComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.Journal = fullDisk{w.journal}
	require.ErrorContains(t, w.Switch(t.Context(), green()), "no space left")
	assert.Equal(t, ops.Weights{"blue": 100}, w.records())
}

type fullDisk struct{ ops.Journal }

func (fullDisk) Append(ops.Entry) error { return errors.New("no space left") }
