package main

import (
	"testing"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/secretsmanagertest"
)

// secrets are what the tests' AWS has.
var secrets *secretsmanagertest.Fake

// TestMain fails when a server that was stopped leaves a goroutine behind.
func TestMain(m *testing.M) {
	secretsmanagertest.Main(m, func(fake *secretsmanagertest.Fake) { secrets = fake })
}
