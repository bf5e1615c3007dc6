package web

import (
	"context"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const (
	// usedDays is how far back uses are counted.
	usedDays = 30
	// usesTTL is for how long counts are good, and their failure, too.
	usesTTL = time.Minute
	// usesTimeout bounds how long a page waits for counts.
	usesTimeout = 300 * time.Millisecond
)

// uses are the counts of a kind. A page that cannot have them does without.
type uses struct {
	top   func(ctx context.Context, kind string, since time.Time, limit int) ([]usage.Count, error)
	kind  string
	limit int // how many there are

	mu     sync.Mutex
	until  time.Time
	counts map[string]int64
}

// get returns how often each has been used, by name.
func (u *uses) get(ctx context.Context) map[string]int64 {
	if u.top == nil || u.limit == 0 {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	if now.Before(u.until) {
		return u.counts
	}
	u.until = now.Add(usesTTL)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), usesTimeout)
	defer cancel()
	if list, err := u.top(ctx, u.kind, now.AddDate(0, 0, -usedDays), u.limit); err == nil {
		u.counts = map[string]int64{}
		for _, count := range list {
			u.counts[count.Name] = count.Uses
		}
	}
	return u.counts
}
