package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Migrate changes the schema as args say, and prints a line for each migration
// that it ran or lists:
//
//	up      to the newest version, unless it is newer; with a login of its own,
//	        also make the URL's user and give it what the server needs
//	down    one version back, with the loss of what it held
//	to N    up or down to version N; 0 is the empty database
//	status  list the migrations and when they ran
//
// It waits for another Migrate to end, so that several servers may begin with
// it, and does not use the circuit breaker of the database. Its errors have one
// line and no secret.
func Migrate(ctx context.Context, cfg Config, args []string, out io.Writer) error {
	if err := checkArgs(args); err != nil {
		return err
	}
	cfg.LockTimeout = cmp.Or(cfg.LockTimeout, defaultLockTimeout)
	pool, err := cfg.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	if args[0] == "up" && cfg.Login != "" {
		err = prepare(ctx, cfg, pool, out)
	} else {
		err = changeSchema(ctx, cfg, pool, args, out)
	}
	if err != nil {
		return fmt.Errorf("migrating the database: %w", oneLine{err})
	}
	return nil
}

// Unreachable reports whether an error of [Migrate] is that nobody could connect
// and log in: then nothing was changed, and nothing is known of the schema.
func Unreachable(err error) bool {
	var refused *pgconn.ConnectError
	return errors.As(err, &refused)
}

// oneLine is an error whose text has no line breaks: a log has it as one event.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// prepare brings the schema and the access of the server's user up to date. When
// they are, it asks once and does nothing else; so it does when the schema is
// newer, as for a release that was rolled back: the newer one decides who may
// do what.
func prepare(ctx context.Context, cfg Config, pool *pgxpool.Pool, out io.Writer) error {
	server := cfg.user()
	before, err := readAccess(ctx, pool, server)
	if err != nil {
		return err
	}
	if before.version < schemaVersion() {
		if err := changeSchema(ctx, cfg, pool, []string{"up"}, out); err != nil {
			return err
		}
		if before, err = readAccess(ctx, pool, server); err != nil {
			return err
		}
	} else {
		printVersion(out, before.version)
	}
	if len(before.wrong) == 0 || before.version > schemaVersion() {
		return nil
	}
	if err := grantAccess(ctx, pool, server, cfg.LockTimeout); err != nil {
		return err
	}
	fmt.Fprintf(out, "user %q has the access of the server\n", server)
	return nil
}

func changeSchema(ctx context.Context, cfg Config, pool *pgxpool.Pool, args []string, out io.Writer) error {
	conns := stdlib.OpenDBFromPool(pool)
	defer conns.Close()
	provider, err := newProvider(conns, cfg.LockTimeout)
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	if args[0] == "status" {
		return printStatus(ctx, provider, out)
	}
	return run(ctx, provider, args, out)
}

func checkArgs(args []string) error {
	switch {
	case len(args) == 1 && (args[0] == "up" || args[0] == "down" || args[0] == "status"):
		return nil
	case len(args) == 2 && args[0] == "to":
		if version, err := strconv.ParseInt(args[1], 10, 64); err != nil || version < 0 || version > schemaVersion() {
			return fmt.Errorf("migrate to: version must be a number from 0 to %d, got %q", schemaVersion(), args[1])
		}
		return nil
	}
	return fmt.Errorf("migrate: must be one of up, down, status, or to with a version, got %q", args)
}

// run runs migrations and prints those that went well, even when a later one
// did not.
func run(ctx context.Context, provider *goose.Provider, args []string, out io.Writer) error {
	results, err := migrate(ctx, provider, args)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results = partial.Applied
	}
	for _, result := range results {
		fmt.Fprintln(out, result)
	}
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	printVersion(out, version)
	return nil
}

func printVersion(out io.Writer, version int64) {
	fmt.Fprintf(out, "schema is at version %d\n", version)
	if version > schemaVersion() {
		fmt.Fprintf(out, "that is newer than the version %d of this release, which works with it: nothing is changed\n", schemaVersion())
	}
}

func migrate(ctx context.Context, provider *goose.Provider, args []string) ([]*goose.MigrationResult, error) {
	switch args[0] {
	case "up":
		return provider.Up(ctx)
	case "down":
		result, err := provider.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil, nil // it is empty
		}
		if err != nil {
			return nil, err
		}
		return []*goose.MigrationResult{result}, nil
	}
	target, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return nil, err
	}
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return nil, err
	}
	if target > current {
		return provider.UpTo(ctx, target)
	}
	return provider.DownTo(ctx, target)
}

func printStatus(ctx context.Context, provider *goose.Provider, out io.Writer) error {
	migrations, err := provider.Status(ctx)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		state := string(m.State)
		if m.State == goose.StateApplied {
			state += " " + m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s: %s\n", path.Base(m.Source.Path), state)
	}
	return nil
}
