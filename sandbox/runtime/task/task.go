package task

import (
	"context"
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// defaultStopTimeout of a container, in seconds.
const defaultStopTimeout = 30

// lingering is how long output is awaited from what a process left behind.
const lingering = 100 * time.Millisecond

// Task is a container that runs or has ended.
type Task struct {
	host      *Host
	request   Request
	plan      *plan
	address   string
	cmd       *exec.Cmd
	forwarder *http.Server
	transport *http.Transport
	faults    atomic.Pointer[Faults]
	recheck   chan struct{} // its health, at once.
	done      chan struct{}
	exit      Exit // set before done is closed.

	mu     sync.Mutex
	health Health
}

// Exit is how a task ended.
type Exit struct {
	// Code is the exit code, or 128 and the signal's number.
	Code int `json:"code"`
	// Reason is what the system says, such as "signal: killed".
	Reason string `json:"reason"`
}

// Address is where the task answers, as 127.1.0.1:3000; empty without a port.
func (t *Task) Address() string { return t.address }

// PID is the number of the task's process.
func (t *Task) PID() int { return t.cmd.Process.Pid }

// User says who the task runs as.
func (t *Task) User() string { return t.plan.user() }

// Done is closed when the task has ended and its address is free.
func (t *Task) Done() <-chan struct{} { return t.done }

// Exit is how the task ended, once it has.
func (t *Task) Exit() Exit { return t.exit }

// SetFaults changes what is wrong with the task.
func (t *Task) SetFaults(f Faults) {
	if t.faults.Swap(&f).Unhealthy != f.Unhealthy {
		select {
		case t.recheck <- struct{}{}:
		default: // it will be.
		}
	}
}

// watch waits for the end of the process.
func (t *Task) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	var checks sync.WaitGroup
	checks.Go(func() { t.checkHealth(ctx) })
	_ = t.cmd.Wait() // its state says more.
	killGroup(t.cmd)
	cancel()
	checks.Wait()
	t.closeForwarder()
	_ = t.request.Log.Close()
	t.exit = exitOf(t.cmd.ProcessState)
	t.host.forget(t)
	close(t.done)
}

// Stop ends the task as ECS does: it asks with SIGTERM and kills it when the
// container's stop timeout is over. It returns when the task has ended.
func (t *Task) Stop() {
	seconds := t.request.Container.StopTimeout
	if seconds == 0 {
		seconds = defaultStopTimeout
	}
	_ = terminate(t.cmd) // it may have ended.
	timeout := time.NewTimer(t.host.scale.Patience(seconds))
	defer timeout.Stop()
	select {
	case <-t.done:
	case <-timeout.C:
		t.Kill()
		<-t.done
	}
}

// Kill ends the task at once.
func (t *Task) Kill() { _ = t.cmd.Process.Kill() } // it may have ended.
