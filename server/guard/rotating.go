package guard

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

const (
	rotatingInterval = time.Minute
	firstInterval    = 10 * time.Second // before the first list was read
)

// Rotating are bearer tokens that are read while the server runs. Before the
// first list was read, and when it is empty, nobody is admitted. The zero value
// is ready to use.
type Rotating struct{ known atomic.Pointer[Tokens] }

// Follow reads the list of [ParseTokens] now and each minute until ctx is done;
// while it never could, every 10 seconds. A list that cannot be read leaves the
// last one in force. The log gets counts, fingerprints and the errors of read.
func (r *Rotating) Follow(ctx context.Context, read func(context.Context) (string, error), log *slog.Logger) {
	for {
		r.update(ctx, read, log)
		interval := rotatingInterval
		if r.known.Load() == nil {
			interval = firstInterval
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

func (r *Rotating) update(ctx context.Context, read func(context.Context) (string, error), log *slog.Logger) {
	list, err := read(ctx)
	var tokens Tokens
	if err == nil {
		tokens, err = ParseTokens(list)
	}
	before := r.tokens()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Warn("bearer tokens cannot be read: the last known ones stay in force", "known", len(before), "error", err)
	case r.known.Load() == nil || !slices.Equal(before, tokens):
		r.known.Store(&tokens)
		log.Info("bearer tokens changed", "count", len(tokens), "fingerprints", tokens.fingerprints())
	}
}

func (r *Rotating) tokens() Tokens {
	if known := r.known.Load(); known != nil {
		return *known
	}
	return nil
}
