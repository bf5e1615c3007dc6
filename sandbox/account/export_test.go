package account

import (
	"context"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// Follower is the account as the provider tells it what has changed.
func (a *Account) Follower() cloud.Runtime { return follower{a} }

// ContainerSecret is what a task gets for a valueFrom.
func (a *Account) ContainerSecret(valueFrom string) (string, error) {
	return a.containerSecret(context.Background(), valueFrom)
}

// Endpoint is that of AWS for the tasks.
func (a *Account) Endpoint() string { return a.api.URL }

// Events is told what a task logs.
func (a *Account) Events(group, message string) { a.filter(group, message) }

// Healthy reports what Route 53 answers for a health check.
func (a *Account) Healthy(id string) bool { return a.healthChecks.healthy(id) }
