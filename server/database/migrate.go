package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Migrate changes the schema as args say, and prints a line for each migration
// that it ran or lists:
//
//	up      to the newest version
//	down    one version back, with the loss of what it held
//	to N    up or down to version N; 0 is the empty database
//	status  list the migrations and when they ran
//
// It waits for another Migrate to end, so that several servers may begin with
// it, and does not use the circuit breaker of the database.
func Migrate(ctx context.Context, cfg Config, args []string, out io.Writer) error {
	if err := checkArgs(args); err != nil {
		return err
	}
	db, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	conns := stdlib.OpenDBFromPool(db.pool)
	defer conns.Close()
	provider, err := newProvider(conns, cfg.LockTimeout)
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	if args[0] == "status" {
		err = printStatus(ctx, provider, out)
	} else {
		err = run(ctx, provider, args, out)
	}
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
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
	fmt.Fprintf(out, "schema is at version %d\n", version)
	return nil
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
