//go:build linux

package task_test

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

var notEssential = new(bool)

// before adds a container that is not essential and runs a command before the
// server does.
func (f *fixture) before(condition task.Condition, command ...string) func(*task.Request) {
	return func(r *task.Request) {
		r.Containers[0].DependsOn = []task.Dependency{{ContainerName: "first", Condition: condition}}
		r.Containers = append(r.Containers, task.Container{
			Image: f.image, Log: &output{}, ContainerDefinition: task.ContainerDefinition{
				Name: "first", Image: "codeflow@sha256:1", Command: command, Essential: notEssential,
			},
		})
	}
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	check := &task.HealthCheck{Command: []string{"CMD", "/server", "healthcheck"}, Interval: 5, Retries: 1, StartPeriod: 600}
	for name, tc := range map[string]struct {
		condition task.Condition
		command   []string
		change    func(*task.Container)
		want      string // the reason why the server does not start.
	}{
		"START of what runs":     {task.OnStart, []string{"sleep"}, nil, ""},
		"START of what has run":  {task.OnStart, []string{"exit", "0s", "1"}, nil, ""},
		"COMPLETE with a code":   {task.OnComplete, []string{"exit", "10ms", "1"}, nil, ""},
		"SUCCESS":                {task.OnSuccess, []string{"exit", "10ms", "0"}, nil, ""},
		"SUCCESS with a code":    {task.OnSuccess, []string{"exit", "10ms", "1"}, nil, "[first (STOPPED) - Exit: 1] for target [server] as dependency did not exit successfully."},
		"SUCCESS, too late":      {task.OnSuccess, []string{"sleep"}, func(c *task.Container) { c.StartTimeout = 1 }, "[first] for target [server] as it has timed out."},
		"START of what does not": {task.OnStart, nil, func(c *task.Container) { c.EntryPoint = []string{"/none"} }, "because dependency will never start."},
		"START of what cannot": {
			task.OnStart, nil, func(c *task.Container) { c.Err, c.Image = errors.New("CannotPullContainerError: none"), nil },
			"[first] for target [server] because dependency will never start.",
		},
		"HEALTHY":            {task.OnHealthy, nil, func(c *task.Container) { c.HealthCheck = check }, ""},
		"HEALTHY, but it is": {task.OnHealthy, []string{"sleep"}, func(c *task.Container) { c.HealthCheck = check }, "as dependency did not become healthy."},
		"HEALTHY, but it ends": {
			task.OnHealthy,
			[]string{"exit", "0s", "0"},
			func(c *task.Container) { c.HealthCheck = check },
			"[first (STOPPED) - Exit: 0] for target [server] as dependency did not become healthy.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started, err := f.host.Start(f.request(func(r *task.Request) {
				f.before(tc.condition, tc.command...)(r)
				r.Containers[0].Log = &output{}
				if tc.change != nil {
					tc.change(&r.Containers[1])
				}
			}))
			require.NoError(t, err)
			if tc.want == "" {
				await(t, started.Started())
				require.Eventually(t, func() bool { return status(started, "/health") == http.StatusOK }, runtimetest.Patience, 5*time.Millisecond)
				assert.Equal(t, task.Running, started.Containers()[0].LastStatus)
				started.Kill()
			}
			await(t, started.Done())
			if tc.want != "" {
				assert.Contains(t, started.StoppedReason(), "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [first")
				assert.Contains(t, started.StoppedReason(), tc.want)
				assert.Equal(t, task.Exit{Code: 143, Reason: started.StoppedReason()}, exitOf(started))
				select {
				case <-started.Started():
					t.Error("it never ran")
				default:
				}
			}
		})
	}
}

func await(t *testing.T, what <-chan struct{}) {
	t.Helper()
	select {
	case <-what:
	case <-time.After(runtimetest.Patience):
		t.Fatal("it takes too long")
	}
}

// TestStopOrder stops a server that takes a second before what it depends on.
func TestStopOrder(t *testing.T) {
	t.Parallel()
	f := setUp(t, "IGNORE_TERM=1")
	started := f.start(t, func(r *task.Request) {
		f.before(task.OnStart, "sleep")(r)
		r.Containers[0].StopTimeout = 1
	})
	ended, began := make(chan struct{}), time.Now()
	go func() { defer close(ended); started.Stop() }()
	time.Sleep(300 * time.Millisecond)
	if last := started.Containers()[1].LastStatus; time.Since(began) < time.Second {
		assert.Equal(t, task.Running, last, "the server has not ended yet")
	}
	await(t, ended)
	assert.Equal(t, 137, *started.Containers()[0].ExitCode, "its stop timeout was over")
	assert.Equal(t, 143, *started.Containers()[1].ExitCode, "it was asked to end")
}

// TestEssential ends one container after the other.
func TestEssential(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	started := f.start(t, func(r *task.Request) {
		f.before(task.OnStart, "exit", "1ms", "1")(r)
	})
	require.Eventually(t, func() bool { return started.Containers()[1].LastStatus == task.Stopped }, runtimetest.Patience, time.Millisecond)
	assert.Equal(t, http.StatusOK, status(started, "/health"), "the other one was not essential")
	status(started, "/die")
	await(t, started.Done())
	assert.Equal(t, "Essential container in task exited", started.StoppedReason())

	lost, err := f.host.Start(f.request(func(r *task.Request) { r.Containers[0].EntryPoint = []string{"/none"} }))
	require.NoError(t, err)
	await(t, lost.Done())
	assert.Contains(t, lost.StoppedReason(), "CannotStartContainerError: starting")
}

func TestKilledWhileItsDependencyRuns(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	for _, end := range []func(*task.Task){(*task.Task).Stop, (*task.Task).Kill} {
		started, err := f.host.Start(f.request(f.before(task.OnSuccess, "sleep")))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return started.Containers()[1].LastStatus == task.Running }, runtimetest.Patience, time.Millisecond)
		end(started)
		await(t, started.Done())
		assert.Nil(t, started.Containers()[0].ExitCode, "it never ran")
	}
}

// TestCollector leads a server to the stand-in. It is not parallel: another test
// could get the port that it gives back.
func TestCollector(t *testing.T) {
	f := setUp(t)
	log := &output{}
	started := f.start(t, func(r *task.Request) {
		r.Containers[0].Environment = []task.Variable{{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://localhost:4318"}}
		r.Containers[0].DependsOn = []task.Dependency{{ContainerName: "collector", Condition: task.OnStart}}
		r.Containers = append(r.Containers, task.Container{Log: log, ContainerDefinition: task.ContainerDefinition{
			Name: "collector", Image: "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.1", Essential: notEssential,
			Command: []string{"--config=/etc/ecs/ecs-xray.yaml"},
		}})
	})
	environment := ask(t, started, nil).Environment
	i := slices.IndexFunc(environment, func(v string) bool { return strings.HasPrefix(v, "OTEL_EXPORTER_OTLP_ENDPOINT=") })
	_, endpoint, _ := strings.Cut(environment[i], "=")
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, endpoint)
	resp, err := http.Post(endpoint+"/v1/traces", "application/json", strings.NewReader(
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","name":"GET /"}]}]}]}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	received := f.host.Collected.Received()
	assert.Equal(t, 1, received.Spans)
	assert.Equal(t, "5b8efff798038103d269b633813fc60c", received.Traces[0].ID)
	assert.Contains(t, log.String(), "the sandbox stands in for public.ecr.aws/")
	usage := started.Usage()
	assert.Greater(t, usage.Memory, int64(1<<20))
	started.Stop()
	assert.Equal(t, 0, *started.Containers()[1].ExitCode)
	_, err = net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.False(t, task.StandsIn(task.ContainerDefinition{Image: "public.ecr.aws/aws-observability/aws-otel-collector:1"}))
}

func TestContainersRefused(t *testing.T) {
	t.Parallel()
	one := func(name string, on ...task.Dependency) task.ContainerDefinition {
		return task.ContainerDefinition{Name: name, Image: "image", DependsOn: on}
	}
	on := func(name string, condition task.Condition) task.Dependency {
		return task.Dependency{ContainerName: name, Condition: condition}
	}
	for want, containers := range map[string]task.Containers{
		"at least one container must be essential":             {{Name: "a", Image: "image", Essential: notEssential}},
		"name must be of one container":                        {one("a"), one("a")},
		"Cannot depend on container + 'b' because it does not": {one("a", on("b", task.OnStart))},
		"SUCCESS or COMPLETE condition cannot be an essential": {one("a", on("b", task.OnSuccess)), one("b")},
		"must have a health check to become HEALTHY":           {one("a", on("b", task.OnHealthy)), one("b")},
		`must be START, COMPLETE, SUCCESS or HEALTHY, got ""`:  {one("a", on("b", "")), one("b")},
		"must not have a cycle":                                {one("a", on("b", task.OnStart)), one("b", on("a", task.OnStart))},
	} {
		require.ErrorContains(t, containers.Validate(), want)
	}
}
