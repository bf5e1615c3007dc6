// Package process runs codeflow-server and its JavaScript peers as processes on
// this machine, for what must be seen from outside: conformance, benchmarks and
// what the server stands.
//
// Start at [Build] and [Start].
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 10 * time.Second
	// pollInterval is the precision of [Process.Ready].
	pollInterval = 100 * time.Microsecond
	maxBody      = 1 << 10
	maxErrors    = 16 << 10
)

// Process is a server that runs.
type Process struct {
	// Address is its loopback address and port, PID its number.
	Address string
	PID     int
	// Ready is how long it took until the first good answer.
	Ready time.Duration

	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts a server and waits until it answers GET path with status 200.
// Command says how to start it on a port. What it logs on standard output is
// dropped unless command says otherwise. Where another process took the port
// meanwhile, it is started again on another one.
func Start(ctx context.Context, path string, command func(port string) *exec.Cmd) (p *Process, err error) {
	for range 5 {
		if p, err = start(ctx, path, command); err == nil || !strings.Contains(err.Error(), "in use") {
			break
		}
	}
	return p, err
}

func start(ctx context.Context, path string, command func(port string) *exec.Cmd) (*Process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding a free port: %w", err)
	}
	_, port, _ := net.SplitHostPort(address)
	p := &Process{Address: address, cmd: command(port), exited: make(chan struct{})}
	stderr := new(tail)
	p.cmd.Stderr = stderr
	name := filepath.Base(p.cmd.Path)
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p.PID = p.cmd.Process.Pid
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.await(ctx, path); err != nil {
		p.Stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", name, err, stderr)
	}
	p.Ready = time.Since(began)
	return p, nil
}

func (p *Process) await(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	last := errors.New("it was not asked")
	for {
		select {
		case <-p.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case <-time.After(pollInterval):
		}
		if last = Get(ctx, "http://"+p.Address+path); last == nil {
			return nil
		}
	}
}

// Get asks for a URL on a connection of its own and returns an error unless the
// answer's status is 200.
func Get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
		return fmt.Errorf("%s answered %s: %s", url, resp.Status, body)
	}
	return nil
}

// Stop ends the process, gracefully if it can, and waits for it.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// freeAddress is one that nobody listens on right now.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(0)))
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	t.data = bytes.Clone(t.data[max(len(t.data)-maxErrors, 0):])
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
