package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// rdsadmin is the superuser of RDS.
const rdsadmin = "rdsadmin"

// RoleIAM is the role of RDS whose members log in with a token of IAM. The master
// user may grant it.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
const RoleIAM = "rds_iam"

// Instance is what RDS makes: a server with a database, which belongs to a master
// user that is no superuser.
type Instance struct {
	// Dir, Address and Version are as in [Options].
	Dir, Address, Version string
	// User is the master user, Password its password from now on. Required.
	User, Password string
	// Database is made when it is missing. Required.
	Database string
	// AdminPassword is that of the superuser. A restored instance has that of its
	// source, so it is required with Origin. Default: a random one.
	AdminPassword string
	// Archive and Origin are as in [Options].
	Archive string
	Origin  *Origin
}

// Start starts the server and returns when the master user can log in, the first
// time and any later. Its URL is [Server.UserURL], and its password changes with
// [Server.SetPassword].
func (i Instance) Start(ctx context.Context) (*Server, error) {
	if i.User == "" || i.User == rdsadmin || i.Password == "" || i.Database == "" {
		return nil, fmt.Errorf("starting a database instance in %s: User, Password and Database are required, and User must not be %s", i.Dir, rdsadmin)
	}
	if i.Origin != nil && i.AdminPassword == "" {
		return nil, fmt.Errorf("starting a database instance in %s: AdminPassword must be its source's", i.Dir)
	}
	s, err := Start(ctx, Options{
		Dir: i.Dir, Address: i.Address, Version: i.Version, Superuser: rdsadmin, Password: i.AdminPassword, Archive: i.Archive, Origin: i.Origin,
	})
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
	if err := but(s.Exec(ctx, "CREATE ROLE "+RoleIAM), duplicateRole); err != nil {
		return fmt.Errorf("creating the role %q: %w", RoleIAM, err)
	}
	// PostgreSQL 16 and later let only a role's administrators grant it.
	grant := "GRANT " + RoleIAM + " TO " + user + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
	if err := s.Exec(ctx, "DO $do$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN EXECUTE '"+
		strings.ReplaceAll(grant, "'", "''")+"'; END IF; END $do$"); err != nil {
		return fmt.Errorf("letting %q grant the role %q: %w", i.User, RoleIAM, err)
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
