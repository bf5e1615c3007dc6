package database_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
)

// TestMain gives the tests an AWS account that nobody has.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "hunter2",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// TestWithPostgres runs what can share a server.
func TestWithPostgres(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	for title, test := range map[string]func(*testing.T, *postgrestest.Server){
		"insert":                   testInsert,
		"top":                      testTop,
		"check":                    testCheck,
		"migrate up and down":      testUpAndDown,
		"migrate at the same time": testUpAtTheSameTime,
		"migrate locked":           testLocked,
		"migrate failing":          testFailing,
		"newer schema":             testNewer,
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			test(t, server)
		})
	}
}
