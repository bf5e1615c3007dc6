package database

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const defaultLockTimeout = time.Minute

//go:embed migrations
var migrations embed.FS

// schemaVersion is the version that this server needs: the number of the
// newest migration, which is the last by name.
var schemaVersion = sync.OnceValue(func() int64 {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // the files are in the program
	}
	version, err := goose.NumericComponent(files[len(files)-1].Name())
	if err != nil {
		panic(err)
	}
	return version
})

func newProvider(conns *sql.DB, lockTimeout time.Duration) (*goose.Provider, error) {
	seconds := max(1, uint64(lockTimeout/time.Second))
	sessionLocker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, seconds))
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, conns, files,
		goose.WithSessionLocker(locker{sessionLocker, lockTimeout}))
}

// locker says in its errors what it waited for.
type locker struct {
	lock.SessionLocker
	timeout time.Duration
}

func (l locker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("waiting up to %s for another migration to end: %w: pg_locks shows who holds the advisory lock %d",
			l.timeout, err, lock.DefaultLockID)
	}
	return nil
}
