package task

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/image"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// Host runs tasks on this machine.
type Host struct {
	scale    timescale.Scale
	launcher *launcher
	network  *network

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
	ID, Zone  string
	Container ContainerDefinition
	// Secrets are the values of the container's secrets, by name.
	Secrets map[string]string
	Image   *image.Image
	// Log gets the output. The task closes it.
	Log io.WriteCloser
	// Faults that the task has from its start.
	Faults Faults
}

// Start starts a task. It closes the log when it fails.
func (h *Host) Start(r Request) (_ *Task, err error) {
	defer func() {
		if err != nil {
			_ = r.Log.Close()
		}
	}()
	if err := r.Container.Validate(); err != nil {
		return nil, err
	}
	plan, err := newPlan(r)
	if err != nil {
		return nil, fmt.Errorf("container %q: %w", r.Container.Name, err)
	}
	port, err := h.network.port()
	if err != nil {
		return nil, err
	}
	plan.environment = environment(r, port, h.scale)
	t := &Task{host: h, request: r, plan: plan, done: make(chan struct{}), recheck: make(chan struct{}, 1), health: Unknown}
	t.faults.Store(&r.Faults)
	if len(r.Container.PortMappings) > 0 {
		listener, err := h.network.listen(r.Zone, r.Container.PortMappings[0].ContainerPort)
		if err != nil {
			return nil, err
		}
		t.address = listener.Addr().String()
		t.forward(listener, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return t, h.launch(t)
}

// launch starts the process of a task, unless the host is closed.
func (h *Host) launch(t *Task) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := net.ErrClosed
	if !h.closed {
		t.cmd = t.plan.command(t.plan.arguments)
		t.cmd.Stdout, t.cmd.Stderr, t.cmd.WaitDelay = t.request.Log, t.request.Log, lingering
		err = h.launcher.start(t.cmd)
	}
	if err != nil {
		t.closeForwarder()
		return fmt.Errorf("starting %q: %w", t.plan.arguments, err)
	}
	h.tasks[t] = true
	go t.watch()
	return nil
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
