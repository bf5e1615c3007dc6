package opstest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Store is an object in memory. Each machine has a [Store.Line] to it.
type Store struct {
	mu      sync.Mutex
	data    []byte
	version int
	written time.Time
}

// Line is one machine's way to a store.
type Line struct {
	Store *Store
	// Cut is asked before each use: an error is the network's. When it is lost on the
	// way back, the use was carried out.
	Cut func() (err error, onTheWayBack bool)
}

var _ ops.Store = (*Line)(nil)

// Line is a way to the store that is never cut.
func (s *Store) Line() *Line { return &Line{Store: s} }

func (l *Line) String() string { return "memory" }

func (l *Line) use(ctx context.Context, use func() error) error {
	var cut error
	back := false
	if l.Cut != nil {
		cut, back = l.Cut()
	}
	if cut != nil && !back {
		return cut
	}
	l.Store.mu.Lock()
	defer l.Store.mu.Unlock()
	return errors.Join(ctx.Err(), use(), cut)
}

// Read implements [ops.Store].
func (l *Line) Read(ctx context.Context) (stored ops.Stored, err error) {
	s := l.Store
	err = l.use(ctx, func() error {
		if s.version > 0 {
			stored = ops.Stored{Data: s.data, Version: strconv.Itoa(s.version), Age: time.Since(s.written)}
		}
		return nil
	})
	return stored, err
}

// Write implements [ops.Store].
func (l *Line) Write(ctx context.Context, data []byte, version string) (next string, err error) {
	s := l.Store
	err = l.use(ctx, func() error {
		if version != "" && version != strconv.Itoa(s.version) || version == "" && s.version > 0 {
			return ops.ErrStoreChanged
		}
		s.data, s.version, s.written = append([]byte(nil), data...), s.version+1, time.Now()
		next = strconv.Itoa(s.version)
		return nil
	})
	return next, err
}

// StoreContract is what every [ops.Store] must do. It begins without an object.
func StoreContract(t *testing.T, s ops.Store) {
	t.Helper()
	ctx := t.Context()
	none, err := s.Read(ctx)
	require.NoError(t, err)
	assert.Equal(t, ops.Stored{}, none)
	_, err = s.Write(ctx, []byte("x"), "\"none\"")
	require.Error(t, err, "there is nothing to replace")
	first, err := s.Write(ctx, []byte("one"), "")
	require.NoError(t, err)
	_, err = s.Write(ctx, []byte("two"), "")
	require.ErrorIs(t, err, ops.ErrStoreChanged, "it is there already")
	second, err := s.Write(ctx, []byte("two"), first)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	_, err = s.Write(ctx, []byte("three"), first)
	require.ErrorIs(t, err, ops.ErrStoreChanged, "somebody was faster")
	got, err := s.Read(ctx)
	require.NoError(t, err)
	assert.Equal(t, "two", string(got.Data))
	assert.Equal(t, second, got.Version)
	assert.Less(t, got.Age, time.Minute)
}
