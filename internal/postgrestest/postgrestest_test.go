package postgrestest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	server.Exec("CREATE TABLE kept (n int)")
	server.Exec("CREATE ROLE someone LOGIN PASSWORD 'one'")
	connect := func(url string) error {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		return conn.Close(t.Context())
	}
	require.NoError(t, connect(server.UserURL("someone", "one", "postgres")))
	require.NoError(t, connect(server.NewDatabase("another")))

	server.SetPassword("someone", "two")
	require.ErrorContains(t, connect(server.UserURL("someone", "one", "postgres")), "28P01")
	require.NoError(t, connect(server.UserURL("someone", "two", "postgres")))

	server.Stop()
	server.Stop()
	require.Error(t, connect(server.URL()))
	server.Start()
	server.Restart()
	server.Exec("DROP TABLE kept")
}
