// These tests use an account that answers with what it was asked.
package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/control"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// fake is an account. Logs waits for a service that is slow.
type fake struct{ slow chan struct{} }

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

func (f fake) Logs(service string, since time.Time) ([]logs.Event, error) {
	if service == "slow" {
		<-f.slow
	}
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

func (fake) Access(role string) (account.Access, error) {
	return account.Access{URL: "http://127.0.0.1", AccessKeyID: role, SecretAccessKey: "secret"}, nil
}

func (fake) Calls() ([]awsapi.Count, error) {
	return []awsapi.Count{{Role: "operator", Service: "ecs", Calls: 1}}, nil
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
	client, _ := serve(t, fake{})
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
	access, err := client.Access("operator")
	require.NoError(t, err)
	assert.Equal(t, account.Access{URL: "http://127.0.0.1", AccessKeyID: "operator", SecretAccessKey: "secret"}, access)
	calls, err := client.Calls()
	require.NoError(t, err)
	assert.Equal(t, []awsapi.Count{{Role: "operator", Service: "ecs", Calls: 1}}, calls)
}

func TestCallsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	client, end := serve(t, fake{slow})
	waiting := make(chan error)
	go func() { _, err := client.Logs("slow", noon); waiting <- err }()
	_, err := client.Status()
	require.NoError(t, err)
	close(slow)
	require.NoError(t, <-waiting)

	end()
	_, err = client.Status()
	require.Error(t, err)
	_, err = control.Dial("token@127.0.0.1:1")
	require.ErrorContains(t, err, "connecting to the sandbox that runs")
}

// TestWithoutToken is another user of the machine, who finds the port.
func TestWithoutToken(t *testing.T) {
	t.Parallel()
	address, err := control.Serve(t.Context(), fake{})
	require.NoError(t, err)
	token, port, _ := strings.Cut(address, "@")
	for _, guessed := range []string{strings.Repeat("A", len(token)), token[1:] + "A"} {
		client, err := control.Dial(guessed + "@" + port)
		require.NoError(t, err)
		assert.Error(t, client.SetFault("az-down:eu-central-1a", true))
	}
}
