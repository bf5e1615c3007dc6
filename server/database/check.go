package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

const undefinedTable = "42P01" // SQLSTATE

// Check connects to the database and compares its schema with what this server
// needs. A newer schema is well: migrations only add while two colours share
// the database.
func (db *DB) Check(ctx context.Context) error {
	var version int64
	err := db.do(ctx, func(ctx context.Context) error {
		return db.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version)
	})
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == undefinedTable:
	case err != nil:
		return fmt.Errorf("checking the database: %w", err)
	}
	if version < schemaVersion() {
		return fmt.Errorf("schema is at version %d, this server needs %d: run \"codeflow-server migrate up\"", version, schemaVersion())
	}
	return nil
}
