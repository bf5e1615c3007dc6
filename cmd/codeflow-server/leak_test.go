package main

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/secretsmanagertest"
)

// secrets are what the tests' AWS has.
var secrets *secretsmanagertest.Fake

// TestMain fails when a server that was stopped leaves a goroutine behind.
func TestMain(m *testing.M) {
	fake, stop := secretsmanagertest.Start()
	secrets = fake
	goleak.VerifyTestMain(stopped{m, stop})
}

type stopped struct {
	m    *testing.M
	stop func()
}

// Run implements [goleak.TestingM].
func (s stopped) Run() int {
	defer s.stop()
	defer http.DefaultClient.CloseIdleConnections()
	return s.m.Run()
}
