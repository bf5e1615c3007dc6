package database_test

import (
	"testing"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgrestest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/secretsmanagertest"
)

// secrets are what the tests' AWS has.
var secrets *secretsmanagertest.Fake

func TestMain(m *testing.M) {
	secretsmanagertest.Main(m, func(fake *secretsmanagertest.Fake) { secrets = fake })
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
		"refused login":            testRefusedLogin,
		"rotation under load":      testRotationUnderLoad,
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			test(t, server)
		})
	}
}
