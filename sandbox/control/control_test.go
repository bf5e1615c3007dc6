// These tests use an account in memory; the one that really runs is held against
// the contract in package account.
package control_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/control"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// fake is an account in memory that answers with what it was asked.
type fake struct{ *opstest.Fake }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 5, time.UTC)

var status = account.Status{
	Status: runtime.Status{
		TimeScale: 60, Door: runtime.DoorStatus{HTTP: "127.0.0.1:80", HTTPS: "127.0.0.1:443"},
		Services: []scheduler.ServiceStatus{{
			Name: "blue", Events: []scheduler.Event{{CreatedAt: noon, Message: "(service blue) has started."}},
			StoppedTasks: []scheduler.TaskStatus{{ID: "1", StoppedAt: noon, Exit: &task.Exit{Code: 3, Reason: "exit status 3"}}},
		}},
		Records: []dns.Record{{Name: "live.example.com", Weight: new(int), Alias: &dns.Alias{Name: "blue.elb.amazonaws.com"}}},
		Faults:  []string{"slow:blue"},
	},
	Databases: map[string]string{"codeflow-prod": "postgres://"}, Alarms: []string{"codeflow-blue-5xx"}, Authority: "/ca.pem",
}

func (fake) Status() (account.Status, error) { return status, nil }

func (fake) Logs(service string, since time.Time) ([]logs.Event, error) {
	if service == "quiet" {
		return nil, nil
	}
	return []logs.Event{{Timestamp: since, Stream: service, Message: "listening"}}, nil
}

func (fake) SetFault(fault string, on bool) error { return fmt.Errorf("fault %s %t", fault, on) }

func (fake) Drift(typ, name, property, value string) error {
	return errors.New(typ + " " + name + " " + property + " " + value)
}

func (fake) Sweep(stack string, known [][2]string) ([]string, error) {
	if len(known) == 0 {
		return nil, nil
	}
	return []string{stack, known[1][0], known[1][1]}, nil
}

func serve(t *testing.T, a control.Account) (client *control.Client, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	address, err := control.Serve(ctx, a)
	require.NoError(t, err)
	client, err = control.Dial(address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client, func() {
		cancel()
		require.Eventually(t, func() bool { _, err := control.Dial(address); return err != nil }, runtimetest.Patience, time.Millisecond)
	}
}

func TestEverythingArrives(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, fake{opstest.New()})
	got, err := client.Status()
	require.NoError(t, err)
	assert.Equal(t, status, got)
	events, err := client.Logs("blue", noon)
	require.NoError(t, err)
	assert.Equal(t, []logs.Event{{Timestamp: noon, Stream: "blue", Message: "listening"}}, events)
	removed, err := client.Sweep("green", [][2]string{{"urn:a", "1"}, {"urn:b", "2"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"green", "urn:b", "2"}, removed)
	events, err = client.Logs("quiet", noon)
	require.NoError(t, err)
	assert.Empty(t, events)
	removed, err = client.Sweep("green", nil)
	require.NoError(t, err)
	assert.Empty(t, removed)
	require.EqualError(t, client.SetFault("slow:blue", true), "fault slow:blue true")
	require.EqualError(t, client.SetFault("slow:blue", false), "fault slow:blue false")
	require.EqualError(t, client.Drift("ec2/vpc", "vpc", "cidrBlock", "10.0.0.0/8"), "ec2/vpc vpc cidrBlock 10.0.0.0/8")
	_, err = client.Color(t.Context(), "purple")
	require.EqualError(t, err, `colour "purple" is not up`)
	requests, err := client.Requests(t.Context(), "blue", 2*time.Minute)
	require.NoError(t, err)
	assert.Equal(t, 7200, requests.Count)
	assert.Equal(t, 2*time.Minute, requests.Window)
}

func TestCallsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	account, free := opstest.New(), make(chan struct{})
	account.Hook = func(ctx context.Context, point string) error {
		if point == "read color" {
			select {
			case <-free:
			case <-ctx.Done():
			}
		}
		return ctx.Err()
	}
	client, end := serve(t, fake{account})
	ctx, cancel := context.WithCancel(t.Context())
	early := make(chan error)
	for range 2 {
		go func() { _, err := client.Color(ctx, "blue"); early <- err }()
	}
	weights, err := client.Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 100, weights["blue"])
	cancel()
	require.ErrorIs(t, <-early, context.Canceled)
	require.ErrorIs(t, <-early, context.Canceled)
	close(free)
	_, err = client.Color(t.Context(), "blue")
	require.NoError(t, err, "those that were given up do no harm")

	end()
	_, err = client.Weights(t.Context())
	require.Error(t, err)
	_, err = control.Dial("127.0.0.1:1")
	require.ErrorContains(t, err, "connecting to the sandbox that runs")
}
