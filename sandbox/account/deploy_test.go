//go:build linux

// These tests run real processes. They do not prove what AWS does, only what this
// does by its documentation.
package account_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// TestCloseLeavesNoProcess is not parallel: it looks at all children.
func TestCloseLeavesNoProcess(t *testing.T) {
	w := open(t, passable(t), account.Options{TimeScale: fast})
	w.database("codeflow")
	first, second := w.definition("green", runtimetest.Push(t, "FORK=1"), nil), w.definition("green", runtimetest.Push(t, "SICK=1"), nil)
	service := w.color("green", first, nil).service
	require.False(t, w.deploy(service, first, "").Failed)
	require.NoError(t, w.seen.Deploy(t.Context(), "green", second)) // something is going on.
	status, running := w.status(), w.running(service)
	require.Greater(t, len(running.Deployments), 1)
	require.GreaterOrEqual(t, len(children(t)), 2)
	w.Close()
	assert.Empty(t, children(t))
	for _, address := range []string{status.Door.HTTPS, running.Tasks[0].Address, strings.TrimPrefix(w.Endpoint(), "http://")} {
		_, err := net.Dial("tcp", address)
		assert.Error(t, err, address)
	}
	w.Close()
}

// children are the processes that this one has started.
func children(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, file := range files {
		stat, _ := os.ReadFile(file) // it may be gone.
		// https://docs.kernel.org/filesystems/proc.html#process-specific-subdirectories
		fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	w.seed("ssm/parameter", in{"name": "/codeflow/token", "type": "SecureString", "value": "hidden"})
	images := map[string]string{"good": runtimetest.Push(t, "RELEASE=good"), "next": runtimetest.Push(t, "RELEASE=next"), "bad": runtimetest.Push(t, "CRASH_AFTER=0s")}
	definitions := map[string]string{}
	for _, release := range []string{"good", "next", "bad"} {
		definitions[release] = w.definition("green", images[release], in{
			"secrets":     []in{{"name": "TOKEN", "valueFrom": "/codeflow/token"}},
			"environment": []in{{"name": "KEPT", "value": "yes"}},
		})
	}
	service := w.color("green", definitions["good"], nil).service
	expect := func(before, release, runs string) {
		t.Helper()
		outcome := w.deploy(service, definitions[release], definitions[before])
		rolledBack := ""
		if runs != release {
			rolledBack = definitions[runs]
		}
		assert.Equal(t, cloud.Outcome{Failed: runs != release, RolledBackTo: rolledBack, Events: outcome.Events}, outcome)
		assert.True(t, service.Steady(), "%v", outcome.Events)
		failed := slices.ContainsFunc(outcome.Events, func(e string) bool {
			return strings.HasSuffix(e, "deployment failed: tasks failed to start.")
		})
		assert.Equal(t, runs != release, failed, "%v", outcome.Events)
		running := w.running(service)
		assert.Equal(t, definitions[runs], running.TaskDefinition)
		assert.Equal(t, "green", running.Color)
		assert.Equal(t, runs, w.task(service).Release)
	}
	expect("", "good", "good")
	expect("good", "next", "next")
	expect("next", "bad", "next")
	zones := map[string]bool{}
	for _, task := range w.running(service).Tasks {
		zones[task.AvailabilityZone] = true
	}
	assert.Equal(t, map[string]bool{region + "a": true, region + "b": true}, zones)
	environment := w.task(service).Environment
	for _, want := range []string{"AWS_ENDPOINT_URL=" + w.Endpoint(), "AWS_REGION=" + region, "TOKEN=hidden", "KEPT=yes"} {
		assert.Contains(t, environment, want)
	}

	w = w.reopen()
	assert.Empty(t, w.status().Services)
	expect("next", "bad", "next") // what ran before is started first.
	expect("next", "good", "good")

	w = w.reopen()
	require.NoError(t, w.Start(t.Context()))
	assert.Equal(t, "good", w.task(service).Release)
	require.ErrorContains(t, w.seen.Deploy(t.Context(), "green", "arn:none"), "TaskDefinition not found")
	require.NoError(t, w.Drift("ecs/service", service.ID, "desiredCount", "1"))
	eventually(t, func() bool { s := w.running(service); return s.Steady && s.RunningCount == 1 }, "it follows the desired count")
	task := w.running(service).Tasks[0].Address
	require.NoError(t, w.Cloud.Forget(service))
	assert.Empty(t, w.status().Services)
	_, err := net.Dial("tcp", task)
	require.Error(t, err)
}

func TestFirstDeploymentFails(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	service := w.color("green", w.definition("green", runtimetest.Push(t, "CRASH_AFTER=0s"), nil), nil).service
	outcome := w.deploy(service, text(service, "taskDefinition"), "")
	assert.True(t, outcome.Failed)
	assert.Empty(t, outcome.RolledBackTo)
	assert.False(t, service.Steady(), "%v", outcome.Events)
	removed, err := w.Sweep("green", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"aws:ecs/service:Service " + service.ID}, removed)
	assert.Empty(t, w.status().Services)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	err := w.SetFault("rain", true)
	require.ErrorContains(t, err, `unknown fault "rain": there are `)
	for _, kind := range account.FaultKinds {
		assert.ErrorContains(t, err, kind)
	}
	for fault, want := range map[string]string{
		"db-down": "no database runs here", "slow=x": "like slow=2500ms", "az-down": "must be an availability zone", "task-crash:none": `in the scope "none"`,
	} {
		assert.ErrorContains(t, w.SetFault(fault, true), want)
	}
	faults := []string{"error-rate:codeflow-green-service", "registry-down", "slow"}
	require.NoError(t, w.SetFault("error-rate=5:codeflow-green-service", true))
	require.NoError(t, w.SetFault("slow=10ms", true))
	require.NoError(t, w.SetFault("registry-down", true))
	assert.ElementsMatch(t, faults, w.status().Faults)
	require.NoError(t, w.SetFault("registry-down", false))
	require.NoError(t, w.SetFault("slow", false))
	assert.Equal(t, faults[:1], w.status().Faults)
	require.NoError(t, w.SetFault(faults[0], false))

	first, second := w.definition("green", runtimetest.Push(t, "RELEASE=1"), nil), w.definition("green", runtimetest.Push(t, "RELEASE=2"), nil)
	service := w.color("green", first, nil).service
	require.False(t, w.deploy(service, first, "").Failed)
	for _, fault := range []string{"deploy-fails:codeflow-green-service", "throttle"} {
		require.NoError(t, w.SetFault(fault, true))
	}
	w = w.reopen()
	require.NoError(t, w.Start(t.Context()), "what was deployed before stays")
	assert.ElementsMatch(t, []string{"deploy-fails:codeflow-green-service", "throttle"}, w.status().Faults)
	assert.Equal(t, first, w.deploy(service, second, first).RolledBackTo)
	w = w.reopen()
	assert.Equal(t, first, w.deploy(service, second, first).RolledBackTo, "without a start")
	w = w.reopen()
	for _, fault := range []string{"deploy-fails:codeflow-green-service", "throttle"} {
		require.NoError(t, w.SetFault(fault, false))
	}
	require.NoError(t, w.Start(t.Context()))
	assert.Empty(t, w.status().Faults)
	assert.False(t, w.deploy(service, second, first).Failed)
}

func TestDatabaseThatCannotRun(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	database := w.database("") // without a database, which RDS allows.
	secret := masterSecret(database)
	address := "postgresql://" + text(database, "address") + ":5432/codeflow"
	w.seed("ssm/parameter", in{"name": "/codeflow/database/url", "type": "String", "value": address})
	service := w.color("green", w.definition("green", runtimetest.Push(t), in{
		"environment": []in{{"name": "DATABASE_URL", "value": address}, {"name": "SECRET_ARN", "value": secret}, {"name": "EMPTY", "value": ""}},
		"secrets":     []in{{"name": "DATABASE_URL", "valueFrom": "/codeflow/database/url"}, {"name": "LOGIN", "valueFrom": secret}},
	}), nil).service
	require.False(t, w.deploy(service, text(service, "taskDefinition"), "").Failed)
	environment := w.task(service).Environment
	assert.Contains(t, environment, "EMPTY=")
	assert.NotContains(t, fmt.Sprint(environment), "DATABASE_URL", "the server counts no uses then")
	assert.NotContains(t, fmt.Sprint(environment), "SECRET_ARN")
	assert.NotContains(t, fmt.Sprint(environment), "LOGIN")
	_, err := w.ContainerSecret(secret)
	require.ErrorContains(t, err, "ResourceNotFoundException")
	assert.Contains(t, w.status().Databases["codeflow-prod"], "Database are required")
	require.NoError(t, w.Cloud.Forget(database))
	assert.Empty(t, w.status().Databases)
}

// passable is a folder that PostgreSQL's user may pass; t.TempDir is not.
func passable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "account-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// database makes an instance with a database, if it has a name.
func (w *world) database(name string) *cloud.Resource {
	w.t.Helper()
	inputs := in{
		"identifier": "codeflow-prod", "engine": "postgres", "username": "codeflow", "instanceClass": "db.t4g.micro", "manageMasterUserPassword": true,
	}
	if name != "" {
		inputs["dbName"] = name
	}
	return w.seed("rds/instance", inputs)
}

// masterSecret is the ARN of the secret that RDS manages.
func masterSecret(database *cloud.Resource) string {
	secrets, _ := database.Outputs["masterUserSecrets"].([]any)
	secret, _ := secrets[0].(map[string]any)
	arn, _ := secret["secretArn"].(string)
	return arn
}
