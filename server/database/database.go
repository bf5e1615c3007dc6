package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sony/gobreaker/v2"
)

// operationTimeout bounds each operation, with the connection that it may need.
const operationTimeout = 5 * time.Second

// DB is a database of usage. It is safe for concurrent use.
type DB struct {
	pool    *pgxpool.Pool
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// Open checks the settings and returns without having connected: a database
// that is down is found by the first operation. Close the DB in the end.
// Errors and logs never have a password.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Login != "" {
		return nil, errors.New("database login: it is for migrations only: remove it")
	}
	pool, err := cfg.open(ctx)
	if err != nil {
		return nil, err
	}
	return &DB{pool: pool, breaker: newBreaker(cfg)}, nil
}

// open returns connections that are made when they are needed.
func (c Config) open(ctx context.Context) (*pgxpool.Pool, error) {
	cfg, err := c.poolConfig()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing connections to the database: %w", err)
	}
	return pool, nil
}

// Close waits for operations in flight and closes all connections.
func (db *DB) Close() { db.pool.Close() }

// State returns the state of the circuit breaker around the database:
// "closed" when all is well, "open" while operations fail at once, and
// "half-open" while one is tried.
func (db *DB) State() string { return db.breaker.State().String() }

// do runs an operation, unless the circuit breaker is open.
func (db *DB) do(ctx context.Context, operation func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	_, err := db.breaker.Execute(func() (struct{}, error) { return struct{}{}, operation(ctx) })
	return err
}
