package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/image"
)

// Container is what a container is started from.
type Container struct {
	ContainerDefinition
	// Values of the container's secrets, by name.
	Values map[string]string
	// Image is needed unless the container has a stand-in (see [StandsIn]).
	Image *image.Image
	// Err is why a container that is not essential cannot be started, in ECS's
	// words.
	Err error
	// Log gets the output. The task closes it.
	Log io.WriteCloser
}

// Status of a container.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
type Status string

// The states of a container.
const (
	Pending Status = "PENDING"
	Running Status = "RUNNING"
	Stopped Status = "STOPPED"
)

// ContainerStatus is a container as it is now.
type ContainerStatus struct {
	Name         string `json:"name"`
	LastStatus   Status `json:"lastStatus"`
	HealthStatus Health `json:"healthStatus"`
	// ExitCode is the exit code, or 128 and the signal's number; 143 when a
	// dependency kept the container from starting; nil when anything else did.
	ExitCode *int `json:"exitCode,omitempty"`
	// Reason is what the system says, such as "signal: killed", or why the
	// container did not start.
	Reason string `json:"reason,omitempty"`
}

// container is a container of a task.
type container struct {
	Container
	task     *Task
	plan     *plan        // nil with a stand-in.
	listener net.Listener // nil without a port.
	recheck  chan struct{}

	launched, judged, ended chan struct{} // closed when it runs, its health is decided, it has ended.
	judge                   func()        // closes judged, once.

	mu      sync.Mutex
	program program // nil until it runs.
	state   Status
	health  Health
	code    *int
	reason  string
}

// program is what runs in a container: a process, or what stands in for one.
type program interface {
	pid() int   // 0 without a process.
	wait() Exit // returns when it has ended.
	terminate()
	kill()
}

func newContainer(t *Task, from Container) *container {
	c := &container{
		Container: from, task: t, recheck: make(chan struct{}, 1), state: Pending, health: Unknown,
		launched: make(chan struct{}), judged: make(chan struct{}), ended: make(chan struct{}),
	}
	c.judge = sync.OnceFunc(func() { close(c.judged) })
	return c
}

func (c *container) status() ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ContainerStatus{c.Name, c.state, c.health, c.code, c.reason}
}

// run starts the container when its dependencies allow it, and returns when it has
// ended, or never will start.
func (c *container) run() {
	code, reason := c.live()
	if c.listener != nil {
		_ = c.listener.Close() // the forwarder may have.
	}
	if c.Log != nil {
		_ = c.Log.Close()
	}
	c.mu.Lock()
	c.state, c.code, c.reason = Stopped, code, reason
	c.mu.Unlock()
	c.judge()
	close(c.ended)
	if c.IsEssential() {
		c.task.exited(c, reason)
	}
}

// unstarted is the exit code of a container whose dependencies failed.
// https://github.com/aws/amazon-ecs-agent/pull/3218
var unstarted = 143

func (c *container) live() (code *int, reason string) {
	if c.Err != nil {
		return nil, c.Err.Error()
	}
	if err := c.await(); err != nil {
		if c.task.ctx.Err() != nil {
			return nil, ""
		}
		return &unstarted, "CannotStartContainerError: " + err.Error()
	}
	started, forwarder, err := c.launch()
	if err != nil {
		return nil, "CannotStartContainerError: " + err.Error()
	}
	c.mu.Lock()
	c.program, c.state = started, Running
	c.mu.Unlock()
	close(c.launched)
	ctx, cancel := context.WithCancel(context.Background())
	var checks sync.WaitGroup
	checks.Go(func() { c.checkHealth(ctx) })
	ended := make(chan Exit, 1)
	go func() { ended <- started.wait() }()
	var exit Exit
	select {
	case exit = <-ended:
	case <-c.task.ctx.Done():
		exit = c.stop(started, ended)
	}
	cancel()
	checks.Wait()
	if forwarder != nil {
		forwarder.close()
	}
	return &exit.Code, exit.Reason
}

// launch starts the container's process and what leads to it.
func (c *container) launch() (program, *forwarder, error) {
	if c.plan == nil {
		started, err := c.task.collect(c)
		return started, nil, err
	}
	port, err := c.task.host.network.port()
	if err != nil {
		return nil, nil, err
	}
	c.plan.environment = environment(&c.Container, port, c.task.collectorAddress(), c.task.host.scale)
	cmd, err := c.execute()
	if err != nil {
		return nil, nil, fmt.Errorf("starting %q: %w", c.plan.arguments, err)
	}
	if c.listener == nil {
		return process{cmd}, nil, nil
	}
	return process{cmd}, c.forward(fmt.Sprintf("127.0.0.1:%d", port)), nil
}

// busy is how often a program is tried that a fork holds open for writing, since it
// was forked while the image was unpacked: until that one executes.
// https://github.com/golang/go/issues/22315
const busy = 100

func (c *container) execute() (cmd *exec.Cmd, err error) {
	for range busy {
		cmd = c.plan.command(c.plan.arguments)
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.Log, c.Log, lingering
		if err = c.task.host.start(cmd); !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return cmd, err
}

// stop ends the program as ECS does: when the containers that depend on it have
// ended, it asks with SIGTERM, and kills when the stop timeout is over.
func (c *container) stop(p program, ended <-chan Exit) Exit {
	for _, d := range c.task.dependents(c) {
		select {
		case <-d.ended:
		case exit := <-ended:
			return exit
		case <-c.task.killed.Done():
		}
	}
	if c.task.killed.Err() == nil {
		p.terminate()
		timeout := time.NewTimer(c.task.host.scale.Patience(cmp.Or(c.StopTimeout, defaultStopTimeout)))
		defer timeout.Stop()
		select {
		case exit := <-ended:
			return exit
		case <-timeout.C:
		case <-c.task.killed.Done():
		}
	}
	p.kill()
	return <-ended
}

// process is a program of an image.
type process struct{ cmd *exec.Cmd }

func (p process) pid() int   { return p.cmd.Process.Pid }
func (p process) terminate() { _ = terminate(p.cmd) }     // it may have ended.
func (p process) kill()      { _ = p.cmd.Process.Kill() } // it may have ended.

func (p process) wait() Exit {
	_ = p.cmd.Wait() // its state says more.
	killGroup(p.cmd)
	return exitOf(p.cmd.ProcessState)
}
