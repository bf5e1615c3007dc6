// These tests log in with tokens that the AWS SDK has made, to a real PostgreSQL.
// That RDS takes and refuses the same is not shown.
package database_test

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

const (
	region, user, endpoint = "eu-central-1", "codeflow_server", "codeflow-prod.rds.amazonaws.com:5432"
	accessKey, secretKey   = "AKIATEST", "secret"
)

// token is what a task would log in with.
func token(t *testing.T, endpoint, region, user, accessKey, secretKey string) string {
	t.Helper()
	made, err := auth.BuildAuthToken(t.Context(), endpoint, region, user,
		aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")))
	require.NoError(t, err)
	return made
}

// front stands before a server with a member of rds_iam and a user with a password.
func front(t *testing.T) *database.Front {
	t.Helper()
	server := postgrestest.Start(t)
	admin := server.NewDatabase("codeflow")
	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "CREATE ROLE rds_iam; CREATE ROLE "+user+" LOGIN IN ROLE rds_iam; CREATE ROLE person LOGIN PASSWORD 'known'")
	require.NoError(t, err)
	f, err := database.Listen(t.Context(), database.Options{
		Admin: admin, Endpoint: endpoint, Region: region,
		SecretKey: func(id string) (string, bool) { return secretKey, id == accessKey },
	})
	require.NoError(t, err)
	t.Cleanup(f.Close)
	return f
}

func login(t *testing.T, f *database.Front, user, password string) (*pgx.Conn, error) {
	t.Helper()
	host, port, err := net.SplitHostPort(f.Address())
	require.NoError(t, err)
	target := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: net.JoinHostPort(host, port), Path: "codeflow", RawQuery: "sslmode=disable"}
	return pgx.Connect(t.Context(), target.String())
}

func TestLogin(t *testing.T) {
	t.Parallel()
	f := front(t)
	good := token(t, endpoint, region, user, accessKey, secretKey)
	for name, password := range map[string]string{user: good, "person": "known"} {
		conn, err := login(t, f, name, password)
		require.NoError(t, err, name)
		var current string
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_user").Scan(&current))
		assert.Equal(t, name, current)
		assert.Eventually(t, func() bool { return f.Connections() == 1 }, runtimetest.Patience, 10*time.Millisecond)
		require.NoError(t, conn.Close(t.Context()))
		assert.Eventually(t, func() bool { return f.Connections() == 0 }, runtimetest.Patience, 10*time.Millisecond)
	}

	changed := func(keysAndValues ...string) string {
		host, query, _ := strings.Cut(good, "?")
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		for pair := range slices.Chunk(keysAndValues, 2) {
			values.Set(pair[0], pair[1])
		}
		return host + "?" + values.Encode()
	}
	later := time.Now().UTC().Add(10 * time.Minute)
	for want, password := range map[string]string{
		"the password is no token of IAM":                 "hunter2",
		"the token is incomplete":                         changed("X-Amz-Algorithm", "none"),
		"the token's access key is unknown":               token(t, endpoint, region, user, "AKIAOTHER", secretKey),
		"the token is for another region, service or day": token(t, endpoint, "eu-west-1", user, accessKey, secretKey),
		"the token is for another user or action":         token(t, endpoint, region, "codeflow", accessKey, secretKey),
		"the token is for another host or port":           token(t, "codeflow-prod-2.rds.amazonaws.com:5432", region, user, accessKey, secretKey),
		"the token has expired":                           changed("X-Amz-Expires", "0"),
		"the token's signature is wrong":                  token(t, endpoint, region, user, accessKey, "guessed"),
		"the token is from the future": changed("X-Amz-Date", later.Format("20060102T150405Z"),
			"X-Amz-Credential", accessKey+later.Format("/20060102/")+region+"/rds-db/aws4_request"),
	} {
		_, err := login(t, f, user, password)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, want)
		assert.Equal(t, "28000", refused.Code, want)
		assert.Contains(t, refused.Message, want)
		assert.NotContains(t, err.Error(), good, "a token is not shown")
	}

	_, err := login(t, f, "person", good)
	require.ErrorContains(t, err, "password authentication failed", "who is no member needs a password")
	_, err = login(t, f, "nobody", good)
	require.ErrorContains(t, err, "password authentication failed")
}

// TestServerIsAway ends the connections and refuses new ones, as a failover does.
func TestServerIsAway(t *testing.T) {
	t.Parallel()
	f := front(t)
	conn, err := login(t, f, "person", "known")
	require.NoError(t, err)
	f.Close()
	require.Error(t, conn.Ping(t.Context()))
	_, err = login(t, f, "person", "known")
	require.Error(t, err)
}

func TestCancelReachesTheServer(t *testing.T) {
	t.Parallel()
	conn, err := login(t, front(t), "person", "known")
	require.NoError(t, err)
	defer conn.Close(t.Context())
	ended := make(chan struct{})
	var canceling sync.WaitGroup
	canceling.Go(func() { // again and again: before the query begins, it does nothing.
		for {
			select {
			case <-ended:
				return
			case <-time.After(200 * time.Millisecond):
				_ = conn.PgConn().CancelRequest(t.Context())
			}
		}
	})
	_, err = conn.Exec(t.Context(), "SELECT pg_sleep(60)")
	close(ended)
	canceling.Wait()
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "57014", refused.Code, "canceling statement due to user request")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	secret := func(string) (string, bool) { return "", false }
	for name, opts := range map[string]database.Options{
		"no URL": {Admin: "://", Region: region, SecretKey: secret}, "no region": {Admin: "postgres://localhost", SecretKey: secret},
		"no keys": {Admin: "postgres://localhost", Region: region},
	} {
		_, err := database.Listen(t.Context(), opts)
		assert.ErrorContains(t, err, "Admin must be a URL, and Region and SecretKey are required", name)
	}
}
