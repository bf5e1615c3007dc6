package database

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sony/gobreaker/v2"
)

const defaultThreshold = 5

// newBreaker returns a circuit breaker that reports its changes. It does not
// count requests that were given up by whoever made them.
func newBreaker(cfg Config) *gobreaker.CircuitBreaker[struct{}] {
	threshold := cfg.Breaker.Threshold
	if threshold == 0 {
		threshold = defaultThreshold
	}
	log := cfg.Logger
	if log == nil {
		log = slog.Default()
	}
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "database",
		Timeout:      cfg.Breaker.Timeout, // gobreaker's default is a minute too
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= threshold },
		IsSuccessful: func(err error) bool { return err == nil || answered(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			log.Warn("circuit breaker changed", "name", name, "from", from.String(), "to", to.String())
			if cfg.OnStateChange != nil {
				cfg.OnStateChange(name, from.String(), to.String())
			}
		},
	})
}

// answered reports whether the error is PostgreSQL's answer to a statement,
// such as a missing table: the database is well, only the statement is not.
func answered(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR"
}
