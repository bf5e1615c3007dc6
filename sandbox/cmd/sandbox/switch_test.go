//go:build linux

package main

// These tests run the traffic controller as people do, on the real engine, beside a
// sandbox that runs in another process.

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// output is what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// starts takes what starts a process. The process is killed when the thread that started
// it ends, so that is one that never does.
var starts = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range work {
			start()
		}
	}()
	return work
})

// startCommand starts a command of the sandbox in a process group of its own.
func startCommand(t *testing.T, dir string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	out := &output{}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], append([]string{"--root", root, "--dir", dir}, args...)...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts() <- func() { started <- cmd.Start() }
	require.NoError(t, <-started)
	return cmd, out
}

// running runs the colours, of which blue has the traffic, in another process until
// the test ends.
func running(t *testing.T) (dir string, process *exec.Cmd) {
	t.Helper()
	dir = withTraffic.copied(t)
	process, out := startCommand(t, dir, "run")
	ended := make(chan struct{})
	go func() { _ = process.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = process.Process.Signal(os.Interrupt)
		<-ended
	})
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C ends it") }, runtimetest.Patience, 50*time.Millisecond, "%s", out)
	return dir, process
}

// attached works on a sandbox that runs.
func attached(t *testing.T, dir string) *engine.Sandbox {
	t.Helper()
	s := open(t, dir)
	require.Nil(t, s.Cloud, "it is another process's")
	return s
}

func TestSwitchIsKilled(t *testing.T) {
	t.Parallel()
	dir, _ := running(t)
	s := attached(t, dir)

	view := seen(t, s)
	watching, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for watching.Err() == nil {
			if weights, err := view.Weights(watching); err == nil {
				assert.Positive(t, weights.Total(), "nobody has the traffic")
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	journal := s.Journal("prod")
	begin := func() []string {
		to := "green"
		if entries, _, err := ops.ReadJournal(journal); err == nil && len(entries) > 0 && ops.Fold(entries).Applied["green"] == 100 {
			to = "blue"
		}
		return []string{"ops", "switch", "--to", to, "--steps", "50,100", "--bake", "100ms", "--guard", "0s", "--probe", "--yes"}
	}
	next, done := begin(), 0
	const kills = 20
	for i := range kills {
		cmd, out := startCommand(t, dir, next...)
		time.Sleep(time.Duration(300+(i*700)%4100) * time.Millisecond)
		pid := cmd.Process.Pid
		if i%2 == 0 { // the engine, too.
			pid = -pid
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be over.
		_ = cmd.Wait()

		entries, holder, err := ops.ReadJournal(journal)
		require.NoError(t, err, "the journal is whole: %s", out)
		assert.Nil(t, holder, "its lock is gone with it")
		if rollout := ops.Fold(entries); rollout.Unfinished() {
			assert.NotEmpty(t, rollout.Explain())
			next = []string{"ops", "switch", []string{"--resume", "--abort"}[i/2%2], "--yes"}
		} else {
			next = begin()
			done++
		}
	}
	for range 3 { // an aborted one is over as well as one that was resumed.
		entries, _, err := ops.ReadJournal(journal)
		require.NoError(t, err)
		if !ops.Fold(entries).Unfinished() {
			break
		}
		cmd, out := startCommand(t, dir, "ops", "switch", "--resume", "--yes")
		require.NoError(t, cmd.Wait(), "%s", out)
	}
	cmd, out := startCommand(t, dir, begin()...)
	require.NoError(t, cmd.Wait(), "%s", out)
	stop()
	watch.Wait()
	t.Logf("%d kills, %d rollouts were over before theirs", kills, done)
}

// caller is who calls with what the command env prints for a role.
func caller(t *testing.T, dir, role string) string {
	t.Helper()
	cmd, out := startCommand(t, dir, "env", "--as", role)
	require.NoError(t, cmd.Wait(), "%s", out)
	variables := map[string]string{}
	for field := range strings.FieldsSeq(out.String()) {
		name, value, _ := strings.Cut(field, "=")
		variables[name] = value
	}
	got, err := sts.New(sts.Options{
		Region: variables["AWS_REGION"], BaseEndpoint: aws.String(variables["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], ""),
	}).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	return *got.Arn
}

func TestTwoSwitchesAtOnce(t *testing.T) {
	t.Parallel()
	dir, process := running(t)
	first, out := startCommand(t, dir, "ops", "switch", "--to", "green", "--bake", "1s", "--guard", "0s", "--probe", "--yes")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "weights:") }, runtimetest.Patience, 20*time.Millisecond, "%s", out)

	second, refused := startCommand(t, dir, "ops", "switch", "--to", "green", "--yes")
	require.Error(t, second.Wait())
	assert.Equal(t, cli.ExitLocked, second.ProcessState.ExitCode())
	assert.Contains(t, refused.String(), fmt.Sprintf("(process %d, ops switch) since 20", first.Process.Pid))
	require.NoError(t, first.Wait(), "%s", out)

	s := attached(t, dir)
	weights, err := seen(t, s).Weights(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ops.Weights{"blue": 0, "green": 100}, weights)
	status, err := s.Account.Status()
	require.NoError(t, err)
	answer, answered := startCommand(t, dir, "curl", "https://codeflow.example.com/health")
	require.NoError(t, answer.Wait(), "%s", answered)
	assert.Contains(t, answered.String(), `"color":"green"`)
	require.NoError(t, s.Close())
	assert.Equal(t, "arn:aws:sts::000000000000:assumed-role/codeflow-operator-prod/sandbox", caller(t, dir, "codeflow-operator-prod"))

	// Its processes and ports are gone after Ctrl-C; so they are after clean, which
	// ends who has them.
	require.NotEmpty(t, tasks(t, dir))
	clean, cleaned := startCommand(t, dir, "clean")
	require.NoError(t, clean.Wait(), "%s", cleaned)
	assert.ErrorIs(t, syscall.Kill(process.Process.Pid, 0), syscall.ESRCH)
	assertNothingRuns(t, dir, status)
	assert.NoDirExists(t, dir)
}

func TestInterruptLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, process := running(t)
	s := attached(t, dir)
	status, err := s.Account.Status()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NotEmpty(t, tasks(t, dir))
	require.NoError(t, process.Process.Signal(os.Interrupt))
	require.Eventually(t, func() bool { return syscall.Kill(process.Process.Pid, 0) != nil }, runtimetest.Patience, 20*time.Millisecond)
	assertNothingRuns(t, dir, status)
	nothing, said := startCommand(t, dir, "status")
	require.Error(t, nothing.Wait())
	assert.Contains(t, said.String(), account.ErrNothingRuns.Error())
}

// tasks are the processes whose program is below a folder.
func tasks(t *testing.T, dir string) (pids []string) {
	t.Helper()
	programs, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	for _, program := range programs {
		if path, err := os.Readlink(program); err == nil && strings.HasPrefix(path, dir) {
			pids = append(pids, program)
		}
	}
	return pids
}

func assertNothingRuns(t *testing.T, dir string, before account.Status) {
	t.Helper()
	assert.Empty(t, tasks(t, dir))
	addresses := []string{before.Door.HTTP, before.Door.HTTPS}
	for _, service := range before.Services {
		for _, task := range service.Tasks {
			addresses = append(addresses, task.Address)
		}
	}
	for _, lb := range before.LoadBalancers {
		for _, address := range lb.Listeners {
			addresses = append(addresses, address)
		}
	}
	assert.Greater(t, len(addresses), 10)
	for _, address := range addresses {
		conn, err := net.Dial("tcp", address)
		if assert.Error(t, err, "%s is open", address) {
			continue
		}
		_ = conn.Close()
	}
}
