//go:build linux

// These tests run real processes behind real proxies, in a time that passes 300
// times as fast. They do not prove what AWS does, only what this does by its
// documentation.
package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	gort "runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// TestCloseLeavesNothing is not parallel: it looks at all goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	image := runtimetest.Push(t, "SICK=1") // and the registry listens.
	ports := listening(t)
	w := start(t)
	w.deploy(t, "blue", image, nil) // something is going on.
	l := w.load("/sleep?10ms")
	time.Sleep(300 * time.Millisecond)
	require.NotEmpty(t, children(t))
	require.Greater(t, len(listening(t)), len(ports)+5, "a door, a load balancer, tasks")
	w.Close()
	l.end()
	assert.Empty(t, children(t), "no process is left")
	assert.Equal(t, ports, listening(t), "no port is left")
	assert.Eventually(t, func() bool { return len(goroutines()) == 0 }, runtimetest.Patience, 10*time.Millisecond, "%v", goroutines())
	w.Close()
}

// listening are the addresses that this process listens on, as the kernel has
// them.
func listening(t *testing.T) (addresses []string) {
	t.Helper()
	own := map[string]bool{}
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, file := range files {
		if target, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil {
			own[strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")] = true
		}
	}
	sockets, err := os.ReadFile("/proc/self/net/tcp")
	require.NoError(t, err)
	for line := range strings.Lines(string(sockets)) {
		// https://docs.kernel.org/networking/proc_net_tcp.html
		if fields := strings.Fields(line); len(fields) > 9 && fields[3] == "0A" && own[fields[9]] {
			addresses = append(addresses, fields[1])
		}
	}
	slices.Sort(addresses)
	return addresses
}

// children are the processes that this one has started.
func children(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		var state string
		var parent int
		_, err = fmt.Sscan(string(stat[strings.LastIndex(string(stat), ")")+1:]), &state, &parent)
		if err == nil && parent == os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// goroutines are the stacks that go through the runtime's packages, but for this
// test's own.
func goroutines() []string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:gort.Stack(stacks, true)]
	all := strings.Split(string(stacks), "\n\n")[1:]
	return slices.DeleteFunc(all, func(stack string) bool {
		return !strings.Contains(stack, "sandbox/runtime/") || strings.Contains(stack, "_test.")
	})
}

func TestRollingDeploymentLosesNoRequest(t *testing.T) {
	t.Parallel()
	w := start(t, "RELEASE=1")
	l := w.load("/sleep?20ms")
	var next string
	for release := range 3 {
		next = runtimetest.Push(t, fmt.Sprintf("RELEASE=%d", release+2))
		require.NoError(t, w.wait(t, w.deploy(t, "blue", next, nil)))
	}
	require.NoError(t, w.wait(t, w.deploy(t, "blue", next, func(s *scheduler.Service) { s.DesiredCount = 1 })))
	results := l.end()
	assert.Len(t, results, 1, "%v", results)
	assert.Greater(t, results["200"], 50)
	status, body, err := get(w.client("127.9.1.1"), "https://"+live)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"release":"4"`)
	s := w.service("blue")
	for _, task := range s.Tasks {
		assert.True(t, task.Image == next && task.Healthy || task.LastStatus == scheduler.Stopping, "%v", task)
	}
	assert.Equal(t, 1, s.RunningCount)
	for _, stopped := range s.StoppedTasks {
		assert.Equal(t, &task.Exit{Code: 0, Reason: "exit status 0"}, stopped.Exit, "it was asked to stop, and did")
	}
}

func TestReleaseThatCrashesIsRolledBack(t *testing.T) {
	t.Parallel()
	w := start(t, "RELEASE=1")
	l := w.load("/")
	err := w.wait(t, w.deploy(t, "blue", runtimetest.Push(t, "RELEASE=bad", "CRASH_AFTER=0s"), nil))
	var failure *scheduler.DeploymentError
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, "tasks failed to start.", failure.Reason)
	results := l.end()
	assert.Len(t, results, 1, "no request has seen it: %v", results)
	s := w.service("blue")
	assert.Equal(t, failure.RolledBackTo, s.TaskDefinition)
	crashed := slices.IndexFunc(s.StoppedTasks, func(task scheduler.TaskStatus) bool { return task.Exit.Code == 3 })
	require.GreaterOrEqual(t, crashed, 0)
	logged, err := w.Logs("blue", time.Time{})
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(logged, func(e logs.Event) bool {
		return e.Stream == "server/server/"+s.StoppedTasks[crashed].ID && e.Message == "panic: this release crashes"
	}), "%v", logged)
	_, err = w.Logs("green", time.Time{})
	require.ErrorContains(t, err, "no such service")
}

func TestTasksAreReplaced(t *testing.T) {
	t.Parallel()
	w := start(t)
	whole := func(gone string) func() bool {
		return func() bool {
			s := w.service("blue")
			return s.Steady && !slices.ContainsFunc(s.Tasks, func(task scheduler.TaskStatus) bool { return task.ID == gone })
		}
	}
	sick := w.service("blue").Tasks[0]
	resp, err := http.Get("http://" + sick.Address + "/sick")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Eventually(t, whole(sick.ID), runtimetest.Patience, 10*time.Millisecond)
	assert.Equal(t, "Task failed ELB health checks in (target-group "+groupOf("blue")+")", w.service("blue").StoppedTasks[0].StoppedReason)

	crashed := w.service("blue").Tasks[0]
	require.NoError(t, w.SetFault(runtime.FaultTaskCrash, crashed.ID, true))
	require.Eventually(t, whole(crashed.ID), runtimetest.Patience, 10*time.Millisecond)
	assert.Equal(t, "Essential container in task exited", w.service("blue").StoppedTasks[0].StoppedReason)
	assert.Equal(t, 137, w.service("blue").StoppedTasks[0].Exit.Code)
}

func TestZoneDown(t *testing.T) {
	t.Parallel()
	w := start(t)
	require.NoError(t, w.SetFault(runtime.FaultZoneDown, "a", true))
	require.Eventually(t, func() bool {
		s := w.service("blue")
		return s.Steady && s.Tasks[0].AvailabilityZone == "b" && s.Tasks[1].AvailabilityZone == "b"
	}, runtimetest.Patience, 10*time.Millisecond)
	assert.Equal(t, []string{"az-down:a"}, w.Status().Faults)
	l := w.load("/")
	time.Sleep(100 * time.Millisecond)
	assert.Len(t, l.end(), 1)
	require.NoError(t, w.SetFault(runtime.FaultZoneDown, "a", false))
	assert.Empty(t, w.Status().Faults)
}

func TestWeightsTTLAndHealth(t *testing.T) {
	t.Parallel()
	w := setUp(t, nil)
	deployments := map[string]*scheduler.Deployment{}
	for _, color := range []string{"blue", "green"} {
		w.color(t, color)
		deployments[color] = w.deploy(t, color, runtimetest.Push(t, "RELEASE="+color), nil)
	}
	for _, d := range deployments {
		require.NoError(t, w.wait(t, d))
	}
	w.weights(t, map[string]int{"blue": 70, "green": 30})
	green := 0
	for i := range 200 {
		client := w.client(fmt.Sprintf("127.9.2.%d", i+1))
		_, first, err := get(client, "http://example.com")
		require.NoError(t, err)
		client.CloseIdleConnections()
		if strings.Contains(first, `"release":"green"`) {
			green++
		}
	}
	assert.InDelta(t, 60, green, 52, "8 sigma of 200 resolvers")

	w.weights(t, map[string]int{"blue": 0, "green": 1})
	assert.Eventually(t, func() bool { // the TTL of 200 ms passes, and then all see green.
		client := w.client("127.9.2.1")
		defer client.CloseIdleConnections()
		_, body, err := get(client, "http://"+live)
		return err == nil && strings.Contains(body, `"release":"green"`)
	}, runtimetest.Patience, 10*time.Millisecond)

	require.NoError(t, w.SetFault(runtime.FaultUnhealthy, "green", true))
	require.Eventually(t, func() bool {
		answer, err := w.Zone.Resolve(live)
		return err == nil && answer.Color == "blue"
	}, runtimetest.Patience, 10*time.Millisecond, "the standby takes over")
	encoded, err := json.Marshal(w.Status())
	require.NoError(t, err)
	for _, part := range []string{`"setIdentifier":"blue","weight":0`, `"timeScale":300`, `"availabilityZone":"a"`, `"state":"unhealthy"`} {
		assert.Contains(t, string(encoded), part)
	}
}

func TestFaultsOfARelease(t *testing.T) {
	t.Parallel()
	w := start(t)
	client := w.client("127.9.3.1")
	defer client.CloseIdleConnections()
	ask := func() int {
		status, _, err := get(client, "http://"+live)
		require.NoError(t, err)
		return status
	}
	_, digest, _ := strings.Cut(w.service("blue").Image, "@")
	require.NoError(t, w.SetFault("error-rate=100", digest, true))
	assert.Equal(t, http.StatusInternalServerError, ask())
	require.Eventually(t, func() bool { return w.service("blue").Steady }, runtimetest.Patience, time.Millisecond, "its health checks pass")
	metrics := func() balancer.Metrics { // they follow the answer.
		m, _ := w.Balancers.Window(groupOf("blue"), 3600)
		return m
	}
	require.Eventually(t, func() bool { return metrics().HTTPCodeTarget5XX == 1 }, runtimetest.Patience, time.Millisecond)
	require.NoError(t, w.SetFault(runtime.FaultErrorRate, digest, false))
	require.NoError(t, w.SetFault("slow=200ms", "blue", true))
	began := time.Now()
	assert.Equal(t, http.StatusOK, ask())
	assert.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	require.Eventually(t, func() bool { return metrics().TargetResponseTimeP95 > 0.17 }, runtimetest.Patience, time.Millisecond)
	require.NoError(t, w.SetFault(runtime.FaultSlow, "blue", false))
	require.NoError(t, w.SetFault(runtime.FaultThrottle, "", true))
	require.NoError(t, w.wait(t, w.deploy(t, "blue", w.service("blue").Image, func(s *scheduler.Service) { s.DesiredCount = 4 })))
	logged, err := w.AccessLog("blue", time.Time{})
	require.NoError(t, err)
	assert.Len(t, logged, 2)

	for want, fault := range map[string][2]string{
		`unknown fault "db-down": there are task-crash, slow, error-rate, unhealthy, az-down, deploy-fails, throttle`: {"db-down", ""},
		`its value must be like slow=2500ms or error-rate=5, got "x"`:                                                 {"slow=x", ""},
		"its scope must be an availability zone":                                                                      {"az-down", ""},
		`no task is in the scope "none"`:                                                                              {"task-crash", "none"},
	} {
		require.ErrorContains(t, w.SetFault(fault[0], fault[1], true), want)
	}
	require.NoError(t, w.SetFault(runtime.FaultTaskCrash, "none", false))
}

func TestReasonsWhyTasksDoNotStart(t *testing.T) {
	t.Parallel()
	w := setUp(t, func(o *runtime.Options) {
		o.Secret = func(_ context.Context, from string) (string, error) {
			if from != "arn:secret" {
				return "", errors.New("ResourceNotFoundException")
			}
			return "hidden", nil
		}
	})
	w.color(t, "blue")
	good := runtimetest.Push(t)
	for want, change := range map[string]func(*task.ContainerDefinition){
		"CannotPullContainerError: pulling codeflow@sha256:0": func(c *task.ContainerDefinition) {
			c.Image = "codeflow@sha256:" + strings.Repeat("0", 64)
		},
		"ResourceInitializationError: unable to pull secrets or registry auth: reading arn:none for TOKEN: ResourceNotFoundException": func(c *task.ContainerDefinition) {
			c.Secrets = []task.Secret{{Name: "TOKEN", ValueFrom: "arn:none"}}
		},
		`CannotStartContainerError: container "server": its user must be a number`: func(c *task.ContainerDefinition) { c.User = "root" },
	} {
		err := w.wait(t, w.deploy(t, "blue", good, func(s *scheduler.Service) {
			s.ForceNewDeployment = true
			change(&s.TaskDefinition.Containers[0])
		}))
		require.ErrorContains(t, err, "tasks failed to start")
		assert.Contains(t, w.service("blue").StoppedTasks[0].StoppedReason, want)
	}
	require.NoError(t, w.wait(t, w.deploy(t, "blue", good, func(s *scheduler.Service) {
		s.TaskDefinition.Containers[0].Secrets = []task.Secret{{Name: "TOKEN", ValueFrom: "arn:secret"}}
	})))
	w.weights(t, map[string]int{"blue": 1})
	_, body, err := get(w.client("127.9.4.1"), "http://"+live)
	require.NoError(t, err)
	assert.Contains(t, body, `"TOKEN=hidden"`)
	require.NoError(t, w.Remove(t.Context(), "blue"))
	assert.Empty(t, w.Status().Services)

	_, err = runtime.New(runtime.Options{})
	require.ErrorContains(t, err, "Dir and Registry are required")
	_, err = runtime.New(runtime.Options{Dir: t.TempDir(), Registry: "http://127.0.0.1:1", DoorHTTP: w.Door.HTTP})
	require.ErrorContains(t, err, "opening the front door")
}

// TestMigrationThatFailsIsRolledBack deploys a release whose first container exits
// with 1, and then one whose exits with 0.
func TestMigrationThatFailsIsRolledBack(t *testing.T) {
	t.Parallel()
	w := start(t, "RELEASE=1")
	before := w.service("blue").Tasks
	migrating := func(code string) func(*scheduler.Service) {
		return func(s *scheduler.Service) {
			server := s.TaskDefinition.Containers[0]
			migrate := server
			migrate.Name, migrate.Command, migrate.Essential, migrate.PortMappings = "migrate", []string{"exit", "50ms", code}, new(bool), nil
			server.DependsOn = []task.Dependency{{ContainerName: "migrate", Condition: task.OnSuccess}}
			s.TaskDefinition.Containers = task.Containers{migrate, server}
			s.TaskDefinition.ARN += "/" + code
		}
	}
	l := w.load("/")
	image := runtimetest.Push(t, "RELEASE=2")
	var failure *scheduler.DeploymentError
	require.ErrorAs(t, w.wait(t, w.deploy(t, "blue", image, migrating("1"))), &failure)
	s := w.service("blue")
	ids := func(tasks []scheduler.TaskStatus) (all []string) {
		for _, one := range tasks {
			all = append(all, one.ID)
		}
		return all
	}
	assert.Subset(t, ids(s.Tasks), ids(before), "the old tasks never stopped")
	failed := slices.DeleteFunc(s.StoppedTasks, func(one scheduler.TaskStatus) bool { // some were in time to be called back.
		return strings.HasPrefix(one.StoppedReason, "Scaling activity")
	})
	require.GreaterOrEqual(t, len(failed), 3)
	for _, stopped := range failed {
		assert.Equal(t, "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "+
			"[migrate (STOPPED) - Exit: 1] for target [server] as dependency did not exit successfully.", stopped.StoppedReason)
		assert.Equal(t, 1, *stopped.Containers[0].ExitCode)
		assert.Equal(t, 143, *stopped.Containers[1].ExitCode)
	}
	require.ErrorContains(t, failure, "failed to start: CannotStartContainerError: dependency graph", "the event says why")
	logged, err := w.Logs("blue", time.Time{})
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(logged, func(e logs.Event) bool {
		return e.Stream == "server/migrate/"+failed[0].ID && e.Message == "migrating"
	}), "%v", logged)

	require.NoError(t, w.wait(t, w.deploy(t, "blue", image, migrating("0"))))
	assert.Len(t, l.end(), 1, "no request was lost")
	assert.Equal(t, image, w.service("blue").Image)
	require.Eventually(t, func() bool {
		_, memory, ok := w.Utilization("blue")
		return ok && memory > 0.05
	}, runtimetest.Patience, 10*time.Millisecond)
}

// TestImageOfASidecar is one that no registry has.
func TestImageOfASidecar(t *testing.T) {
	t.Parallel()
	w := setUp(t, nil)
	w.color(t, "blue")
	require.NoError(t, w.wait(t, w.deploy(t, "blue", runtimetest.Push(t), func(s *scheduler.Service) {
		s.TaskDefinition.Containers = append(s.TaskDefinition.Containers, task.ContainerDefinition{
			Name: "sidecar", Image: "codeflow@sha256:" + strings.Repeat("0", 64), Essential: new(bool),
		})
	})))
	sidecar := w.service("blue").Tasks[0].Containers[1]
	assert.Equal(t, task.Stopped, sidecar.LastStatus)
	assert.Contains(t, sidecar.Reason, "CannotPullContainerError: pulling codeflow@sha256:0")
}
