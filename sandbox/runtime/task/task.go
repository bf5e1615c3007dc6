package task

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// defaultStopTimeout of a container, in seconds.
const defaultStopTimeout = 30

// lingering is how long output is awaited from what a process left behind.
const lingering = 100 * time.Millisecond

// Task are containers that run or have ended.
type Task struct {
	host       *Host
	request    Request
	main       *container
	containers []*container
	collector  *container // the one that has a stand-in, if any.
	faults     atomic.Pointer[Faults]
	started    chan struct{}
	done       chan struct{}

	// killed ends when all processes are to be killed, and ctx, with the reason,
	// when they are to be stopped.
	killed, ctx context.Context //nolint:containedctx // the task's life.
	kill        context.CancelFunc
	halt        context.CancelCauseFunc
}

// Exit is how a container ended.
type Exit struct {
	// Code is the exit code, or 128 and the signal's number.
	Code int `json:"code"`
	// Reason is what the system says, such as "signal: killed".
	Reason string `json:"reason"`
}

// errExited is why a task stops that nobody asked to.
var errExited = errors.New("Essential container in task exited")

// Address is where the task's main container answers, as 127.1.0.1:3000; empty
// without a port.
func (t *Task) Address() string {
	if t.main.listener == nil {
		return ""
	}
	return t.main.listener.Addr().String()
}

// PID is the number of the main container's process, or 0.
func (t *Task) PID() int {
	t.main.mu.Lock()
	defer t.main.mu.Unlock()
	if t.main.program == nil {
		return 0
	}
	return t.main.program.pid()
}

// User says who the main container runs as.
func (t *Task) User() string {
	if t.main.plan == nil {
		return ""
	}
	return t.main.plan.user()
}

// Started is closed when each container runs or has ended, unless an essential one
// never ran.
func (t *Task) Started() <-chan struct{} { return t.started }

// Done is closed when all containers have ended and the task's address is free.
func (t *Task) Done() <-chan struct{} { return t.done }

// StoppedReason is why the task stopped, unless it was asked to: the reason of an
// essential container that could not be started, or that one has ended.
func (t *Task) StoppedReason() string {
	if cause := context.Cause(t.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause.Error()
	}
	return errExited.Error()
}

// Containers are the containers as they are, in the order of the definition.
func (t *Task) Containers() (all []ContainerStatus) {
	for _, c := range t.containers {
		all = append(all, c.status())
	}
	return all
}

// Usage is what processes use.
type Usage struct {
	CPU    time.Duration // since they started.
	Memory int64         // resident, in bytes.
}

// Usage is what the processes use that run now: those of the containers, not what
// they have started.
func (t *Task) Usage() (all Usage) {
	for _, c := range t.containers {
		c.mu.Lock()
		if c.state == Running && c.program.pid() != 0 {
			u := usageOf(c.program.pid())
			all.CPU, all.Memory = all.CPU+u.CPU, all.Memory+u.Memory
		}
		c.mu.Unlock()
	}
	return all
}

// SetFaults changes what is wrong with the task.
func (t *Task) SetFaults(f Faults) {
	if t.faults.Swap(&f).Unhealthy == f.Unhealthy {
		return
	}
	for _, c := range t.containers {
		select {
		case c.recheck <- struct{}{}:
		default: // it will be.
		}
	}
}

// run returns when all containers have ended.
func (t *Task) run() {
	var all sync.WaitGroup
	for _, c := range t.containers {
		all.Go(c.run)
	}
	all.Go(func() {
		for _, c := range t.containers {
			select {
			case <-c.launched:
			case <-c.ended:
			}
			if c.IsEssential() && !isClosed(c.launched) {
				return
			}
		}
		close(t.started)
	})
	all.Wait()
	t.halt(nil) // it has ended by itself.
	t.kill()
	t.host.forget(t)
	close(t.done)
}

// exited stops the task, since an essential container has ended.
func (t *Task) exited(c *container, reason string) {
	if !isClosed(c.launched) && reason != "" {
		t.halt(errors.New(reason))
		return
	}
	t.halt(errExited)
}

func (t *Task) find(name string) *container {
	i := slices.IndexFunc(t.containers, func(c *container) bool { return c.Name == name })
	return t.containers[i] // the definition is valid.
}

// dependents are the containers that depend on one.
func (t *Task) dependents(on *container) (all []*container) {
	for _, c := range t.containers {
		if slices.ContainsFunc(c.DependsOn, func(d Dependency) bool { return d.ContainerName == on.Name }) {
			all = append(all, c)
		}
	}
	return all
}

// Stop stops the containers, in the reverse order of their dependencies, and
// returns when they have ended.
func (t *Task) Stop() {
	t.halt(nil)
	<-t.done
}

// Kill ends the task at once.
func (t *Task) Kill() { t.kill() }
