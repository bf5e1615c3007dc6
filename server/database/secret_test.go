package database_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

func TestUnusableSecrets(t *testing.T) {
	t.Parallel()
	for title, tt := range map[string]struct{ text, want string }{
		"text":    {"hunter2", "it must be JSON with"},
		"list":    {`["hunter2"]`, "it must be JSON with"},
		"nobody":  {`{"password": "hunter2"}`, "it must be JSON with"},
		"empty":   {`{"username": "hunter2", "password": ""}`, "it must be JSON with"},
		"missing": {"", "ResourceNotFoundException"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			arn := secrets.ARN("eu-south-1")
			if tt.text != "" {
				secrets.Put(arn, tt.text)
			}
			changes := make(chan string, 10)
			db := open(t, database.Config{
				URL: "postgres://" + closed(t) + "/codeflow?sslmode=disable", SecretARN: arn,
				Breaker:       database.Breaker{Threshold: 2},
				OnStateChange: func(name, _, to string) { changes <- name + " " + to },
				Logger:        slog.New(slog.DiscardHandler),
			})
			assert.Empty(t, secrets.Reads(arn), "nothing is read before it is needed")
			for range 2 {
				err := db.Check(t.Context())
				require.ErrorContains(t, err, `reading secret "`+arn+`": `)
				assert.ErrorContains(t, err, tt.want)
				assert.NotContains(t, err.Error(), "hunter2")
			}
			assert.Equal(t, "secrets open", <-changes)
			assert.Equal(t, "database open", <-changes)
			assert.Equal(t, []string{"eu-south-1", "eu-south-1"}, secrets.Reads(arn), "the ARN's region counts")
		})
	}
}

func testRotationUnderLoad(t *testing.T, server *postgrestest.Server) {
	arn := secrets.ARN("eu-west-1")
	url := server.NewDatabase("rotation")
	migrateUp(t, url)
	server.Exec("CREATE ROLE rotated SUPERUSER LOGIN PASSWORD 'password 0'")
	secrets.PutLogin(arn, "rotated", "password 0")
	db := open(t, database.Config{
		URL: server.UserURL("overridden", "", "rotation"), SecretARN: arn,
		Breaker: database.Breaker{Timeout: 100 * time.Millisecond}, Logger: slog.New(slog.DiscardHandler),
	})
	q := usage.NewQueue(db, &usage.QueueOptions{Interval: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	stop := load(t, q)
	caughtUp(t, q)
	require.Len(t, secrets.Reads(arn), 1)

	for i := range 3 {
		password := fmt.Sprintf("password %d", i+1)
		server.SetPassword("rotated", password)
		server.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'")
		reads := len(secrets.Reads(arn))
		eventually(t, "a refused login makes it read the secret again", func() bool { return len(secrets.Reads(arn)) > reads })
		secrets.PutLogin(arn, "rotated", password)
		caughtUp(t, q)
	}
	stop()
	assertNothingLost(t, q, url)
}

func testRefusedLogin(t *testing.T, server *postgrestest.Server) {
	arn := secrets.ARN("eu-west-1")
	migrateUp(t, server.NewDatabase("refused"))
	server.Exec("CREATE ROLE refused SUPERUSER LOGIN PASSWORD 'new'")
	secrets.PutLogin(arn, "refused", "hunter2")
	db := open(t, database.Config{URL: server.UserURL("refused", "", "refused"), SecretARN: arn, Logger: slog.New(slog.DiscardHandler)})
	err := db.Check(t.Context())
	require.ErrorContains(t, err, "28P01")
	assert.NotContains(t, err.Error(), "hunter2")
	secrets.PutLogin(arn, "refused", "new")
	require.NoError(t, db.Check(t.Context()), "the old password is forgotten before its time")
	assert.Len(t, secrets.Reads(arn), 2)
}
