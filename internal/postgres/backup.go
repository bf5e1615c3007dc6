package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// Backup writes a base backup of the server, as it runs, into a file that appears
// when it is complete. It can be restored to a time after Backup has returned with
// the WAL that is archived, and to its own end without any.
// https://www.postgresql.org/docs/15/app-pgbasebackup.html
func (s *Server) Backup(ctx context.Context, file string) error {
	if err := s.backup(ctx, file); err != nil {
		return fmt.Errorf("backing the PostgreSQL of %s up: %w", s.opts.Dir, err)
	}
	return nil
}

func (s *Server) backup(ctx context.Context, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(file), "*.partial")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(partial.Name()) }() // it has got its name.
	defer partial.Close()
	lock, err := os.Open(os.DevNull) // the server has the lock.
	if err != nil {
		return err
	}
	defer lock.Close()
	cmd, err := s.opts.command(ctx, lock, "pg_basebackup", "--host="+s.host, "--port="+s.port, "--username="+s.opts.Superuser, "--no-password",
		"--pgdata=-", "--format=tar", "--compress=1", "--wal-method=fetch", "--checkpoint=fast")
	if err != nil {
		return err
	}
	cmd.Env, cmd.Stdout = append(os.Environ(), "PGPASSWORD="+s.password), partial
	if err := s.opts.run(ctx, cmd); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

// Archived makes sure that all that was committed before the call is archived, and
// returns the latest time that a server can be restored to.
func (s *Server) Archived(ctx context.Context) (latest time.Time, err error) {
	if latest, err = s.archived(ctx); err != nil {
		return time.Time{}, fmt.Errorf("archiving the WAL of the PostgreSQL of %s: %w", s.opts.Dir, err)
	}
	return latest, nil
}

func (s *Server) archived(ctx context.Context) (latest time.Time, err error) {
	if s.opts.Archive == "" {
		return latest, errors.New("it has no archive")
	}
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return latest, err
	}
	defer conn.Close(ctx)
	// A restore ends at the first commit that is later than its time, so there must
	// be one. RDS has such a heartbeat, too.
	var segment string
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&latest); err != nil {
		return latest, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_logical_emit_message(true, 'heartbeat', '')"); err != nil {
		return latest, err
	}
	if err := conn.QueryRow(ctx, "SELECT pg_walfile_name(pg_switch_wal())").Scan(&segment); err != nil {
		return latest, err
	}
	for file := archivedName(s.opts.Archive, segment); ; {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return latest, err
		}
		select {
		case <-ctx.Done():
			return latest, fmt.Errorf("waiting for %s: %w", file, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

func archivedName(archive, segment string) string { return filepath.Join(archive, segment+".gz") }

func (o Options) makeArchive() error {
	if o.Archive == "" {
		return nil
	}
	if err := os.MkdirAll(o.Archive, 0o755); err != nil {
		return err
	}
	return give(o.Archive)
}

// durability is what the server writes down for others to restore from. That
// nothing is synced to disk does not matter to them: the archive is written
// through the same file system.
func (o Options) durability() []string {
	if o.Archive == "" {
		return []string{"-c", "synchronous_commit=off", "-c", "full_page_writes=off"}
	}
	to := shellPath(o.Archive) + "/%f.gz"
	return []string{
		"-c", "wal_level=replica", "-c", "archive_mode=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on",
		"-c", "archive_command=test -f " + to + " || { gzip -1 < %p > " + to + ".partial && mv " + to + ".partial " + to + "; }",
	}
}
