package database

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3/lock"
)

var (
	//go:embed access.sql
	accessQuery string
	//go:embed create.sql
	createStatements string
	//go:embed grant.sql
	grantStatements string
)

// access is what the server's user finds in the database.
type access struct {
	version int64
	wrong   []string // what the user has and must not have, or the reverse
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readAccess asks once, in one round trip. A database without a schema is at
// version 0.
func readAccess(ctx context.Context, db querier, user string) (access, error) {
	var a access
	err := db.QueryRow(ctx, accessQuery, pgx.QueryExecModeExec, user).Scan(&a.version, &a.wrong)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == undefinedTable {
		return access{}, nil
	}
	if err != nil {
		return access{}, fmt.Errorf("reading what user %q may do: %w", user, err)
	}
	return a, nil
}

// grantAccess makes the server's user, and gives it what it needs and takes what
// it does not, all at once. It waits for another migration to end.
func grantAccess(ctx context.Context, pool *pgxpool.Pool, user string, wait time.Duration) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('lock_timeout', $1, true)", fmt.Sprint(wait.Milliseconds())); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lock.DefaultLockID); err != nil {
			return fmt.Errorf("waiting for another migration to end: %w", err)
		}
		a, err := readAccess(ctx, tx, user)
		if err != nil || len(a.wrong) == 0 {
			return err
		}
		if err := grant(ctx, tx, user); err != nil {
			return err
		}
		if a, err = readAccess(ctx, tx, user); err != nil || len(a.wrong) == 0 {
			return err
		}
		return fmt.Errorf("these are still wrong: %s: use a user who owns nothing, has no other role and no rights over roles and databases", strings.Join(a.wrong, ", "))
	})
	if err != nil {
		return fmt.Errorf("giving user %q access: %w", user, err)
	}
	return nil
}

func grant(ctx context.Context, tx pgx.Tx, user string) error {
	var known bool
	var database, schema string
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), current_database(), current_schema()", user).
		Scan(&known, &database, &schema)
	if err != nil {
		return err
	}
	quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
	if !known {
		if _, err := tx.Exec(ctx, fmt.Sprintf(createStatements, quote(user), quote(user+"_creator")), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, fmt.Sprintf(grantStatements, quote(user), quote(database), quote(schema)), pgx.QueryExecModeSimpleProtocol)
	return err
}
