// These tests run as a master user who may make roles, as that of RDS. They do
// not prove what RDS itself adds to PostgreSQL.
package database_test

import (
	"bytes"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
)

const (
	version1 = "schema is at version 1\n"
	granted  = "user \"codeflow_server\" has the access of the server\n"
)

// rds is a server with a database codeflow that belongs to the user master.
type rds struct {
	server *postgrestest.Server
	url    string // of the superuser
	cfg    database.Config
}

func startRDS(t *testing.T) rds {
	t.Helper()
	return startVersion(t, postgres.DefaultVersion)
}

func startVersion(t *testing.T, version string) rds {
	t.Helper()
	server := postgrestest.StartVersion(t, version)
	r := rds{server: server, url: server.NewDatabase("codeflow")}
	server.Exec("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'hunter2'")
	server.Exec("ALTER DATABASE codeflow OWNER TO master")
	r.cfg = database.Config{
		URL: server.UserURL("codeflow_server", "", "codeflow"), IAM: true,
		Login: `{"username": "master", "password": "hunter2", "engine": "postgres"}`,
	}
	return r
}

// grantsIAM makes rds_iam, which the master user may grant.
func (r rds) grantsIAM() {
	r.server.Exec("CREATE ROLE rds_iam; GRANT rds_iam TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
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
	for _, version := range postgres.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := startVersion(t, version)
			testAccess(t, r)
			testMasterKeepsItsPassword(t, r)
		})
	}
}

func testAccess(t *testing.T, r rds) {
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

// hba is pg_hba.conf as RDS has it: members of rds_iam need a token of IAM, for which
// there is nobody here.
const hba = `host all postgres all scram-sha-256
host all +rds_iam all reject
host all all all scram-sha-256
`

// The master user may not become a member of rds_iam by what it creates: its password
// would be good no more, and every later migration would fail.
func testMasterKeepsItsPassword(t *testing.T, r rds) {
	r.grantsIAM()
	assert.Equal(t, version1+granted, r.up(t))
	r.server.Exec("GRANT rds_iam TO codeflow_server")
	// RDS lets its master user grant rds_iam without being a member of it.
	r.server.Exec("REVOKE rds_iam FROM master CASCADE")

	require.NoError(t, os.WriteFile(query[string](t, r.url, "SHOW hba_file")[0], []byte(hba), 0o600))
	r.server.Restart()
	assert.Equal(t, version1, r.up(t))
	_, err := pgx.Connect(t.Context(), r.server.UserURL("codeflow_server", "any", "codeflow"))
	require.ErrorContains(t, err, "pg_hba.conf rejects connection")

	assert.Empty(t, r.as(t, "master", "CREATE ROLE direct"))
	r.server.Exec("GRANT rds_iam TO direct")
	err = database.Migrate(t.Context(), r.cfg, []string{"up"}, new(bytes.Buffer))
	require.ErrorContains(t, err, "pg_hba.conf rejects connection", "so it is without the other role")
	assert.True(t, database.Unreachable(err))
}

// Whatever somebody changed is set right at the next start.
func TestAccessIsRepaired(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	r.up(t)
	r.grantsIAM()
	assert.Equal(t, version1+granted, r.up(t))
	for _, change := range []string{
		"REVOKE rds_iam FROM codeflow_server GRANTED BY master",
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
	for _, change := range []string{
		"ALTER TABLE usage_events OWNER TO codeflow_server", "ALTER ROLE codeflow_server CREATEROLE", "ALTER ROLE codeflow_server NOLOGIN",
		"ALTER ROLE codeflow_server SUPERUSER",
	} {
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

	query[string](t, r.url, "GRANT TRUNCATE ON usage_events TO codeflow_server")
	r.cfg.LockTimeout = time.Millisecond
	assert.ErrorContains(t, database.Migrate(t.Context(), r.cfg, []string{"up"}, new(bytes.Buffer)), "waiting for another migration to end")
}

func TestSixTasksStartAtOnce(t *testing.T) {
	t.Parallel()
	r := startRDS(t)
	r.grantsIAM()
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
