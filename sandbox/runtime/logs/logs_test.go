package logs_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

const group = "/ecs/codeflow-blue"

func write(t *testing.T, store *logs.Store, stream string, pieces ...string) {
	t.Helper()
	s, err := store.Stream(group, stream)
	require.NoError(t, err)
	for _, piece := range pieces {
		_, err := io.WriteString(s, piece)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
}

func messages(t *testing.T, store *logs.Store, since time.Time) (all []string) {
	t.Helper()
	events, err := store.Events(group, since)
	require.NoError(t, err)
	for _, event := range events {
		all = append(all, event.Stream+": "+event.Message)
	}
	return all
}

func TestLinesBecomeEvents(t *testing.T) {
	t.Parallel()
	store := logs.Open(t.TempDir(), 0)
	assert.Empty(t, messages(t, store, time.Time{}), "a group that nobody wrote to")
	write(t, store, "server/server/1", "one\ntw", "o\n\nlast")
	middle := time.Now()
	write(t, store, "server/../2", "three\n")
	write(t, store, "server/server/1", "appended")
	assert.Equal(t, []string{
		"server/server/1: one", "server/server/1: two", "server/server/1: ", "server/server/1: last",
		"server/../2: three", "server/server/1: appended",
	}, messages(t, store, time.Time{}))
	assert.Equal(t, []string{"server/../2: three", "server/server/1: appended"}, messages(t, store, middle))
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	store := logs.Open(t.TempDir(), 0)
	write(t, store, "s", strings.Repeat("x", 3<<19), strings.Repeat("y", 1<<20))
	var sizes []int
	for _, message := range messages(t, store, time.Time{}) {
		sizes = append(sizes, len(message)-len("s: "))
	}
	assert.Equal(t, []int{1 << 20, 1 << 20, 1 << 19}, sizes)
}

func TestStreamIsBounded(t *testing.T) {
	t.Parallel()
	store := logs.Open(t.TempDir(), 200)
	for range 3 {
		write(t, store, "s", strings.Repeat("x", 50), "\n", strings.Repeat("y", 50))
	}
	assert.Equal(t, []string{
		"s: " + strings.Repeat("x", 50), "s: " + strings.Repeat("y", 50), "s: (the stream is full: what follows is dropped)",
	}, messages(t, store, time.Time{}))
}
