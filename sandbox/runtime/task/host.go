package task

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/collector"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Host runs tasks on this machine.
type Host struct {
	scale    timescale.Scale
	launcher *launcher
	network  *network
	// Collected is what the tasks' collectors have received.
	Collected collector.Collector
	// Faulted is told of each request that a fault answered or delayed, since the
	// program could not count it so. Set before the first task; optional.
	Faulted func(by *ContainerDefinition, status int, delay time.Duration)

	mu     sync.Mutex
	tasks  map[*Task]bool
	closed bool
}

// NewHost returns a host. Only Linux has what it needs: anywhere else it returns
// an error that says so.
func NewHost(scale timescale.Scale) (*Host, error) {
	launcher, err := newLauncher()
	if err != nil {
		return nil, err
	}
	return &Host{scale: scale, launcher: launcher, network: newNetwork(), tasks: map[*Task]bool{}}, nil
}

// Request says what to start.
type Request struct {
	// ID of the task, and the availability Zone it is placed in.
	ID, Zone   string
	Containers []Container
	// Faults that the task has from its start.
	Faults Faults
}

// Start starts a task; its containers follow by their dependencies. It closes the
// logs when it fails.
func (h *Host) Start(r Request) (_ *Task, err error) {
	t := &Task{host: h, request: r, started: make(chan struct{}), done: make(chan struct{})}
	defer func() {
		if err != nil {
			t.discard()
		}
	}()
	var definitions Containers
	for _, from := range r.Containers {
		definitions = append(definitions, from.ContainerDefinition)
		t.containers = append(t.containers, newContainer(t, from))
	}
	if err := definitions.Validate(); err != nil {
		return nil, err
	}
	if err := t.prepare(definitions.Main().Name); err != nil {
		return nil, err
	}
	t.faults.Store(&r.Faults)
	t.killed, t.kill = context.WithCancel(context.Background())
	t.ctx, t.halt = context.WithCancelCause(t.killed)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, net.ErrClosed
	}
	h.tasks[t] = true
	go t.run()
	return t, nil
}

// prepare plans the containers and opens the ports of the task.
func (t *Task) prepare(main string) (err error) {
	t.main = t.find(main)
	host := ""
	for _, c := range t.containers {
		switch {
		case c.Err != nil:
		case StandsIn(c.ContainerDefinition):
			t.collector = c
			if c.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				return fmt.Errorf("opening a port for container %q: %w", c.Name, err)
			}
		default:
			if c.plan, err = newPlan(&c.Container); err != nil {
				return fmt.Errorf("container %q: %w", c.Name, err)
			}
			if len(c.PortMappings) == 0 {
				continue
			}
			if c.listener, err = t.host.network.listen(t.request.Zone, host, c.PortMappings[0].ContainerPort); err != nil {
				return err
			}
			host, _, _ = net.SplitHostPort(c.listener.Addr().String())
		}
	}
	return nil
}

// discard closes what a task has that does not run.
func (t *Task) discard() {
	for _, c := range t.containers {
		if c.listener != nil {
			_ = c.listener.Close()
		}
		if c.Log != nil {
			_ = c.Log.Close()
		}
	}
}

// start starts a process, unless the host is closed.
func (h *Host) start(cmd *exec.Cmd) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return net.ErrClosed
	}
	return h.launcher.start(cmd)
}

func (h *Host) forget(t *Task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tasks, t)
}

// Close kills all tasks and waits until they are gone.
func (h *Host) Close() {
	h.mu.Lock()
	again := h.closed
	h.closed = true
	var left []*Task
	for t := range h.tasks {
		left = append(left, t)
	}
	h.mu.Unlock()
	for _, t := range left {
		t.Kill()
	}
	for _, t := range left {
		<-t.Done()
	}
	if !again {
		h.launcher.close()
	}
}
