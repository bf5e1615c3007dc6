//go:build linux

// These tests start real processes from real images. They do not prove what
// limits of CPU and memory would do.
package task_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/image"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

const scale timescale.Scale = 300

// output is a log that can be read.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	closed bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	return nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// fixture is a host with an image.
type fixture struct {
	host  *task.Host
	image *image.Image
	log   output
}

func setUp(t testing.TB, environment ...string) *fixture {
	t.Helper()
	host, err := task.NewHost(scale)
	require.NoError(t, err)
	t.Cleanup(host.Close)
	puller := image.NewPuller(runtimetest.Endpoint(), t.TempDir(), image.Limits{})
	t.Cleanup(puller.Close)
	pulled, err := puller.Pull(t.Context(), runtimetest.Push(t, environment...))
	require.NoError(t, err)
	return &fixture{host: host, image: pulled}
}

func (f *fixture) request(change func(*task.Request)) task.Request {
	r := task.Request{ID: "1", Zone: "a", Containers: []task.Container{{
		Image: f.image, Log: &f.log, ContainerDefinition: task.ContainerDefinition{
			Name: "server", Image: "codeflow@sha256:1", PortMappings: []task.PortMapping{{ContainerPort: runtimetest.Port}},
		},
	}}}
	if change != nil {
		change(&r)
	}
	return r
}

// start starts a task and waits until it answers.
func (f *fixture) start(t *testing.T, change func(*task.Request)) *task.Task {
	t.Helper()
	started, err := f.host.Start(f.request(change))
	require.NoError(t, err)
	if started.Address() != "" {
		require.Eventually(t, func() bool { return status(started, "/health", checker...) == http.StatusOK }, runtimetest.Patience, 5*time.Millisecond, "%s", &f.log)
	}
	return started
}

// exitOf is how the first container of a task ended.
func exitOf(ended *task.Task) task.Exit {
	c := ended.Containers()[0]
	return task.Exit{Code: *c.ExitCode, Reason: c.Reason}
}

// checker is how a load balancer asks.
var checker = []string{"User-Agent", task.HealthChecker + "2.0"}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: runtimetest.Patience}

// status is the status of an answer, or 0 without one.
func status(t *task.Task, path string, header ...string) int {
	req, err := http.NewRequest(http.MethodGet, "http://"+t.Address()+path, nil)
	if err != nil {
		return 0
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// answer is what the test server says about itself.
type answer struct {
	UID         int
	PID         int
	Dir         string
	Environment []string
	Args        []string
	Host, Query string
	Header      http.Header
}

func ask(t *testing.T, task *task.Task, header http.Header) (a answer) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+task.Address()+"/?a;b=%zz", nil)
	require.NoError(t, err)
	req.Header, req.Host = header, "codeflow.example.com"
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
	return a
}

func TestTaskRunsAsItsDefinitionSays(t *testing.T) {
	t.Parallel()
	f := setUp(t, "RELEASE=1", "FROM=image")
	one := f.start(t, func(r *task.Request) {
		r.Containers[0].Environment = []task.Variable{{Name: "FROM", Value: "definition"}, {Name: "TOKEN", Value: "?"}}
		r.Containers[0].Values = map[string]string{"TOKEN": "secret"}
		r.Containers[0].WorkingDirectory = "/bundle"
		r.Containers[0].User = "1234"
	})
	a := ask(t, one, http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}, "X-Own": {"1"}})
	assert.Equal(t, "codeflow.example.com", a.Host)
	assert.Equal(t, "a;b=%zz", a.Query, "the forwarder does not touch it")
	for name, want := range map[string]string{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Own": "1"} {
		assert.Equal(t, []string{want}, a.Header[name])
	}
	assert.Subset(t, a.Environment, []string{
		"RELEASE=1", "FROM=definition", "TOKEN=secret", "CODEFLOW_METRICS_PORT=0", "CODEFLOW_DRAIN_NOTICE=10ms",
	})
	assert.NotContains(t, a.Environment, "PORT=1")
	assert.Equal(t, one.PID(), a.PID)
	if os.Geteuid() == 0 {
		assert.Equal(t, "/bundle", a.Dir, "the process is locked into its image")
		assert.Equal(t, 1234, a.UID)
		assert.Equal(t, "1234:1234", one.User())
	} else {
		assert.Contains(t, a.Environment, "CODEFLOW_BUNDLE="+f.image.Root+"/bundle")
		assert.Contains(t, one.User(), "the user of the sandbox")
	}
	assert.Contains(t, f.log.String(), "listening on :2")
}

func TestTasksHaveTheirOwnAddresses(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	one, two := f.start(t, nil), f.start(t, nil)
	other := f.start(t, func(r *task.Request) { r.Zone = "b" })
	assert.Regexp(t, `^127\.1\.\d+\.\d+:3000$`, one.Address())
	assert.Regexp(t, `^127\.1\.\d+\.\d+:3000$`, two.Address())
	assert.Regexp(t, `^127\.2\.\d+\.\d+:3000$`, other.Address())
	assert.NotEqual(t, one.Address(), two.Address())
	assert.NotEqual(t, ask(t, one, nil).PID, ask(t, two, nil).PID)
	portless := f.start(t, func(r *task.Request) { r.Containers[0].PortMappings = nil })
	assert.Empty(t, portless.Address())
}

func TestStop(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		environment string
		end         func(*task.Task)
		want        task.Exit
	}{
		"gracefully": {"X=1", (*task.Task).Stop, task.Exit{Code: 0, Reason: "exit status 0"}},
		"by force":   {"IGNORE_TERM=1", (*task.Task).Stop, task.Exit{Code: 137, Reason: "signal: killed"}},
		"at once":    {"X=1", (*task.Task).Kill, task.Exit{Code: 137, Reason: "signal: killed"}},
		"by itself":  {"X=1", func(task *task.Task) { status(task, "/die") }, task.Exit{Code: 3, Reason: "exit status 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, tc.environment)
			started := f.start(t, func(r *task.Request) { r.Containers[0].StopTimeout = 1 })
			tc.end(started)
			<-started.Done()
			assert.Equal(t, tc.want, exitOf(started))
			assert.True(t, f.log.closed)
			_, err := net.Dial("tcp", started.Address())
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.ErrorIs(t, syscall.Kill(started.PID(), 0), syscall.ESRCH)
			started.Stop() // nothing happens.
		})
	}
}

func TestNothingIsLeftOfAProcessGroup(t *testing.T) {
	t.Parallel()
	f := setUp(t, "FORK=1")
	started := f.start(t, nil)
	require.NoError(t, syscall.Kill(-started.PID(), 0))
	started.Stop()
	assert.Eventually(t, func() bool { return syscall.Kill(-started.PID(), 0) != nil }, runtimetest.Patience, time.Millisecond)
}

func TestCloseKillsAll(t *testing.T) {
	t.Parallel()
	f := setUp(t, "IGNORE_TERM=1")
	one, two := f.start(t, nil), f.start(t, nil)
	f.host.Close()
	assert.Equal(t, 137, exitOf(one).Code)
	assert.Equal(t, 137, exitOf(two).Code)
	_, err := f.host.Start(f.request(nil))
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestTasksEndWithTheSandbox kills a process that runs a task.
func TestTasksEndWithTheSandbox(t *testing.T) {
	t.Parallel()
	if os.Getenv("SANDBOX_OF_TEST") != "" {
		f := setUp(t)
		fmt.Println("task", f.start(t, nil).PID())
		select {}
	}
	sandbox := exec.Command(os.Args[0], "-test.run=^TestTasksEndWithTheSandbox$", "-test.v")
	sandbox.Env = append(os.Environ(), "SANDBOX_OF_TEST=1")
	out, err := sandbox.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, sandbox.Start())
	defer func() { _ = sandbox.Process.Kill() }()
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "task %d", &pid)
	}
	require.NotZero(t, pid)
	require.NoError(t, syscall.Kill(pid, 0))
	require.NoError(t, sandbox.Process.Kill())
	_ = sandbox.Wait()
	assert.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ") // nobody may wait for orphans here.
	}, runtimetest.Patience, time.Millisecond)
}

func TestHealthCheck(t *testing.T) {
	t.Parallel()
	check := &task.HealthCheck{Command: []string{"CMD", "/server", "healthcheck"}, Interval: 5, Retries: 2}
	becomes := func(started *task.Task, want task.Health) func() bool {
		return func() bool { return started.Health() == want }
	}
	f := setUp(t)
	started := f.start(t, func(r *task.Request) { r.Containers[0].HealthCheck = check })
	require.Eventually(t, becomes(started, task.Healthy), runtimetest.Patience, time.Millisecond)
	started.SetFaults(task.Faults{Unhealthy: true})
	require.Eventually(t, becomes(started, task.Unhealthy), runtimetest.Patience, time.Millisecond)
	started.SetFaults(task.Faults{})
	require.Eventually(t, becomes(started, task.Healthy), runtimetest.Patience, time.Millisecond)
	require.Equal(t, http.StatusOK, status(started, "/sick"))
	require.Eventually(t, becomes(started, task.Unhealthy), runtimetest.Patience, time.Millisecond)

	unchecked := f.start(t, func(r *task.Request) { r.Containers[0].HealthCheck = &task.HealthCheck{Command: []string{"NONE"}} })
	began := time.Now()
	broken := f.start(t, func(r *task.Request) {
		r.Containers[0].HealthCheck = &task.HealthCheck{Command: []string{"CMD-SHELL", "there is no shell"}, Interval: 5, StartPeriod: 60}
	})
	time.Sleep(scale.Seconds(30))
	if health := broken.Health(); time.Since(began) < scale.Seconds(60) {
		assert.Equal(t, task.Unknown, health, "its start period is not over")
	}
	require.Eventually(t, becomes(broken, task.Unhealthy), runtimetest.Patience, time.Millisecond)
	assert.Equal(t, task.Unknown, unchecked.Health())
}

func TestFaults(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	started := f.start(t, func(r *task.Request) { r.Faults.ErrorPercent = 100 })
	assert.Equal(t, http.StatusInternalServerError, status(started, "/"))
	assert.Equal(t, http.StatusOK, status(started, "/health", checker...), "the load balancer sees nothing of it")
	started.SetFaults(task.Faults{Delay: 150 * time.Millisecond, Unhealthy: true})
	began := time.Now()
	assert.Equal(t, http.StatusOK, status(started, "/"))
	assert.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond)
	assert.Equal(t, http.StatusServiceUnavailable, status(started, "/health", checker...))
	started.SetFaults(task.Faults{ErrorPercent: 50})
	counts := map[int]int{}
	for range 200 {
		counts[status(started, "/health")]++
	}
	assert.InDelta(t, 100, counts[http.StatusInternalServerError], 60, "%v", counts) // 8 sigma.
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	for want, change := range map[string]func(*task.Request){
		"name and image are required":          func(r *task.Request) { r.Containers[0].ContainerDefinition.Image = "" },
		"must have at most one port":           func(r *task.Request) { r.Containers[0].PortMappings = make([]task.PortMapping, 2) },
		"must be 1 to 65535, got 0":            func(r *task.Request) { r.Containers[0].PortMappings = make([]task.PortMapping, 1) },
		"must begin with CMD":                  func(r *task.Request) { r.Containers[0].HealthCheck = &task.HealthCheck{Command: []string{"/x"}} },
		`not root's, as 65532:65532, got "0"`:  func(r *task.Request) { r.Containers[0].User = "0" },
		`as 65532:65532, got "nobody"`:         func(r *task.Request) { r.Containers[0].User = "nobody" },
		`an absolute path in the image, got "`: func(r *task.Request) { r.Containers[0].EntryPoint = []string{"server"} },
		"it has no entry point":                func(r *task.Request) { r.Containers[0].Image = &image.Image{Config: v1.Config{User: "1"}} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			log := &output{}
			request := f.request(change)
			request.Containers[0].Log = log
			_, err := f.host.Start(request)
			require.ErrorContains(t, err, want)
			assert.True(t, log.closed)
		})
	}
}

func TestEntryPointAndCommand(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	f.image.Config.Cmd = []string{"healthcheck"}
	request := f.request(func(r *task.Request) { r.Containers[0].Command = []string{"sleep"} })
	slept, err := f.host.Start(request)
	require.NoError(t, err)
	assert.NotEmpty(t, slept.Address())
	checked, err := f.host.Start(f.request(nil))
	require.NoError(t, err)
	<-checked.Done()
	assert.Equal(t, 1, exitOf(checked).Code, "the image's command ran: nothing answers on the port")
	overridden := f.start(t, func(r *task.Request) { r.Containers[0].EntryPoint = []string{"/server"} })
	assert.Equal(t, []string{"/server"}, ask(t, overridden, nil).Args)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", slept.PID()))
	require.NoError(t, err)
	assert.Equal(t, "/server\x00sleep\x00", string(cmdline))
}

func TestLogOfAProcess(t *testing.T) {
	t.Parallel()
	f := setUp(t, "CRASH_AFTER=0s")
	started, err := f.host.Start(f.request(nil))
	require.NoError(t, err)
	<-started.Done()
	assert.Contains(t, f.log.String(), "panic: this release crashes\n")
}

// BenchmarkStart is the time from the start of a task to its first answer.
func BenchmarkStart(b *testing.B) {
	f := setUp(b)
	for b.Loop() {
		started, err := f.host.Start(f.request(nil))
		require.NoError(b, err)
		for status(started, "/health") == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		b.StopTimer()
		started.Kill()
		<-started.Done()
		b.StartTimer()
	}
}

// BenchmarkForwarder is what a request costs through the forwarder, against one
// to the process itself.
func BenchmarkForwarder(b *testing.B) {
	f := setUp(b)
	started, err := f.host.Start(f.request(nil))
	require.NoError(b, err)
	for status(started, "/health") == 0 {
		time.Sleep(time.Millisecond)
	}
	_, port, _ := strings.Cut(f.log.String(), "listening on :")
	for name, address := range map[string]string{"direct": "127.0.0.1:" + strings.TrimSpace(port), "forwarded": started.Address()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				resp, err := http.Get("http://" + address + "/health")
				require.NoError(b, err)
				_ = resp.Body.Close()
			}
		})
	}
}
