package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Borne measures how many requests per second the machine bears on the whole way, with
// what the clients cost: each of them sends one after the other, of the same mix as a
// [Load] sends. It returns the good answers per second, and the span in which they were
// counted: the time that was asked for, after half as long to warm up. Rate and
// MaxInFlight are not used.
func Borne(ctx context.Context, opts Options, counted time.Duration) (perSecond float64, in Span, err error) {
	l, err := prepared(ctx, opts)
	if err != nil {
		return 0, Span{}, fmt.Errorf("measuring what the machine bears: %w", err)
	}
	defer l.Stop()
	in.From = time.Now().Add(counted / 2)
	in.To = in.From.Add(counted)
	var good atomic.Int64
	var sending sync.WaitGroup
	for i, c := range l.clients {
		sending.Go(func() {
			mix := rand.New(rand.NewPCG(9, uint64(i))) //nolint:gosec // nothing is secret here.
			ctx, cancel := context.WithDeadline(ctx, in.To)
			defer cancel()
			for ctx.Err() == nil {
				_, do := l.choose(mix)
				if do(ctx, c) == nil && time.Now().After(in.From) {
					good.Add(1)
				}
			}
		})
	}
	sending.Wait()
	return float64(good.Load()) / counted.Seconds(), in, ctx.Err()
}
