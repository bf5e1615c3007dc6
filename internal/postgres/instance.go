package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// rdsadmin is the superuser of RDS.
const rdsadmin = "rdsadmin"

// Instance is what RDS makes: a server with a database, which belongs to a master
// user that is no superuser.
type Instance struct {
	// Dir and Address are as in [Options].
	Dir, Address string
	// User is the master user, Password its password from now on. Required.
	User, Password string
	// Database is made when it is missing. Required.
	Database string
}

// Start starts the server and returns when the master user can log in, the first
// time and any later. Its URL is [Server.UserURL], and its password changes with
// [Server.SetPassword].
func (i Instance) Start(ctx context.Context) (*Server, error) {
	if i.User == "" || i.User == rdsadmin || i.Password == "" || i.Database == "" {
		return nil, fmt.Errorf("starting a database instance in %s: User, Password and Database are required, and User must not be %s", i.Dir, rdsadmin)
	}
	s, err := Start(ctx, Options{Dir: i.Dir, Address: i.Address, Superuser: rdsadmin})
	if err != nil {
		return nil, err
	}
	if err := i.provide(ctx, s); err != nil {
		s.Stop()
		return nil, fmt.Errorf("starting a database instance in %s: %w", i.Dir, err)
	}
	return s, nil
}

func (i Instance) provide(ctx context.Context, s *Server) error {
	user := identifier(i.User)
	const duplicateRole, duplicateDatabase = "42710", "42P04"
	err := s.Exec(ctx, "CREATE ROLE "+user+" LOGIN CREATEDB CREATEROLE IN ROLE pg_monitor, pg_signal_backend")
	if err := but(err, duplicateRole); err != nil {
		return fmt.Errorf("creating the master user %q: %w", i.User, err)
	}
	if err := s.SetPassword(ctx, i.User, i.Password); err != nil {
		return err
	}
	err = s.Exec(ctx, "CREATE DATABASE "+identifier(i.Database)+" OWNER "+user)
	if err := but(err, duplicateDatabase); err != nil {
		return fmt.Errorf("creating the database %q: %w", i.Database, err)
	}
	return nil
}

// but returns the error unless it is PostgreSQL's with the code.
func but(err error, code string) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == code {
		return nil
	}
	return err
}
