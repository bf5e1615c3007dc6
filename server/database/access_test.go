// These tests run as a master user who may make roles, as that of RDS. They do
// not prove what RDS itself adds to PostgreSQL.
package database_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
)

const (
	version1 = "schema is at version 1\n"
	granted  = "user \"codeflow_server\" has the access of the server\n"
)

// rds is a server with a database codeflow that belongs to the user master.
type rds struct {
	url string // of the superuser
	cfg database.Config
}

func startRDS(t *testing.T) rds {
	t.Helper()
	server := postgrestest.Start(t)
	r := rds{url: server.NewDatabase("codeflow")}
	server.Exec("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'hunter2'")
	server.Exec("ALTER DATABASE codeflow OWNER TO master")
	r.cfg = database.Config{
		URL: server.UserURL("codeflow_server", "", "codeflow"), IAM: true,
		Login: `{"username": "master", "password": "hunter2", "engine": "postgres"}`,
	}
	return r
}

// up runs what the task does first.
func (r rds) up(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, database.Migrate(t.Context(), r.cfg, []string{"up"}, &out))
	return out.String()
}

// as runs a statement in a session of a user, and returns the code of its error.
func (r rds) as(t *testing.T, user, sql string) (code string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), r.url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "SET SESSION AUTHORIZATION "+user)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	var pg *pgconn.PgError
	if err != nil {
		require.ErrorAs(t, err, &pg, sql)
		return pg.Code
	}
	return ""
}

func TestAccess(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	out := r.up(t)
	assert.Regexp(t, `^OK    up 00001_usage_events.sql \(.*\)\n`+version1+granted+"$", out)
	assert.Empty(t, r.as(t, "master", "CREATE TABLE later (n int GENERATED ALWAYS AS IDENTITY); CREATE TABLE counted (n serial)"))

	const denied = "42501"
	for sql, want := range map[string]string{
		"SELECT * FROM usage_events":                               "",
		"INSERT INTO usage_events SELECT * FROM usage_events":      "",
		"UPDATE usage_events SET name = ''":                        "",
		"DELETE FROM usage_events":                                 "",
		"SELECT * FROM goose_db_version":                           "",
		"INSERT INTO later DEFAULT VALUES":                         "",
		"INSERT INTO counted DEFAULT VALUES":                       "",
		"DELETE FROM goose_db_version":                             denied,
		"INSERT INTO goose_db_version VALUES (9, 9, true)":         denied,
		"TRUNCATE usage_events":                                    denied,
		"DROP TABLE usage_events":                                  denied,
		"ALTER TABLE usage_events ADD n int":                       denied,
		"CREATE TABLE more (n int)":                                denied,
		"CREATE TEMPORARY TABLE more (n int)":                      denied,
		"CREATE SCHEMA more":                                       denied,
		"CREATE ROLE more":                                         denied,
		"CREATE DATABASE more":                                     denied,
		"ALTER ROLE codeflow_server CREATEROLE":                    denied,
		"SET ROLE master":                                          denied,
		"SELECT setval('goose_db_version_id_seq', 7)":              denied,
		"SELECT nextval('goose_db_version_id_seq'), 'of no table'": denied,
	} {
		assert.Equal(t, want, r.as(t, "codeflow_server", sql), sql)
	}
}

// Whatever somebody changed is set right at the next start.
func TestAccessIsRepaired(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	r.up(t)
	for _, change := range []string{
		"CREATE ROLE rds_iam",
		"REVOKE rds_iam FROM codeflow_server",
		"ALTER ROLE codeflow_server NOLOGIN",
		"ALTER ROLE codeflow_server CREATEROLE",
		"GRANT CREATE ON DATABASE codeflow TO codeflow_server",
		"GRANT TEMPORARY ON DATABASE codeflow TO PUBLIC",
		"GRANT CREATE ON SCHEMA public TO PUBLIC",
		"REVOKE SELECT ON goose_db_version FROM codeflow_server",
		"GRANT DELETE ON goose_db_version TO codeflow_server",
		"REVOKE UPDATE ON usage_events FROM codeflow_server",
		"GRANT TRUNCATE ON usage_events TO codeflow_server",
		"GRANT USAGE ON SEQUENCE goose_db_version_id_seq TO codeflow_server",
		"ALTER DEFAULT PRIVILEGES FOR ROLE master IN SCHEMA public REVOKE DELETE ON TABLES FROM codeflow_server",
		"ALTER DEFAULT PRIVILEGES FOR ROLE master IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM codeflow_server",
	} {
		query[string](t, r.url, change)
		assert.Equal(t, version1+granted, r.up(t), change)
		assert.Equal(t, version1, r.up(t), change)
	}
	assert.Equal(t, []bool{true}, query[bool](t, r.url, "SELECT pg_has_role('codeflow_server', 'rds_iam', 'MEMBER')"))
}

func TestAccessThatCannotBeSetRight(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	r.up(t)
	for _, change := range []string{"ALTER TABLE usage_events OWNER TO codeflow_server", "ALTER ROLE codeflow_server SUPERUSER"} {
		query[string](t, r.url, change)
		var out bytes.Buffer
		err := database.Migrate(t.Context(), r.cfg, []string{"up"}, &out)
		require.ErrorContains(t, err, `migrating the database: giving user "codeflow_server" access: `, change)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, version1, out.String())
		query[string](t, r.url, "ALTER TABLE usage_events OWNER TO master")
	}
}

// Nothing is locked or waited for when all is current.
func TestCurrentWaitsForNobody(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	r.up(t)
	conn, err := pgx.Connect(t.Context(), r.url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", lock.DefaultLockID)
	require.NoError(t, err)
	assert.Equal(t, version1, r.up(t))

	query[string](t, r.url, "ALTER ROLE codeflow_server NOLOGIN")
	r.cfg.LockTimeout = time.Millisecond
	assert.ErrorContains(t, database.Migrate(t.Context(), r.cfg, []string{"up"}, new(bytes.Buffer)), "waiting for another migration to end")
}

func TestSixTasksStartAtOnce(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	query[string](t, r.url, "CREATE ROLE rds_iam")
	var wg sync.WaitGroup
	outs := make([]string, 6)
	for i := range outs {
		wg.Go(func() { outs[i] = r.up(t) })
	}
	wg.Wait()
	ran := 0
	for _, out := range outs {
		assert.Contains(t, out, version1)
		ran += bytes.Count([]byte(out), []byte("OK    up"))
	}
	assert.Equal(t, 1, ran)
	assert.Equal(t, version1, r.up(t))
}

func testNewer(t *testing.T, server *postgrestest.Server) {
	const newer = "schema is at version 99\nthat is newer than the version 1 of this release, which works with it: nothing is changed\n"
	url := server.NewDatabase("newer")
	migrateUp(t, url)
	query[string](t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)")
	const login = `{"username": "postgres", "password": "postgres"}`
	for _, cfg := range []database.Config{{URL: url}, {URL: server.UserURL("nobody_yet", "", "newer"), Login: login}} {
		var out bytes.Buffer
		require.NoError(t, database.Migrate(t.Context(), cfg, []string{"up"}, &out))
		assert.Equal(t, newer, out.String())
	}
}
