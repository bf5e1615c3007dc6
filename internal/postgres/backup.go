package postgres

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Backup writes a base backup of the server, as it runs, into a file that appears
// when it is complete. It can be restored to a time after Backup has returned with
// the WAL that is archived, and to its own end without any.
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
	archive, err := gzip.NewWriterLevel(partial, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := s.baseBackup(ctx, archive); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

// baseBackup asks for what pg_basebackup asks for, which npm's packages do not
// have: a tar of the files with the WAL that they need.
// https://www.postgresql.org/docs/16/protocol-replication.html
func (s *Server) baseBackup(ctx context.Context, out io.Writer) error {
	conn, err := pgconn.Connect(ctx, s.URL()+"&replication=true")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	conn.Frontend().Send(&pgproto3.Query{String: "BASE_BACKUP (CHECKPOINT 'fast', WAL true, MANIFEST false)"})
	if err := conn.Frontend().Flush(); err != nil {
		return err
	}
	for archives := 0; ; {
		message, err := conn.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *pgproto3.ErrorResponse:
			return pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			return nil
		case *pgproto3.CopyData:
			switch m.Data[0] {
			case 'n':
				if archives++; archives > 1 {
					return errors.New("it has a second tablespace")
				}
			case 'd':
				if _, err := out.Write(m.Data[1:]); err != nil {
					return err
				}
			}
		}
	}
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
