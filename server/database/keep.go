package database

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

// How often [DB.Keep] looks, and how often it deletes.
const (
	lookInterval   = time.Minute
	deleteInterval = time.Hour
	deletedAtOnce  = 10_000
)

// PostgreSQL archives its log for RDS, which can restore to that time and no later.
// https://www.postgresql.org/docs/16/monitoring-stats.html
const lastArchived = "SELECT coalesce(last_archived_time, 'epoch') FROM pg_stat_archiver"

// Several servers may delete at once: none waits for another.
const deleteEvents = `
DELETE FROM usage_events WHERE (batch_id, n) IN (
    SELECT batch_id, n FROM usage_events WHERE kind = $1 AND at < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)`

// Keeper cares for a database while a server runs.
type Keeper struct {
	// Retention is how long uses are kept. Default: for ever.
	Retention time.Duration
	// Logger is told what cannot be deleted. Required.
	Logger *slog.Logger

	archived atomic.Pointer[time.Time]
}

// Restorable is the newest time that the database can be restored to, as far as is
// known: the zero time when nothing is, or when it does not archive.
func (k *Keeper) Restorable() time.Time {
	if at := k.archived.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Keep asks the database each minute how new its newest backup is, and deletes what
// is old each hour, until ctx is done.
func (k *Keeper) Keep(ctx context.Context, db *DB) {
	look, remove := time.NewTicker(lookInterval), time.NewTicker(deleteInterval)
	defer look.Stop()
	defer remove.Stop()
	for k.look(ctx, db); ; {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			k.look(ctx, db)
		case now := <-remove.C:
			if err := k.remove(ctx, db, now); err != nil && ctx.Err() == nil {
				k.Logger.Warn("old uses are not deleted", "error", err)
			}
		}
	}
}

// look leaves what is known when the database is away: its backup gets no newer.
func (k *Keeper) look(ctx context.Context, db *DB) {
	var at time.Time
	err := db.do(ctx, func(ctx context.Context) error { return db.pool.QueryRow(ctx, lastArchived).Scan(&at) })
	if err == nil && at.Unix() > 0 {
		k.archived.Store(&at)
	}
}

func (k *Keeper) remove(ctx context.Context, db *DB, now time.Time) error {
	if k.Retention == 0 {
		return nil
	}
	for _, kind := range usage.Kinds {
		for deleted := int64(deletedAtOnce); deleted == deletedAtOnce; {
			if err := db.do(ctx, func(ctx context.Context) error {
				tag, err := db.pool.Exec(ctx, deleteEvents, kind, now.Add(-k.Retention), deletedAtOnce)
				deleted = tag.RowsAffected()
				return err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}
